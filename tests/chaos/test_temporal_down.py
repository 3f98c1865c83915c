"""Temporal goes away and comes back: everything is answered meanwhile, and everything is caught up with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus

from relance import embedded
from storage import commands, outbox
from storage.ingest import Taken
from tests.support import HOUR, MINUTE, PATIENCE, TestShop, until, workers_at_work
from workers import temporal

WINDOW = 2 * HOUR
"""The first window of cart-recovery for a small cart."""


@asynccontextmanager
async def temporal_up(folder: Path) -> AsyncIterator[Client]:
    """A real Temporal server that keeps its journeys in a folder."""
    async with embedded.temporal_server(folder) as address:
        client = await temporal.connect(address=address.grpc, namespace="default")
        await temporal.bootstrap(client)
        yield client


@asynccontextmanager
async def relays_at_work(shop: TestShop, client: Client, count: int = 1) -> AsyncIterator[None]:
    """The shop's relays, running."""
    stop = asyncio.Event()
    relays = [asyncio.create_task(shop.parts.relay(client).run(stop)) for _ in range(count)]
    yield
    stop.set()
    await asyncio.gather(*relays)


async def delivered(shop: TestShop) -> bool:
    """Tell whether Temporal has heard everything."""
    return (await outbox.waiting(shop.parts.pool)).rows == 0


async def is_running(shop: TestShop, client: Client, cart: str) -> bool:
    """Tell whether Temporal says that a cart's workflow is running."""
    described = await client.get_workflow_handle((await shop.journey(cart)).id).describe()
    return described.status is WorkflowExecutionStatus.RUNNING


async def ended(shop: TestShop, client: Client, *carts: str) -> None:
    """Wait until the workflows of carts have ended."""
    async with asyncio.timeout(PATIENCE.total_seconds()):
        for cart in carts:
            await client.get_workflow_handle((await shop.journey(cart)).id).result()


async def signals(shop: TestShop, client: Client, cart: str) -> list[str]:
    """Give the names of the signals that a cart's workflow has heard."""
    history = await client.get_workflow_handle((await shop.journey(cart)).id).fetch_history()
    kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    return [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in history.events
        if event.event_type == kind
    ]


async def fill(shop: TestShop, *carts: str, after: timedelta = timedelta(0)) -> None:
    """Fill carts, each of a person of its own."""
    for cart in carts:
        await shop.identify(f"owner of {cart}")
        await shop.fill(cart, after, person=f"owner of {cart}")


async def order(shop: TestShop, cart: str, after: timedelta) -> None:
    """Order a cart; it must be answered."""
    event = shop.event(
        "Order Completed", after, person=f"owner of {cart}", cart_id=cart, order_id=f"o-{cart}", total=40
    )
    assert await shop.take(event) is Taken.NEW


async def test_an_outage_of_temporal_is_answered_through_and_caught_up_with(shop: TestShop, tmp_path: Path) -> None:
    # The first windows of what is filled at once end a few seconds from now: while Temporal is down.
    due = datetime.now(UTC) + timedelta(seconds=4)
    shop.begins = due - WINDOW
    before = WINDOW - MINUTE
    pool = shop.parts.pool

    async with temporal_up(tmp_path) as lost, relays_at_work(shop, lost):
        await fill(shop, "is-due", "ordered-when-due", "cancelled-when-due")
        await fill(shop, "goes-on", "ordered", "cancelled", "paused", after=HOUR)
        await until(lambda: delivered(shop))

    async with relays_at_work(shop, lost):
        for cart in ("ordered-when-due", "ordered"):
            await order(shop, cart, before)
        for cart in ("cancelled-when-due", "cancelled"):
            assert await commands.cancel(pool, (await shop.journey(cart)).id, "asked to", shop.begins + before)
        assert await commands.pause(pool, (await shop.journey("paused")).id, shop.begins + before)
        await fill(shop, "new", "new-and-ordered", after=before)
        await order(shop, "new-and-ordered", before)
        assert not await delivered(shop)
        await asyncio.sleep((due - datetime.now(UTC)).total_seconds())
    # However long it lasts, an outage leaves no mark on what waits.
    assert not await pool.fetchval("select count(*) from outbox where tries > 0 or parked_at is not null")

    async with temporal_up(tmp_path) as client, workers_at_work(shop, client):
        # No relay yet: the journeys that were due have only their look to learn of what happened.
        await ended(shop, client, "ordered-when-due", "cancelled-when-due")
        await until(lambda: shop.sent("is-due"))
        async with relays_at_work(shop, client):
            await until(lambda: delivered(shop))
        await ended(shop, client, "ordered", "cancelled", "new-and-ordered")
        for cart in ("is-due", "goes-on", "paused", "new"):
            assert await is_running(shop, client, cart)

    rows = await pool.fetch("select cart_id, status, outcome from journeys")
    outcomes = {row["cart_id"]: row["outcome"] or row["status"] for row in rows}
    assert outcomes == {
        "is-due": "running",
        "ordered-when-due": "converted",
        "cancelled-when-due": "cancelled",
        "goes-on": "running",
        "ordered": "converted",
        "cancelled": "cancelled",
        "paused": "paused",
        "new": "running",
        "new-and-ordered": "converted",
    }
    assert [row["key"] for row in await pool.fetch("select key from sends where state <> 'refused'")] == ["is-due"]


async def test_two_relays_deliver_each_row_once_and_a_row_that_comes_again_changes_nothing(
    shop: TestShop, tmp_path: Path
) -> None:
    carts = [f"c-{number}" for number in range(30)]
    ordered = carts[::2]
    await fill(shop, *carts)
    for cart in ordered:
        await order(shop, cart, HOUR)
    rows = await shop.parts.pool.fetch("select * from outbox order by id")
    assert len(rows) == len(carts) + len(ordered)

    async with temporal_up(tmp_path) as client, workers_at_work(shop, client):
        async with relays_at_work(shop, client, count=2):
            await until(lambda: delivered(shop))
            await ended(shop, client, *ordered)
            runs = await _runs(client)
            assert len(runs) == len(carts)
            for cart in carts:
                assert await signals(shop, client, cart) == (["checkout_completed"] if cart in ordered else [])

            # As if both relays had died after they had told Temporal, and before they could forget the rows.
            await shop.parts.pool.executemany(
                "insert into outbox (journey, signal, payload) values ($1, $2, $3)",
                [(row["journey"], row["signal"], row["payload"]) for row in rows],
            )
            await until(lambda: delivered(shop))
        assert await _runs(client) == runs
    assert await shop.parts.pool.fetchval("select count(*) from journeys where outcome = 'converted'") == len(ordered)


async def _runs(client: Client) -> dict[str, str]:
    """Give the run of each workflow; a workflow that ran twice is a failure."""
    found = [(run.id, run.run_id) async for run in client.list_workflows("WorkflowType = 'Journey'")]
    assert len(dict(found)) == len(found)
    return dict(found)
