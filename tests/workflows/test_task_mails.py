"""Agents hear of tasks by the shop's own mail: one mail of all that is new, at most once where nobody can say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowFailureError
from temporalio.testing import ActivityEnvironment

from activities import task_mails as mailing
from activities.clock import WorldClock
from activities.contracts import JOURNEY_QUEUE, Expired, MailedTasks
from journeys.question import Mode
from journeys.steps import Task as Step
from messages import render
from storage import commands, endpoints, shops, story, task_mails, tasks
from storage.endpoints import Kind
from storage.journeys import Journey
from storage.task_mails import Mailing
from tests import support
from tests.integration.loopback import Answer, closed_port, listening, serving
from tests.integration.mailserver import Mailbox, Script, mail_port, mail_server, newest, refusing, until
from tests.internet_accounts import TAKEN
from tests.support import HOUR, Engine, TestShop
from tests.workflows.keyed import DAY, finished, forward
from tests.workflows.providers import connect_smtp
from tests.workflows.test_library_talks import dropped
from tests.workflows.test_mail_failover import connect_second
from tests.workflows.test_task_hooks import connect as connect_hook
from tests.workflows.test_task_hooks import heard, tell, turn
from workflows.tasks import TasksWorkflow

AGENTS, CHIEF = "agents@shop.example", "chief@shop.example"


@dataclass
class Later(WorldClock):
    """A clock that is ahead of the world's."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


@pytest_asyncio.fixture
async def journey(shop: TestShop) -> Journey:
    await shop.identify(firstName="Ann")
    return await shop.fill()


async def open_tasks(shop: TestShop, journey: Journey, *steps: str, **task: Any) -> None:
    said = {"title": "Help with the size", "within": "4h", "escalate_after": "1h"} | task
    async with shop.parts.pool.acquire() as db:
        for step in steps:
            read = Step.model_validate({"id": step, "task": said})
            await tasks.open_task(db, journey, read, shop.begins, due_at=shop.begins + 4 * HOUR)


async def mail(shop: TestShop, ahead: timedelta = timedelta(0)) -> MailedTasks:
    """Write to agents once, as the schedule does, some time from now."""
    parts = replace(shop.parts, clock=Later(ahead))
    found: MailedTasks = await ActivityEnvironment().run(parts.task_mails.mail)
    return found


async def expire(shop: TestShop, ahead: timedelta) -> int:
    found: Expired = await ActivityEnvironment().run(replace(shop.parts, clock=Later(ahead)).tasks_in_time.expire)
    return found.expired


@asynccontextmanager
async def agents(shop: TestShop, escalate_to: str | None = None, box: Mailbox | None = None) -> AsyncIterator[Mailbox]:
    """A mail server, and a shop that tells its agents by it."""
    box = box or Mailbox()
    async with mail_port(mail_server(box)) as port:
        await connect_smtp(shop, port)
        await task_mails.save(shop.parts.pool, Mailing(shop.shop, AGENTS, escalate_to))
        yield box


def text(mail: EmailMessage) -> str:
    body: str = mail.get_content()
    return body


def to(box: Mailbox) -> list[list[str]]:
    return [envelope.rcpt_tos for envelope in box.envelopes]


async def digests(shop: TestShop) -> list[str]:
    return [row["state"] for row in await shop.parts.pool.fetch("select state from task_digests order by made_at")]


MAILED, NOTHING, FAILED = (MailedTasks(mailed=n, failed=m) for n, m in ((1, 0), (0, 0), (0, 1)))


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
            f"1. Help with the size, until {render.moment(task.due_at, None, 'en_GB')}",
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


# Whether they hear


@pytest.mark.parametrize("answer", [("at_mail", "451 4.3.2 later"), ("at_data", "452 4.3.1 later")])
async def test_a_mail_that_provably_did_not_go_out_goes_out_in_the_next_run_as_the_same(
    shop: TestShop, journey: Journey, answer: tuple[str, str]
) -> None:
    await open_tasks(shop, journey, "help")
    async with agents(shop, box=refusing(*answer)) as box:
        assert [await mail(shop), await digests(shop)] == [FAILED, ["released"]]
        setattr(box, answer[0], None)
        assert [await mail(shop), await mail(shop), await digests(shop)] == [MAILED, NOTHING, ["accepted"]]
        [task] = (await tasks.of_journey(shop.parts.pool, journey.id)).values()
        named = task_mails.digest_id(AGENTS, [("opened", task)])
        assert newest(box)["message-id"] == f"<{named}@example.com>"


async def test_a_mail_server_that_is_not_there_is_asked_again_and_the_second_account_takes_its_place(
    shop: TestShop, journey: Journey
) -> None:
    await open_tasks(shop, journey, "help")
    async with agents(shop):
        pass
    with closed_port() as nobody:
        await connect_smtp(shop, nobody)
        assert await mail(shop) == FAILED
        async with serving(TAKEN) as infobip:
            await connect_second(shop, infobip.url)
            assert [await mail(shop), await mail(shop)] == [MAILED, NOTHING]
            [message] = json.loads(infobip.requests[0].body)["messages"]
            assert message["destinations"][0]["to"][0]["destination"] == AGENTS
            assert (message["content"]["subject"], "headers" in message["content"]) == (
                "Test Shop: tasks (new 1)",
                False,
            )


async def test_an_address_that_is_refused_for_good_is_left_alone_for_an_hour(shop: TestShop, journey: Journey) -> None:
    await open_tasks(shop, journey, "help")
    async with agents(shop, box=refusing("at_rcpt", "550 5.1.1 no such mailbox")) as box:
        assert [await mail(shop), await mail(shop), await digests(shop)] == [FAILED, NOTHING, ["rejected"]]
        # Put right by another address, it is told at once.
        box.at_rcpt = None
        await task_mails.save(shop.parts.pool, Mailing(shop.shop, CHIEF, None))
        assert [await mail(shop), to(box)] == [MAILED, [[CHIEF]]]
        await task_mails.save(shop.parts.pool, Mailing(shop.shop, AGENTS, None))
        await shop.parts.pool.execute("update task_digests set again_at = again_at - interval '1 hour'")
        assert [await mail(shop), to(box)] == [MAILED, [[CHIEF], [AGENTS]]]


async def test_what_may_have_gone_out_is_not_told_again_and_later_news_are(shop: TestShop, journey: Journey) -> None:
    await open_tasks(shop, journey, "help")
    silent = until(".", hang_up=True)
    async with agents(shop) as box, listening(silent.serve) as lost:
        await connect_smtp(shop, lost)
        assert [await mail(shop), await digests(shop)] == [FAILED, ["unknown"]]
        async with mail_port(mail_server(box)) as port:
            await connect_smtp(shop, port)
            assert [await mail(shop), box.envelopes] == [NOTHING, []]
            # Not with others either.
            await open_tasks(shop, journey, "second", title="Another")
            assert await mail(shop) == MAILED
            assert newest(box)["subject"] == "Test Shop: tasks (new 1)"
            assert await mail(shop, 2 * HOUR) == MAILED
            assert newest(box)["subject"] == "Test Shop: tasks (late 2)"


async def test_a_mail_whose_worker_was_lost_counts_as_one_of_which_nobody_can_say(
    shop: TestShop, journey: Journey
) -> None:
    await open_tasks(shop, journey, "help")
    hung = Script({"EHLO": "250 mx"}, hang_up=False)
    async with agents(shop) as box:
        async with listening(hung.serve) as port:
            await connect_smtp(shop, port)
            lost = asyncio.create_task(mail(shop))

            async def has_begun() -> bool:
                return "MAIL" in hung.heard

            await support.until(has_begun)
            lost.cancel()
            with pytest.raises(asyncio.CancelledError):
                await lost
        async with mail_port(mail_server(box)) as port:
            await connect_smtp(shop, port)
            assert [await mail(shop), await digests(shop)] == [NOTHING, ["claimed"]]
            await shop.parts.pool.execute("update task_digests set made_at = made_at - interval '11 minutes'")
            assert [await mail(shop), await digests(shop)] == [NOTHING, ["unknown"]]


async def test_two_runs_at_once_send_one_mail(shop: TestShop, journey: Journey) -> None:
    await open_tasks(shop, journey, "a", "b")
    async with agents(shop) as box:
        both = await asyncio.gather(mail(shop), mail(shop))
        assert sum(run.mailed for run in both) == len(box.envelopes) == 1
        assert sum(run.failed for run in both) == 0


@pytest.mark.parametrize("mode", [Mode.SANDBOX, Mode.STOPPED])
async def test_a_shop_in_sandbox_or_that_has_stopped_is_not_written_to_before_it_leaves_that(
    shop: TestShop, journey: Journey, mode: Mode
) -> None:
    await open_tasks(shop, journey, "help")
    async with agents(shop) as box:
        await turn(shop, mode)
        assert [await mail(shop), box.envelopes] == [NOTHING, []]
        await turn(shop, Mode.LIVE)
        assert await mail(shop) == MAILED
        assert await task_mails.remove(shop.parts.pool, shop.shop)
        await open_tasks(shop, journey, "another")
        assert await mail(shop) == NOTHING


async def test_a_shop_without_an_account_keeps_no_other_waiting(shop: TestShop, journey: Journey) -> None:
    other = TestShop(shop.parts)
    await other.open()
    await turn(other, Mode.LIVE)
    await task_mails.save(other.parts.pool, Mailing(other.shop, AGENTS, None))
    await other.identify("bob")
    await open_tasks(other, await other.fill(person="bob"), "help")
    await open_tasks(shop, journey, "help")
    async with agents(shop) as box:
        assert await mail(shop) == MailedTasks(mailed=1, failed=1)
        await connect_second(other, "http://127.0.0.1:9")
        await other.parts.pool.execute("update channel_accounts set settings = 'x' where shop = $1", other.shop)
        await open_tasks(shop, journey, "another")
        assert [await mail(shop), len(box.envelopes)] == [MailedTasks(mailed=1, failed=1), 2]


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
