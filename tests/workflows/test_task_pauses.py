"""A task's time stands still while its journey is paused, and the person has as long for it as before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from storage import commands, journeys, task_news, tasks
from storage.journeys import Journey
from storage.task_news import WEBHOOK
from storage.tasks import Task, TaskStateError
from tests.support import HOUR, MINUTE, Engine, until
from tests.workflows.keyed import DAY, OF_ORDERS, finished, forward, journeys_of, order, publish
from tests.workflows.test_tasks import SAY, asked

__all__ = ["asked"]

LATE: dict[str, Any] = {
    "id": "write",
    "task": {"title": "Write to them", "within": "2d", "escalate_after": "1d"},
    "otherwise": [{"id": "x", "exit": "late"}],
}


async def known(engine: Engine, journey: Journey) -> Task:
    return (await tasks.of_journey(engine.shop.parts.pool, journey.id))["write"]


async def pause(engine: Engine, journey: Journey, after: timedelta) -> None:
    assert await commands.pause(engine.shop.parts.pool, journey.id, engine.shop.begins + after)
    await engine.deliver()


async def resume(engine: Engine, journey: Journey, after: timedelta) -> None:
    assert await commands.resume(engine.shop.parts.pool, journey.id, engine.shop.begins + after)
    await engine.deliver()


async def told_of(engine: Engine, after: timedelta) -> list[str]:
    """What the shop has yet to hear at a moment."""
    now = engine.shop.begins + after
    shop = engine.shop
    return [what for what, _ in await task_news.to_tell(shop.parts.pool, shop.shop, WEBHOOK, task_news.ALL, now, 9)]


async def test_what_is_paused_is_not_over_and_ends_as_much_later_as_it_was_paused(engine: Engine) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    await shop.identify()
    await publish(shop, OF_ORDERS, LATE, SAY)
    await order(shop)
    [journey] = await journeys_of(shop)
    await forward(engine, journey, HOUR)
    before = await known(engine, journey)
    assert before.escalate_at is not None
    await pause(engine, journey, 2 * HOUR)
    # Three days later its time would be over.
    assert await tasks.expire(pool, shop.begins + 3 * DAY) == 0
    assert (await known(engine, journey)).state_at(shop.begins + 3 * DAY) == "open"
    assert await told_of(engine, 3 * DAY) == ["opened"]
    await resume(engine, journey, 2 * HOUR + 3 * DAY)
    after = await known(engine, journey)
    assert (after.due_at, after.escalate_at) == (before.due_at + 3 * DAY, before.escalate_at + 3 * DAY)
    assert await told_of(engine, 4 * DAY + 2 * HOUR) == ["opened", "escalated"]
    ended = await finished(engine, journey)
    assert ended.ended_at is not None
    assert ended.reason == "late"
    # The journey waited for as long: its own time moved as well.
    assert abs(ended.ended_at - after.due_at) < MINUTE


async def test_a_task_can_be_done_while_its_journey_is_paused_and_the_journey_goes_on_from_there(
    engine: Engine, asked: Journey, api: httpx.AsyncClient
) -> None:
    pool, begins = engine.shop.parts.pool, engine.shop.begins
    await pause(engine, asked, HOUR)
    task = await known(engine, asked)
    await tasks.claim(pool, task, "Zoé", begins + 9 * DAY)
    await tasks.complete(pool, task, "Zoé", "We kept it for you", begins + 10 * DAY)
    assert (await api.get(f"/v1/tasks/{task.task_id}")).json()["state"] == "done"
    await resume(engine, asked, 11 * DAY)
    assert (await finished(engine, asked)).outcome == "finished"
    assert await pool.fetchval("select body from sandbox_messages") == "We kept it for you"


async def test_what_was_over_before_the_pause_stays_over(engine: Engine, asked: Journey) -> None:
    pool, begins = engine.shop.parts.pool, engine.shop.begins
    # No run of the schedule has noted it yet.
    await pool.execute("update tasks set due_at = $1", begins + HOUR)
    await pause(engine, asked, 2 * HOUR)
    with pytest.raises(TaskStateError, match="the task is expired"):
        await tasks.claim(pool, await known(engine, asked), "Zoé", begins + 3 * HOUR)
    await resume(engine, asked, 4 * HOUR)
    assert (await known(engine, asked)).due_at == begins + HOUR
    assert await tasks.expire(pool, begins + 4 * HOUR) == 1


async def test_a_pause_that_a_backend_signals_itself_moves_it_as_well(engine: Engine, asked: Journey) -> None:
    before = await known(engine, asked)
    handle = engine.client.get_workflow_handle(asked.id)
    with engine.env.with_time_skipping_disabled():
        for name, after, status in (("pause", 2 * HOUR, "paused"), ("resume", 5 * HOUR, "running")):
            await handle.signal(name, {"at": (engine.shop.begins + after).isoformat()})

            async def is_noted(status: str = status) -> bool:
                return (await journeys.get(engine.shop.parts.pool, asked.id)).status == status

            await until(is_noted)
    assert (await known(engine, asked)).due_at == before.due_at + 3 * HOUR


async def test_each_pause_counts(engine: Engine, asked: Journey) -> None:
    before = await known(engine, asked)
    for hours in (1, 3, 6):
        await pause(engine, asked, hours * HOUR)
        await resume(engine, asked, (hours + 1) * HOUR)
    assert (await known(engine, asked)).due_at == before.due_at + 3 * HOUR
