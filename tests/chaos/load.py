"""Events as a shop's backend sends them: some at a time, and again with the same id until they are acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.support import ITEM

Message = dict[str, Any]

EVENTS_OF_A_VISIT = 14
AT_ONCE = 20
PAUSES = (0.1, 0.2, 0.4, 0.8, *[1.0] * 20)
"""Seconds between the tries; who waits longer for an answer gives up."""
LONGEST_ANSWER = 10.0
LOST = 25
"""Of so many answers one is lost on its way, and what it is about is told again: a kill seldom hits just there."""
TOO_MANY = 429


def visit(number: int, begins: datetime) -> list[list[Message]]:
    """Give what happens to one cart, as requests of one or more messages. Of every second one an order comes."""
    person, cart = f"u-{number}", f"c-{number}"
    count = 0

    def message(kind: str, event: str | None = None, **more: Any) -> Message:
        nonlocal count
        count += 1
        at = begins + timedelta(seconds=count)
        named = {"messageId": f"{cart}-{count}", "userId": person, "timestamp": at.isoformat()}
        return {"type": kind, **named, **({"event": event} if event else {}), **more}

    def of_cart(event: str, **properties: Any) -> Message:
        return message("track", event, properties={"cart_id": cart, "currency": "EUR", **properties})

    def item(name: str, quantity: int = 1) -> Message:
        return {**ITEM, "product_id": name, "quantity": quantity}

    view = {"properties": {"product_id": "p-1"}}
    requests = [
        [message("identify", traits={"email": f"{person}@example.com", "consent": {"email": True}})],
        [of_cart("Product Added", **item("p-1"))],
        [message("page", name="Teapots"), message("track", "Product Viewed", **view), message("page", name="Cups")],
        *([of_cart("Product Added", **item(f"p-{n}", n))] for n in (1, 2, 3)),
        [of_cart("Cart Updated", products=[item("p-1", number % 5 + 1), item("p-4")])],
        [of_cart("Product Removed", product_id="p-4")],
        [message("page", name="Cart"), of_cart("Cart Viewed", discount=number % 3)],
        [of_cart("Checkout Started")],
    ]
    if number % 2 == 0:
        return [*requests, [of_cart("Order Completed", order_id=f"o-{number}", total=40)]]
    return [*requests, [message("page", name="Elsewhere")]]


def order_of(cart: str) -> str | None:
    """Give the id of the message that orders a cart, if one does."""
    return f"{cart}-{EVENTS_OF_A_VISIT}" if int(cart.removeprefix("c-")) % 2 == 0 else None


@dataclass
class Load:
    """A shop's visits, as many at a time as there are callers; what is told of one cart is told in order.

    Attributes:
        accepted: the ids of the messages that were acknowledged.
        given_up: those that were not, however often they were sent.
        failures: how often a try failed, by why.

    """

    url: str
    write_key: str
    accepted: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)
    failures: dict[str, int] = field(default_factory=dict)
    _answers: int = 0

    async def run(self, visits: Iterator[list[list[Message]]]) -> None:
        async with (
            httpx.AsyncClient(base_url=self.url, auth=(self.write_key, ""), timeout=LONGEST_ANSWER) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(AT_ONCE):
                group.create_task(self._call(client, visits))

    async def _call(self, client: httpx.AsyncClient, visits: Iterator[list[list[Message]]]) -> None:
        for requests in visits:
            for messages in requests:
                told = await self._tell(client, messages)
                (self.accepted if told else self.given_up).update(message["messageId"] for message in messages)

    async def _tell(self, client: httpx.AsyncClient, messages: list[Message]) -> bool:
        for pause in PAUSES:
            answer = await self._ask(client, messages)
            if answer is not None and answer.is_success:
                return True
            await asyncio.sleep(pause if answer is None else float(answer.headers.get("Retry-After", pause)))
        return False

    async def _ask(self, client: httpx.AsyncClient, messages: list[Message]) -> httpx.Response | None:
        """Send a request, and give the answer if one came."""
        try:
            answer = await self._post(client, messages)
        except httpx.TransportError as error:
            self._note(type(error).__name__)
            return None
        self._answers += 1
        if self._answers % LOST == 0:
            self._note("answer lost")
            return None
        if answer.is_success:
            assert {result["status"] for result in answer.json()["results"]} <= {"new", "duplicate"}
        else:
            assert answer.is_server_error or answer.status_code == TOO_MANY, answer.text
            self._note(str(answer.status_code))
        return answer

    async def _post(self, client: httpx.AsyncClient, messages: list[Message]) -> httpx.Response:
        if len(messages) == 1:
            return await client.post(f"/v1/{messages[0]['type']}", json=messages[0])
        return await client.post("/v1/batch", json={"batch": messages})

    def _note(self, why: str) -> None:
        self.failures[why] = self.failures.get(why, 0) + 1


def visits(count: int) -> Iterator[list[list[Message]]]:
    """Give so many visits, which began an hour ago."""
    begins = datetime.now(UTC) - timedelta(hours=1)
    return (visit(number, begins) for number in range(count))
