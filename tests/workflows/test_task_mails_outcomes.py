"""Whether agents hear of tasks: again where a mail provably did not go out, at most once where nobody can say."""

from __future__ import annotations

import asyncio
import json

import pytest

from activities.contracts import MailedTasks
from journeys.question import Mode
from storage import task_mails, tasks
from storage.journeys import Journey
from storage.task_mails import Mailing
from tests import support
from tests.integration.loopback import closed_port, listening, serving
from tests.integration.mailserver import Script, mail_port, mail_server, newest, refusing, until
from tests.internet_accounts import TAKEN
from tests.support import HOUR, TestShop
from tests.workflows.providers import connect_second_mail, connect_smtp, turn
from tests.workflows.task_mailing import AGENTS, CHIEF, FAILED, MAILED, NOTHING, agents, journey, mail, open_tasks, to

__all__ = ["journey"]


async def digests(shop: TestShop) -> list[str]:
    return [row["state"] for row in await shop.parts.pool.fetch("select state from task_digests order by made_at")]


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
            await connect_second_mail(shop, infobip.url)
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
        await connect_second_mail(other, "http://127.0.0.1:9")
        await other.parts.pool.execute("update channel_accounts set settings = 'x' where shop = $1", other.shop)
        await open_tasks(shop, journey, "another")
        assert [await mail(shop), len(box.envelopes)] == [MailedTasks(mailed=1, failed=1), 2]
