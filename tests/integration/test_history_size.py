"""What a journey costs Temporal, counted on the real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest_asyncio
from temporalio.client import Client, WorkflowExecutionStatus

from journeys.plan import Plan
from journeys.steps import Branch, Step, Wait, WaitUntilIdle
from relance import embedded
from storage import plans
from tests.support import PATIENCE, TestShop, cart_recovery, plan_file
from workers import temporal

WINDOW = timedelta(seconds=2)


@pytest_asyncio.fixture(scope="module")
async def server(tmp_path_factory: object) -> AsyncIterator[Client]:
    """A real dev server on a database file, as ``relance up`` runs it."""
    folder = tmp_path_factory.mktemp("temporal")  # type: ignore[attr-defined]
    async with embedded.temporal_server(Path(folder)) as address:
        client = await temporal.connect(address=address.grpc, namespace="default")
        await temporal.bootstrap(client)
        yield client


@pytest_asyncio.fixture
async def at_work(server: Client, shop: TestShop) -> AsyncIterator[Client]:
    """The relay and all workers, running."""
    stop = asyncio.Event()
    relay = asyncio.create_task(shop.parts.relay(server).run(stop))
    async with AsyncExitStack() as stack:
        for build in shop.parts.workers(server, grace=timedelta(seconds=1)):
            await stack.enter_async_context(build())
        yield server
        stop.set()
        await relay


def quick(*, further_wait: bool = False) -> Plan:
    """cart-recovery with windows of seconds, and two messages; the last wait is left out unless it is asked for."""
    steps: list[Step] = []
    for step in cart_recovery().steps:
        if isinstance(step, WaitUntilIdle):
            steps.append(step.model_copy(update={"wait_until_idle": WINDOW}))
        elif isinstance(step, Wait) and (further_wait or step.id != "offer-lives"):
            steps.append(step.model_copy(update={"wait": WINDOW}))
        elif not isinstance(step, Wait | Branch):
            steps.append(step)
    return cart_recovery(steps=steps)


async def played(shop: TestShop, client: Client, plan: Plan) -> int:
    """Play a cart through a plan to its end, and count the events of its history."""
    await plans.publish(shop.parts.pool, shop.shop, plan, plan_file().messages.model_dump_json())
    await shop.identify()
    await shop.fill()
    return await closed(shop, client)


async def closed(shop: TestShop, client: Client) -> int:
    handle = client.get_workflow_handle((await shop.journey()).id)
    while await shop.parts.pool.fetchval("select count(*) from outbox"):  # noqa: ASYNC110 Postgres sets no events
        await asyncio.sleep(0.02)
    await asyncio.wait_for(handle.result(), PATIENCE.total_seconds())
    return (await handle.describe()).history_length


async def test_two_messages_cost_25_events_where_a_bare_workflow_that_checks_nothing_needs_27(
    shop: TestShop, at_work: Client
) -> None:
    assert await played(shop, at_work, quick()) == 25
    assert await shop.sent() == [("first", "sms"), ("second", "email")]


async def test_a_further_wait_costs_6_events_more(shop: TestShop, at_work: Client) -> None:
    assert await played(shop, at_work, quick(further_wait=True)) == 31


async def test_a_purchase_in_the_first_window_costs_7_events(shop: TestShop, at_work: Client) -> None:
    await shop.fill()
    await shop.order(timedelta(0))
    assert await closed(shop, at_work) == 7


async def test_a_cart_update_while_the_journey_waits_costs_nothing(shop: TestShop, at_work: Client) -> None:
    journey = await shop.fill()
    handle = at_work.get_workflow_handle(journey.id)
    while await shop.parts.pool.fetchval("select count(*) from outbox"):  # noqa: ASYNC110 Postgres sets no events
        await asyncio.sleep(0.02)
    before = (await handle.describe()).history_length
    await shop.fill(product_id="p-2")
    assert await shop.parts.pool.fetchval("select count(*) from outbox") == 0
    description = await handle.describe()
    assert (description.history_length, description.status) == (before, WorkflowExecutionStatus.RUNNING)
    await handle.terminate()
