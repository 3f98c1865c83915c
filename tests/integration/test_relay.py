"""The relay against a real Temporal server: many rows, several relays, and what cannot be delivered."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from structlog.testing import capture_logs
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from storage import outbox
from tests.integration.relaying import BESIDE, address, at_work, client, ids, is_empty, many, rows, started, tell
from tests.support import SECRET_TEXT, TestShop, until
from workers.relay import MOST_TRIES

__all__ = ["address", "client"]

SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


async def heard(client: Client, journey: str) -> list[str]:
    """The signals that a workflow has heard."""
    history = await client.get_workflow_handle(journey).fetch_history()
    return [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in history.events
        if event.event_type == SIGNALED
    ]


async def relance(database_url: str, *words: str) -> str:
    """Run the program and give what it prints."""
    process = await asyncio.create_subprocess_exec(
        BESIDE / "relance",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"RELANCE_DATABASE_URL": database_url, "RELANCE_SECRET": SECRET_TEXT, "COLUMNS": "200"},
    )
    out, _ = await process.communicate()
    return f"{process.returncode}: {' '.join(out.decode().split())}"


async def test_three_relays_start_2000_journeys_once_each_and_every_signal_is_heard_once_and_in_order(
    shop: TestShop, client: Client
) -> None:
    await many(shop, 2_000)
    await tell(shop, "pause")
    for name in ("resume", "pause", "cancel"):
        await tell(shop, name, "cart_id like '%0'")
    async with at_work(*(shop.parts.relay(client) for _ in range(3))):
        await until(lambda: is_empty(shop), patience=timedelta(minutes=5))

    assert await started(shop, client, 2_000) == await ids(shop)
    journeys = await shop.parts.pool.fetch("select id, cart_id from journeys")
    at_once = asyncio.Semaphore(20)

    async def check(journey: str, cart: str) -> None:
        async with at_once:
            names = ["pause", "resume", "pause", "cancel"] if cart.endswith("0") else ["pause"]
            assert await heard(client, journey) == names

    await asyncio.gather(*(check(row["id"], row["cart_id"]) for row in journeys))


async def test_a_row_that_can_never_be_delivered_is_parked_with_its_reason_and_the_others_are_delivered(
    shop: TestShop, client: Client, database_url: str
) -> None:
    await many(shop, 4)
    await tell(shop, "no_such_signal", "cart_id = 'c-0'")
    await tell(shop, "checkout_completed", "cart_id = 'c-1'", at="ann@example.com")
    await tell(shop, "cancel", "cart_id = 'c-2'", reason="x" * 3_000_000)
    await tell(shop, "cancel", "cart_id = 'c-3'", reason="x" * 5_000_000)
    await tell(shop, "pause")
    with capture_logs() as log:
        assert await shop.parts.relay(client).deliver_batch()
    assert [(cart, tries, parked, problem) for cart, _, tries, _, parked, problem in await rows(shop)] == [
        ("c-0", 1, True, "no journey hears a signal 'no_such_signal'"),
        ("c-1", 1, True, "not a valid CheckoutCompleted: at (datetime_from_date_parsing), order_id (missing)"),
        ("c-2", 1, True, "Temporal says INVALID_ARGUMENT: Blob data size exceeds limit."),
        (
            "c-3",
            1,
            True,
            "Temporal says RESOURCE_EXHAUSTED: grpc: received message after decompression larger than max 4194304",
        ),
    ]
    assert len(log) == 4
    journeys = {row["cart_id"]: row["id"] for row in await shop.parts.pool.fetch("select id, cart_id from journeys")}
    for journey in journeys.values():
        assert await heard(client, journey) == ["pause"]
    waiting = await outbox.waiting(shop.parts.pool)
    assert (waiting.rows, waiting.oldest, waiting.parked) == (0, timedelta(0), 4)

    ids = [row["id"] for row in await shop.parts.pool.fetch("select id from outbox order by id")]
    listed = await relance(database_url, "events", "parked", "--shop", shop.shop)
    assert listed.startswith("0:")
    assert all(str(one) in listed for one in ids)
    assert "no journey hears a signal 'no_such_signal'" in listed
    # A deployment knows the signal now, and somebody has mended the order.
    await shop.parts.pool.execute("update outbox set signal = 'resume' where id = $1", ids[0])
    assert await relance(database_url, "events", "retry", str(ids[0])) == "0: given back to the relay: 1"
    again = await relance(database_url, "events", "retry", str(ids[0]), str(ids[1]))
    assert again.startswith("2: given back to the relay: 1")
    assert f"not parked: {ids[0]};" in again
    await shop.parts.pool.execute(
        "update outbox set payload = jsonb_build_object('at', now(), 'order_id', 'o-1') where id = $1", ids[1]
    )
    await shop.parts.relay(client).deliver_batch()
    assert await heard(client, journeys["c-0"]) == ["pause", "resume"]
    assert await heard(client, journeys["c-1"]) == ["pause", "checkout_completed"]
    assert await relance(database_url, "events", "retry", "--all") == "0: given back to the relay: 2"
    assert (await outbox.waiting(shop.parts.pool)).rows == 2


async def test_a_row_at_which_our_own_side_fails_is_parked_though_it_is_alone_and_no_outage_is_told_of(
    shop: TestShop, client: Client
) -> None:
    await many(shop, 1)
    pool = shop.parts.pool
    # No start delay can be worked out of that.
    await pool.execute("update journeys set first_due = 'infinity'")
    await tell(shop, "pause")
    relay = shop.parts.relay(client)
    with capture_logs() as log:
        for tries in range(1, MOST_TRIES):
            assert await relay.deliver_batch()
            [start, behind] = await rows(shop)
            assert (start[2], start[4:]) == (tries, (False, "TypeError"))
            assert (behind[2], behind[4:]) == (0, (False, None))
            await pool.execute("update outbox set try_at = now()")
        assert await relay.deliver_batch()
    [start, behind] = await rows(shop)
    assert start[2:] == (MOST_TRIES, False, True, "TypeError")
    assert behind == ("c-0", "pause", 0, True, False, None)
    assert [line["event"] for line in log] == ["relay parks a row that cannot be delivered"]


async def test_what_comes_after_a_row_at_which_our_own_side_fails_is_delivered_at_once(
    shop: TestShop, client: Client
) -> None:
    await many(shop, 2)
    pool = shop.parts.pool
    await pool.execute("update journeys set first_due = 'infinity' where cart_id = 'c-0'")
    await pool.execute("delete from outbox where journey in (select id from journeys where cart_id = 'c-1')")
    await pool.execute("update outbox set tries = 7")
    relay = shop.parts.relay(client)
    assert await relay.deliver_batch()
    assert [row[2:] for row in await rows(shop)] == [(8, False, False, "TypeError")]
    await tell(shop, "pause", "cart_id = 'c-1'")
    assert await relay.deliver_batch()
    assert [(row[0], row[2]) for row in await rows(shop)] == [("c-0", 8)]
    assert relay.rest == timedelta(0)


class Odd(Interceptor):
    """A Temporal that answers what nobody knows when it is told of one journey."""

    def __init__(self, journey: str) -> None:
        self.journey = journey
        self.asked: list[bool] = []

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 the library's name
        return _Odd(next, self)


class _Odd(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, odd: Odd) -> None:  # noqa: A002 the library's name
        super().__init__(next)
        self._odd = odd

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002 the library's name
        is_odd = input.id == self._odd.journey
        self._odd.asked.append(is_odd)
        if is_odd:
            raise RPCError("odd", RPCStatusCode.INTERNAL, b"")
        return await super().start_workflow(input)


async def odd_for_one(shop: TestShop, client: Client) -> tuple[Client, Odd]:
    """A client of a Temporal that is odd about the first cart's journey."""
    odd = Odd(str(await shop.parts.pool.fetchval("select id from journeys where cart_id = 'c-0'")))
    config = client.config()
    config["interceptors"] = [odd]
    return Client(**config), odd


async def test_an_answer_that_nobody_knows_is_held_against_a_row_only_while_temporal_takes_others(
    shop: TestShop, client: Client
) -> None:
    await many(shop, 2)
    pool = shop.parts.pool
    answering, _ = await odd_for_one(shop, client)
    await pool.execute("delete from outbox where journey in (select id from journeys where cart_id = 'c-1')")
    await tell(shop, "pause", "cart_id = 'c-0'")
    relay = shop.parts.relay(answering)
    for _ in range(2 * MOST_TRIES):
        await pool.execute("update outbox set try_at = now()")
        assert await relay.deliver_batch()
    assert [row[2:] for row in await rows(shop)] == [(0, False, False, None)] * 2

    for tries in range(1, MOST_TRIES):
        await tell(shop, "pause", "cart_id = 'c-1'")
        # One finds out that Temporal is there; then both are in one batch.
        while len(await rows(shop)) > 2:
            await relay.deliver_batch()
        await tell(shop, "pause", "cart_id = 'c-1'")
        await pool.execute("update outbox set try_at = now()")
        await relay.deliver_batch()
        [start, behind] = await rows(shop)
        assert start[1:] == (None, tries, False, False, "Temporal says INTERNAL: odd")
        assert behind[1:] == ("pause", 0, False, False, None)
    await tell(shop, "pause", "cart_id = 'c-1'")
    await pool.execute("update outbox set try_at = now()")
    await relay.deliver_batch()
    [start, behind] = await rows(shop)
    assert start[2:] == (MOST_TRIES, False, True, "Temporal says INTERNAL: odd")
    assert behind == ("c-0", "pause", 0, True, False, None)


async def test_a_new_row_goes_before_one_that_temporal_answers_oddly(shop: TestShop, client: Client) -> None:
    await many(shop, 2)
    answering, odd = await odd_for_one(shop, client)
    await shop.parts.pool.execute("delete from outbox where journey in (select id from journeys where cart_id = 'c-1')")
    relay = shop.parts.relay(answering)
    for _ in range(8):
        await shop.parts.pool.execute("update outbox set try_at = now()")
        assert await relay.deliver_batch()
    await tell(shop, "pause", "cart_id = 'c-1'")
    assert await relay.deliver_batch()
    assert odd.asked == [True] * 8 + [False]
