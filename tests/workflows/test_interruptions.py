"""What comes while a journey cannot act on it at once: a send in its queue, no worker, a message told twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.contracts import JOURNEY_QUEUE
from storage import commands, outbox
from tests.support import HOUR, MINUTE, Engine, TestShop, until, workers_at_work
from workers.worker import QUEUES

SEND_QUEUES = [queue for queue in QUEUES if queue != JOURNEY_QUEUE]


def engine_of(server: WorkflowEnvironment, shop: TestShop) -> Engine:
    """The engine without any worker."""
    return Engine(server, shop, shop.parts.relay(server.client))


async def started(engine: Engine) -> None:
    await engine.shop.identify()
    await engine.shop.fill()
    await engine.deliver()


async def pause_by_api(engine: Engine, at: timedelta) -> None:
    journey = await engine.shop.journey()
    assert await commands.pause(engine.shop.parts.pool, journey.id, engine.shop.begins + at)
    await engine.deliver()


async def resume_by_api(engine: Engine, at: timedelta) -> None:
    journey = await engine.shop.journey()
    assert await commands.resume(engine.shop.parts.pool, journey.id, engine.shop.begins + at)
    await engine.deliver()


async def signal(engine: Engine, name: str, at: timedelta) -> None:
    """Send a signal as a backend does that speaks Temporal itself."""
    with engine.env.with_time_skipping_disabled():
        await (await engine.handle()).signal(name, {"at": (engine.shop.begins + at).isoformat()})


async def cancel_by_api(engine: Engine, at: timedelta) -> None:
    journey = await engine.shop.journey()
    assert await commands.cancel(engine.shop.parts.pool, journey.id, "no more", engine.shop.begins + at)
    await engine.deliver()


async def order(engine: Engine, at: timedelta) -> None:
    await engine.shop.order(at)
    await engine.deliver()


async def order_that_temporal_has_not_heard_of(engine: Engine, at: timedelta) -> None:
    await engine.shop.order(at)


@contextlib.asynccontextmanager
async def send_in_its_queue(engine: Engine) -> AsyncIterator[None]:
    """A journey whose first send waits for a worker, in time that stands still; the worker comes at the end."""
    async with workers_at_work(engine.shop, engine.client, [JOURNEY_QUEUE]):
        await started(engine)
        handle = await engine.handle()

        async def waits() -> bool:
            return "ACTIVITY_TASK_SCHEDULED" in (await handle.fetch_history()).to_json()

        forward = asyncio.create_task(engine.forward(2 * HOUR + MINUTE))
        await until(waits)
        yield
        async with workers_at_work(engine.shop, engine.client, SEND_QUEUES):
            with contextlib.suppress(RPCError):  # it may have ended
                await forward
                await handle.terminate()


Act = Callable[[Engine, timedelta], Awaitable[None]]


async def pause_by_signal(engine: Engine, at: timedelta) -> None:
    await signal(engine, "pause", at)

    async def is_noted() -> bool:
        return (await engine.shop.journey()).status == "paused"

    await until(is_noted)


@pytest.mark.parametrize(
    ("act", "status"),
    [
        (order, "ended"),
        (order_that_temporal_has_not_heard_of, "ended"),
        (cancel_by_api, "ended"),
        (pause_by_api, "paused"),
        (pause_by_signal, "paused"),
    ],
)
async def test_what_comes_while_the_send_stands_in_its_queue_keeps_it_from_going_out(
    skipping_server: WorkflowEnvironment, shop: TestShop, act: Act, status: str
) -> None:
    engine = engine_of(skipping_server, shop)
    async with send_in_its_queue(engine):
        await act(engine, 2 * HOUR + MINUTE)
    assert (await shop.journey()).status == status
    assert await shop.sent() == []


async def test_a_consent_that_is_withdrawn_while_the_send_stands_in_its_queue_counts(
    skipping_server: WorkflowEnvironment, shop: TestShop
) -> None:
    async with send_in_its_queue(engine_of(skipping_server, shop)):
        await shop.take(shop.event("identify", 2 * HOUR, consent={"sms": False}))
    assert ("first", "sms", "refused", "no consent to marketing by sms") in await shop.ledger()


async def test_a_pause_and_a_resumption_that_come_while_no_worker_runs_keep_the_time_that_was_left(
    skipping_server: WorkflowEnvironment, shop: TestShop
) -> None:
    engine = engine_of(skipping_server, shop)
    async with workers_at_work(shop, engine.client):
        await started(engine)
        await engine.forward(3 * HOUR)
    await pause_by_api(engine, 3 * HOUR)
    await resume_by_api(engine, 13 * HOUR)
    async with workers_at_work(shop, engine.client):
        await engine.forward(32 * HOUR)
        assert await shop.sent() == [("first", "sms")]
        await engine.forward(2 * HOUR)
        assert await shop.sent() == [("first", "sms"), ("second", "email")]
        await (await engine.handle()).terminate()


async def test_a_pause_in_the_first_window_keeps_the_time_that_was_left(engine: Engine) -> None:
    await started(engine)
    await signal(engine, "pause", 30 * MINUTE)
    await signal(engine, "resume", 90 * MINUTE)
    await engine.forward(2 * HOUR + 50 * MINUTE)
    assert await engine.shop.sent() == []
    await engine.forward(20 * MINUTE)
    assert await engine.shop.sent() == [("first", "sms")]


async def test_a_pause_that_is_told_again_after_its_resumption_changes_nothing(engine: Engine) -> None:
    pool = engine.shop.parts.pool
    await started(engine)
    await engine.forward(3 * HOUR)
    journey = await engine.shop.journey()
    assert await commands.pause(pool, journey.id, engine.shop.begins + 3 * HOUR)
    row = await pool.fetchrow("select journey, signal, payload from outbox")
    assert row is not None
    await engine.deliver()
    await resume_by_api(engine, 3 * HOUR + MINUTE)
    await pool.execute("insert into outbox (journey, signal, payload) values ($1, $2, $3)", *row)
    await engine.deliver()
    await engine.forward(25 * HOUR)
    assert await engine.shop.sent() == [("first", "sms"), ("second", "email")]


async def pause_that_is_parked(engine: Engine, at: timedelta) -> None:
    """Pause by the API, while Temporal cannot be told of it."""
    journey = await engine.shop.journey()
    assert await commands.pause(engine.shop.parts.pool, journey.id, engine.shop.begins + at)
    row = await engine.shop.parts.pool.fetchval("select id from outbox")
    await outbox.park(engine.shop.parts.pool, {row: "a reason"})


async def give_back(engine: Engine) -> None:
    assert len(await outbox.retry(engine.shop.parts.pool, None)) == 1
    await engine.deliver()


async def test_a_parked_pause_that_is_given_back_after_its_resumption_changes_nothing(engine: Engine) -> None:
    await started(engine)
    await engine.forward(3 * HOUR)
    await pause_that_is_parked(engine, 3 * HOUR)
    await resume_by_api(engine, 3 * HOUR + MINUTE)
    await give_back(engine)
    await engine.forward(25 * HOUR)
    assert await engine.shop.sent() == [("first", "sms"), ("second", "email")]
    assert (await engine.shop.journey()).status == "running"


async def test_a_pause_that_is_newer_than_the_resumption_before_it_counts(engine: Engine) -> None:
    await started(engine)
    await engine.forward(3 * HOUR)
    await signal(engine, "resume", 3 * HOUR)
    await pause_by_api(engine, 3 * HOUR + MINUTE)
    await engine.forward(40 * HOUR)
    assert await engine.shop.sent() == [("first", "sms")]


async def test_a_backends_resumption_that_comes_before_its_pause_is_noted_in_postgres(engine: Engine) -> None:
    await started(engine)
    await engine.forward(3 * HOUR)
    await pause_that_is_parked(engine, 3 * HOUR)
    await signal(engine, "resume", 3 * HOUR + MINUTE)
    await give_back(engine)
    await engine.forward(25 * HOUR)
    assert await engine.shop.sent() == [("first", "sms"), ("second", "email")]
    assert (await engine.shop.journey()).status == "running"


async def test_a_resumption_that_is_told_again_after_the_next_pause_changes_nothing(engine: Engine) -> None:
    pool = engine.shop.parts.pool
    await started(engine)
    await engine.forward(3 * HOUR)
    await pause_by_api(engine, 3 * HOUR)
    journey = await engine.shop.journey()
    assert await commands.resume(pool, journey.id, engine.shop.begins + 3 * HOUR + MINUTE)
    row = await pool.fetchrow("select journey, signal, payload from outbox")
    assert row is not None
    await engine.deliver()
    await pause_by_api(engine, 3 * HOUR + 2 * MINUTE)
    await pool.execute("insert into outbox (journey, signal, payload) values ($1, $2, $3)", *row)
    await engine.deliver()
    await engine.forward(40 * HOUR)
    assert await engine.shop.sent() == [("first", "sms")]
    assert (await engine.shop.journey()).status == "paused"
