"""Shops hear of tasks by signed webhooks, at least once, and of nothing that is over."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest_asyncio
from temporalio.testing import ActivityEnvironment

from activities.contracts import ToldTasks
from journeys.question import Mode
from journeys.steps import Task as Step
from storage import commands, endpoints, task_news, tasks
from storage.endpoints import Kind
from storage.journeys import Journey
from storage.task_news import WEBHOOK
from storage.tasks import Task
from tests.integration.loopback import Answer, Break, Request, Silence, serving
from tests.support import HOUR, TestShop
from tests.workflows.providers import turn
from tests.workflows.task_hooking import connect, heard, tell

HELP = {"id": "help", "task": {"title": "Help with the size", "within": "4h", "escalate_after": "1h"}}


@pytest_asyncio.fixture
async def journey(shop: TestShop) -> Journey:
    """A journey with an open task, of a shop that is not in sandbox mode."""
    await turn(shop, Mode.ALLOWLIST)
    await shop.identify()
    journey = await shop.fill()
    await open_task(shop, journey, "help")
    return journey


async def open_task(shop: TestShop, journey: Journey, step: str, after: timedelta = timedelta(0)) -> None:
    at = shop.begins + after
    async with shop.parts.pool.acquire() as db:
        read = Step.model_validate({**HELP, "id": step})
        await tasks.open_task(db, journey, read, at, due_at=at + 4 * HOUR)


async def expire(shop: TestShop) -> None:
    await ActivityEnvironment().run(shop.parts.tasks_in_time.expire)


async def known(shop: TestShop, journey: Journey) -> Task:
    return (await tasks.of_journey(shop.parts.pool, journey.id))["help"]


def said(request: Request) -> tuple[str, bytes]:
    return request.headers["webhook-id"], request.body


async def test_a_shop_hears_once_that_a_task_is_open_and_once_that_nobody_has_done_it(
    shop: TestShop, journey: Journey
) -> None:
    async with serving(Answer(204)) as hook:
        await connect(shop, hook.url)
        assert [await tell(shop), await tell(shop)] == [ToldTasks(told=1, failed=0), ToldTasks(told=0, failed=0)]
        task = await known(shop, journey)
        [opened] = heard(hook)
        assert opened == {
            "type": "task.opened",
            "id": task.task_id,
            "title": "Help with the size",
            "plan": "cart-recovery",
            "journey": journey.id,
            "step": "help",
            "customer": "ann",
            "opened_at": shop.begins.isoformat().replace("+00:00", "Z"),
            "due_at": (shop.begins + 4 * HOUR).isoformat().replace("+00:00", "Z"),
        }
        # Somebody does it, and has not done it yet.
        await tasks.claim(shop.parts.pool, task, "Zoé", shop.begins)
        await shop.parts.pool.execute("update tasks set escalate_at = $1", shop.begins)
        assert [(await tell(shop)).told, (await tell(shop)).told] == [1, 0]
        assert heard(hook)[1:] == [{**opened, "type": "task.escalated"}]
        assert len({said(request)[0] for request in hook.requests}) == 2


async def test_what_a_shop_does_not_hear_it_is_told_again_in_the_same_words(shop: TestShop, journey: Journey) -> None:
    await open_task(shop, journey, "second", HOUR)
    async with serving(Answer(500)) as hook:
        await connect(shop, hook.url)
        for fault in (Answer(500), Break(), Answer(302, headers={"location": "http://127.0.0.1:1/"}), Silence()):
            hook.reply = fault
            # The second waits behind the first: a shop that does not hear is not called for every task.
            assert await tell(shop) == ToldTasks(told=0, failed=1)
        hook.reply = Answer(200, b"fine")
        assert await tell(shop) == ToldTasks(told=2, failed=0)
        assert len({said(request) for request in hook.requests[:5]}) == 1
        assert [json.loads(request.body)["step"] for request in hook.requests[4:]] == ["help", "second"]


async def test_a_shop_that_does_not_hear_keeps_no_other_from_hearing(shop: TestShop, journey: Journey) -> None:
    other = TestShop(shop.parts)
    await other.open()
    await turn(other, Mode.ALLOWLIST)
    await other.identify("bob")
    await open_task(other, await other.fill(person="bob"), "help")
    async with serving(Answer(500)) as deaf, serving(Answer(200)) as hears:
        await connect(shop, deaf.url)
        await connect(other, hears.url)
        assert await tell(shop) == ToldTasks(told=1, failed=1)
    assert (await known(shop, journey)).state == "open"


async def test_of_what_is_over_hears_nobody_who_has_not_heard_of_it(shop: TestShop, journey: Journey) -> None:
    pool = shop.parts.pool
    for step, after in (("late", -5 * HOUR), ("escalated", -2 * HOUR)):
        await open_task(shop, journey, step, after)
    escalated = (await tasks.of_journey(pool, journey.id))["escalated"]
    await task_news.told(pool, WEBHOOK, "opened", escalated, shop.begins)
    await tasks.complete(pool, await known(shop, journey), "Zoé", "done", shop.begins)
    await expire(shop)
    async with serving(Answer(200)) as hook:
        await connect(shop, hook.url)
        assert await tell(shop) == ToldTasks(told=1, failed=0)
        assert [(call["type"], call["step"]) for call in heard(hook)] == [("task.escalated", "escalated")]
        await open_task(shop, journey, "withdrawn")
        await commands.cancel(pool, journey.id, "by a test", shop.begins)
        await tell(shop)
        assert [(call["type"], call["step"]) for call in heard(hook)[1:]] == [("task.withdrawn", "escalated")]


async def test_who_has_heard_of_a_task_hears_once_that_it_need_not_be_done_any_more(
    shop: TestShop, journey: Journey
) -> None:
    pool = shop.parts.pool
    for step in ("late", "done"):
        await open_task(shop, journey, step)
    async with serving(Answer(200)) as hook:
        await connect(shop, hook.url)
        assert (await tell(shop)).told == 3
        opened = await tasks.of_journey(pool, journey.id)
        await tasks.complete(pool, opened["done"], "Zoé", "done", shop.begins)
        await pool.execute("update tasks set due_at = $1 where step = 'late'", shop.begins)
        await expire(shop)
        hook.reply = Answer(500)
        assert await tell(shop) == ToldTasks(told=0, failed=1)
        hook.reply = Answer(200)
        await commands.cancel(pool, journey.id, "by a test", shop.begins)
        assert [await tell(shop), await tell(shop)] == [ToldTasks(told=2, failed=0), ToldTasks(told=0, failed=0)]
        over = heard(hook)[-2:]
        assert [(call["type"], call["step"]) for call in over] == [("task.expired", "late"), ("task.withdrawn", "help")]
        assert hook.requests[-2].headers["webhook-id"] == f"{opened['late'].task_id}-expired"


async def test_that_a_task_is_over_is_no_news_a_week_later(shop: TestShop, journey: Journey) -> None:
    pool = shop.parts.pool
    task = await known(shop, journey)
    await task_news.told(pool, WEBHOOK, "opened", task, shop.begins)
    await commands.cancel(pool, journey.id, "by a test", shop.begins)
    for days, expected in ((7, []), (6, ["withdrawn"])):
        later = task.due_at + timedelta(days=days)
        found = await task_news.to_tell(pool, shop.shop, WEBHOOK, task_news.ALL, later, 10)
        assert [what for what, _ in found] == expected


async def test_a_shop_in_sandbox_mode_hears_when_it_leaves_that(shop: TestShop, journey: Journey) -> None:
    assert (await known(shop, journey)).state == "open"
    await turn(shop, Mode.SANDBOX)
    async with serving(Answer(200)) as hook:
        await connect(shop, hook.url)
        assert await tell(shop) == ToldTasks(told=0, failed=0)
        await turn(shop, Mode.ALLOWLIST)
        assert await tell(shop) == ToldTasks(told=1, failed=0)
        assert await endpoints.remove(shop.parts.pool, shop.shop, Kind.TASK_HOOK)
        await open_task(shop, journey, "unheard")
        assert await tell(shop) == ToldTasks(told=0, failed=0)
