"""A worker is killed at each point at which a send gives way to others, and the send is handed to the next worker.

The points are not a list: the send is driven step by step, and in the n-th run it is killed at its n-th step, until a
run comes to its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from temporalio.exceptions import ApplicationError

from activities.contracts import SendInput, SendResult
from relance.assembly import assemble
from tests.conftest import own_database
from tests.integration.loopback import Answer, Break, Silence, listening, read_request, say
from tests.support import SECRET, TestShop, opened_shop
from tests.workflows.providers import connect_infobip, connect_twilio, order_for, send, sending

_MOST_STEPS = 400


class KilledError(Exception):
    """The worker is gone."""


@types.coroutine
def killed_after(
    steps: int, die: Callable[[], None], send: Coroutine[Any, Any, SendResult]
) -> Generator[Any, Any, None]:
    """Drive a coroutine so many steps, take the world away from it, and let it fall."""
    go_on: Callable[[], Any] = functools.partial(send.send, None)
    left = steps
    while True:
        try:
            waits_for = go_on()
        except StopIteration:
            return
        except (asyncio.CancelledError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, OSError):
            raise KilledError from None
        left -= 1
        if left == 0:
            die()
            go_on = functools.partial(send.throw, asyncio.CancelledError())
            continue
        try:
            go_on = functools.partial(send.send, (yield waits_for))
        except BaseException as error:  # noqa: BLE001 it is what the coroutine waited for
            go_on = functools.partial(send.throw, error)


@dataclass
class Books:
    """A provider with books of its own: what it has accepted, by what it was asked."""

    accepted: list[str] = field(default_factory=list)
    accepted_texts: list[str] = field(default_factory=list)
    reply: Answer | Break | Silence | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader)
        if self.reply is not None:
            return await say(self.reply, reader, writer)
        if "/sms/3/" not in request.target:
            self.accepted.append(request.body.decode())
            return await say(Answer(201, b'{"sid": "SM0"}'), reader, writer)
        # Infobip recognises a message id that it has seen.
        message_id = json.loads(request.body)["messages"][0]["destinations"][0]["messageId"]
        status = (
            {"id": 23, "groupName": "REJECTED"} if message_id in self.accepted else {"id": 26, "groupName": "PENDING"}
        )
        if message_id not in self.accepted:
            self.accepted.append(message_id)
            self.accepted_texts.append(request.body.decode())
        answer = {"messages": [{"messageId": message_id, "status": status, "destination": "1"}]}
        return await say(Answer(200, json.dumps(answer).encode()), reader, writer)


@asynccontextmanager
async def provider(shop: TestShop, name: str) -> AsyncIterator[Books]:
    books = Books()
    async with listening(books.serve) as port:
        connect = connect_twilio if name == "twilio" else connect_infobip
        await connect(shop, f"http://127.0.0.1:{port}")
        yield books


async def kill(url: str, shop: TestShop, order: SendInput, steps: int) -> bool:
    """Run a send in a worker of its own and kill it; tell whether it was done before."""
    async with assemble(url, SECRET, shop.parts.public_url) as parts:
        worker = TestShop(parts, shop.shop, shop.begins)
        try:
            # Its connections end without a word, as those of a process that is gone.
            await killed_after(steps, parts.pool.terminate, sending(worker).send(order))
        except KilledError:
            return False
        return True


@pytest.mark.parametrize("name", ["twilio", "infobip"])
async def test_wherever_a_worker_is_killed_the_provider_has_accepted_at_most_one_message_of_a_step(
    postgres_server: str, name: str
) -> None:
    states: list[str] = []
    for steps in range(1, _MOST_STEPS):
        async with own_database(postgres_server) as url, opened_shop(url) as shop, provider(shop, name) as books:
            await shop.identify()
            await shop.fill()
            order = await order_for(shop)
            done = await kill(url, shop, order, steps)
            # Temporal hands it to the next worker; another one after that changes nothing any more.
            first = await send(shop)
            again = await send(shop)
            assert first.outcome == again.outcome == "sent"
            [state] = [state for _, _, state, _ in await shop.ledger() if state not in {"released", "refused"}]
        states.append(state)
        assert len(books.accepted) <= 1
        if books.accepted:
            assert state in {"accepted", "unknown"}
        else:
            assert state == "unknown", "the message is lost, and nobody says that it may be"
        if done:
            break
    else:
        raise AssertionError(f"a send takes more than {_MOST_STEPS} steps")
    assert len(states) > 10
    if name == "infobip":
        # It recognises a repeated id, so nothing has to stay unknown.
        assert set(states) == {"accepted"}
    else:
        assert set(states) == {"accepted", "unknown"}


@pytest.mark.parametrize("name", ["twilio", "infobip"])
@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Answer(429, b"{}"), "released"),
        (Answer(500, b"{}"), "unknown"),
        (Break(), "unknown"),
        (Break(b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{"), "unknown"),
        (Answer(401, b"{}"), "released"),
    ],
)
async def test_a_provider_that_fails_in_the_middle_has_at_most_one_message_and_the_ledger_says_what_is_known(
    shop: TestShop, name: str, fault: Answer | Break, state: str
) -> None:
    async with provider(shop, name) as books:
        await shop.identify()
        await shop.fill()
        books.reply = fault
        with contextlib.suppress(ApplicationError):
            await send(shop)
        assert [found for _, _, found, _ in await shop.ledger()] == [state]
        books.reply = None
        assert (await send(shop)).outcome == "sent"
        assert len(books.accepted) == (1 if state == "released" else 0)
        assert [found for _, _, found, _ in await shop.ledger()][-1] == (
            "accepted" if state == "released" else "unknown"
        )
