"""Agents hear of tasks by the shop's own mail: one mail of all that is new, and beside webhooks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.testing import ActivityEnvironment

from activities import task_mails as mailing
from activities.contracts import JOURNEY_QUEUE, Expired, MailedTasks
from messages import render
from storage import commands, endpoints, shops, story, tasks
from storage.endpoints import Kind
from storage.journeys import Journey
from tests.integration.loopback import Answer, serving
from tests.integration.mailserver import newest, refusing
from tests.support import HOUR, Engine, TestShop
from tests.workflows.keyed import DAY, finished, forward
from tests.workflows.library import dropped
from tests.workflows.task_hooking import connect as connect_hook
from tests.workflows.task_hooking import heard, tell
from tests.workflows.task_mailing import AGENTS, CHIEF, MAILED, NOTHING, Later, agents, journey, mail, open_tasks, to
from workflows.tasks import TasksWorkflow

__all__ = ["journey"]


async def expire(shop: TestShop, ahead: timedelta) -> int:
    found: Expired = await ActivityEnvironment().run(replace(shop.parts, clock=Later(ahead)).tasks_in_time.expire)
    return found.expired


def text(mail: EmailMessage) -> str:
    body: str = mail.get_content()
    return body


# What they hear


async def test_a_new_task_is_told_once_with_the_story_and_how_to_do_it_and_without_any_address(
    shop: TestShop, journey: Journey, capsys: pytest.CaptureFixture[str]
) -> None:
    await open_tasks(shop, journey, "help")
    async with agents(shop) as box:
        assert [await mail(shop), await mail(shop)] == [MAILED, NOTHING]
        [task] = (await tasks.of_journey(shop.parts.pool, journey.id)).values()
        found = newest(box)
        assert (found["to"], found["from"]) == (AGENTS, "shop@example.com")
        assert found["subject"] == "Test Shop: tasks (new 1)"
        said = text(found)
        for told in (
            "Help with the size",
            f"1. Help with the size, until {render.moment(task.due_at, (), 'en_GB')}",
            "Customer: ann",
            "First name: Ann",
            "Language: fr",
            "In the cart: 1 x Teapot, €40.00",
            "Agreed to: email marketing, sms marketing",
            f"relance tasks complete {task.task_id} --by",
            f"POST https://relance.example.com/v1/tasks/{task.task_id}/complete",
            f"relance tasks list --shop {shop.shop} --state open",
        ):
            assert told in said
        assert ("ann@example.com" in said, "+33639980001" in said, "+33639980001" in capsys.readouterr().out) == (
            False,
            False,
            False,
        )


async def test_a_task_of_whom_nothing_can_be_read_is_told_by_its_title_and_keeps_no_other_from_being_told(
    shop: TestShop, journey: Journey, capsys: pytest.CaptureFixture[str]
) -> None:
    await shop.identify("bob", firstName="Bob", phone="+33639980002")
    await open_tasks(shop, journey, "help")
    await open_tasks(shop, await shop.fill("c-2", person="bob"), "call", title="Call them")
    await shop.parts.pool.execute("""update carts set content = '{"items": 5}' where cart_id = 'c-2'""")
    async with agents(shop) as box:
        assert [await mail(shop), await mail(shop)] == [MAILED, NOTHING]
        said = text(newest(box))
    assert all(told in said for told in ("First name: Ann", "Call them", "Customer: bob"))
    assert "First name: Bob" not in said
    logged = capsys.readouterr().out
    assert ("ValidationError" in logged, "bob" in logged) == (True, False)


async def test_what_is_late_hears_who_is_named_for_it_and_nobody_else(shop: TestShop, journey: Journey) -> None:
    await open_tasks(shop, journey, "help")
    async with agents(shop, CHIEF) as box:
        assert [await mail(shop), await mail(shop, 2 * HOUR), await mail(shop, 2 * HOUR)] == [MAILED, MAILED, NOTHING]
        assert to(box) == [[AGENTS], [CHIEF]]
        assert newest(box)["subject"] == "Test Shop: tasks (late 1)"
        assert "LATE: NOBODY HAS DONE THEM YET (1)" in text(newest(box))


async def test_where_nobody_is_named_for_it_the_same_hear_of_what_is_late(shop: TestShop, journey: Journey) -> None:
    await open_tasks(shop, journey, "help")
    async with agents(shop) as box:
        # Both are news by now: it is told once, as late.
        assert [await mail(shop, 2 * HOUR), await mail(shop, 2 * HOUR)] == [MAILED, NOTHING]
        assert to(box) == [[AGENTS]]
        assert text(newest(box)).count("Help with the size") == 1


async def test_five_hundred_new_tasks_are_one_mail(shop: TestShop, journey: Journey) -> None:
    await open_tasks(shop, journey, *(f"s-{number}" for number in range(500)))
    async with agents(shop) as box:
        assert [await mail(shop), await mail(shop)] == [MAILED, NOTHING]
        said = text(newest(box))
        opened = (await tasks.of_journey(shop.parts.pool, journey.id)).values()
        assert all(task.task_id in said for task in opened)
        assert (said.count("First name: Ann"), "And 480 more:" in said) == (20, True)


async def test_what_one_mail_does_not_tell_of_the_next_does(
    shop: TestShop, journey: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailing, "AT_MOST", 2)
    await open_tasks(shop, journey, "a", "b", "c")
    async with agents(shop) as box:
        assert [await mail(shop), await mail(shop), await mail(shop)] == [MAILED, MAILED, NOTHING]
        assert [envelope.rcpt_tos for envelope in box.envelopes] == [[AGENTS]] * 2


async def test_who_has_heard_of_a_task_hears_that_it_is_over_and_nobody_else(shop: TestShop, journey: Journey) -> None:
    await open_tasks(shop, journey, "late", "done", "withdrawn")
    pool = shop.parts.pool
    async with agents(shop, CHIEF) as box:
        await mail(shop)
        opened = await tasks.of_journey(pool, journey.id)
        await tasks.complete(pool, opened["done"], "Zoé", "done", shop.begins)
        await pool.execute("update tasks set due_at = $1 where step = 'late'", shop.begins)
        await expire(shop, HOUR)
        await commands.cancel(pool, journey.id, "by a test", shop.begins)
        await open_tasks(shop, journey, "never-told")
        assert [await mail(shop), await mail(shop)] == [MAILED, NOTHING]
        assert to(box) == [[AGENTS], [AGENTS]]
        assert newest(box)["subject"] == "Test Shop: tasks (over 2)"
        said = text(newest(box))
        assert f"({opened['late'].task_id}; Customer: ann): not done in time" in said
        assert f"({opened['withdrawn'].task_id}; Customer: ann): journey ended" in said


@pytest.mark.parametrize(
    ("language", "subject", "heading"),
    [
        ("fr", "Test Shop : tâches (nouvelles 1)", "À FAIRE (1)"),
        ("it", "Test Shop: attività (nuove 1)", "DA FARE (1)"),
        ("pt", "Test Shop: tarefas (novas 1)", "POR FAZER (1)"),
    ],
)
async def test_a_mail_is_in_the_shops_language(
    shop: TestShop, journey: Journey, language: str, subject: str, heading: str
) -> None:
    await open_tasks(shop, journey, "help")
    async with agents(shop) as box:
        await shops.save(shop.parts.pool, replace(await shops.get(shop.parts.pool, shop.shop), language=language))
        assert await mail(shop) == MAILED
        assert newest(box)["subject"] == subject
        assert heading in text(newest(box))


async def test_what_a_shop_calls_things_adds_no_header_and_no_line(shop: TestShop, journey: Journey) -> None:
    await open_tasks(shop, journey, "help", title="Help\r\nBcc: eve@evil.example\r\n\r\nClick here")
    async with agents(shop) as box:
        known = await shops.get(shop.parts.pool, shop.shop)
        await shops.save(shop.parts.pool, replace(known, name="Shop\r\nBcc: eve@evil.example"))
        assert await mail(shop) == MAILED
        found = newest(box)
        assert (found["bcc"], to(box)) == (None, [[AGENTS]])
        assert found["subject"] == "Shop Bcc: eve@evil.example: tasks (new 1)"
        assert "1. Help Bcc: eve@evil.example Click here, until" in text(found)


async def test_a_customer_whose_id_is_an_address_is_named_without_it(shop: TestShop) -> None:
    await shop.identify("zoe@example.com")
    await open_tasks(shop, await shop.fill(person="zoe@example.com"), "help")
    async with agents(shop) as box:
        assert await mail(shop) == MAILED
        said = text(newest(box))
        assert ("zoe@example.com" in said, "Customer: h-" in said) == (False, True)


# Beside webhooks, on the engine


async def test_neither_a_webhook_that_fails_stops_the_mail_nor_a_mail_server_the_webhook(
    engine: Engine, journey: Journey
) -> None:
    shop = engine.shop
    await open_tasks(shop, journey, "help")
    async with agents(shop, box=refusing("at_mail", "451 4.3.2 later")) as box, serving(Answer(200)) as hook:
        await connect_hook(shop, hook.url)
        done = await run_once(engine, "one")
        assert (done.told, done.mailed, done.mails_failed) == (1, 0, 1)
        await open_tasks(shop, journey, "second")
        box.at_mail, hook.reply = None, Answer(500)
        done = await run_once(engine, "two")
        assert (done.told, done.failed, done.mailed) == (0, 1, 1)
        # Not even where it cannot be tried: what is kept of it cannot be read.
        await open_tasks(shop, journey, "third")
        await endpoints.save(shop.parts.pool, shop.shop, Kind.TASK_HOOK, b"x")
        with pytest.raises(WorkflowFailureError):
            await run_once(engine, "three")
        assert len(box.envelopes) == 2


async def run_once(engine: Engine, name: str) -> Any:
    handle = await engine.client.start_workflow(
        TasksWorkflow.run, id=f"tasks-{engine.shop.shop}-{name}", task_queue=JOURNEY_QUEUE
    )
    return await handle.result()


async def test_a_good_customer_to_whom_nobody_writes_is_escalated_by_both_ways_and_then_let_go(engine: Engine) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    journey = await dropped(shop)
    async with agents(shop, CHIEF) as box, serving(Answer(204)) as hook:
        await connect_hook(shop, hook.url)
        await forward(engine, journey, HOUR)
        await tell(shop)
        assert await mail(shop) == MAILED
        said = text(newest(box))
        assert ("RFM: 455" in said, "RFM before: 555" in said, "| Bonjour, cela fait un moment" in said) == (
            True,
            True,
            True,
        )
        later = DAY + 2 * HOUR
        await ActivityEnvironment().run(replace(shop.parts, clock=Later(later)).tasks_in_time.tell)
        assert await mail(shop, later) == MAILED
        over = 3 * DAY + 2 * HOUR
        assert await expire(shop, over) == 1
        ended = await finished(engine, journey)
        assert (ended.outcome, ended.reason) == ("exited", "nobody wrote to them in time")
        await ActivityEnvironment().run(replace(shop.parts, clock=Later(over)).tasks_in_time.tell)
        assert await mail(shop, over) == MailedTasks(mailed=2, failed=0)
        assert to(box) == [[AGENTS], [CHIEF], [AGENTS], [CHIEF]]
        assert [call["type"] for call in heard(hook)] == ["task.opened", "task.escalated", "task.expired"]
    task = (await tasks.of_journey(pool, journey.id))["write"]
    assert task.state == "expired"
    assert any(line.what == "write: not done in time" for line in await story.tell(pool, ended))
