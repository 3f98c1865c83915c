"""STOP, START and HELP are answered, each by one message through the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities.confirm import Confirming
from activities.contracts import JOURNEY_QUEUE, Confirmed, ToConfirm
from journeys.facts import Channel
from journeys.policy import Policy
from journeys.question import Mode
from journeys.sms import parts
from journeys.words import Word
from messages import confirmations as words
from storage import confirmations, shops, unknowns
from storage.confirmations import Confirmation
from tests.integration.loopback import Answer, Break, serving
from tests.integration.returning import Returning, calling_back
from tests.support import PATIENCE, TestShop, workers_at_work
from tests.workflows.providers import CREATED, PHONE, connect_twilio, held, turn
from workflows.confirmations import ConfirmationsWorkflow


@pytest_asyncio.fixture
async def returning(shop: TestShop) -> AsyncIterator[Returning]:
    async with calling_back(shop) as providers:
        yield providers


def confirming(shop: TestShop) -> Confirming:
    return Confirming(shop.parts.pool, shop.parts.providers)


async def wanted(shop: TestShop) -> list[ToConfirm]:
    found: list[ToConfirm] = await ActivityEnvironment().run(confirming(shop).to_confirm)
    return found


async def confirm(shop: TestShop) -> list[str | None]:
    """Answer all that is to be answered, as one run of the schedule does."""
    return [await ActivityEnvironment().run(confirming(shop).confirm, one) for one in await wanted(shop)]


async def said(shop: TestShop) -> list[str]:
    """Read what the sandbox was given."""
    rows = await shop.parts.pool.fetch(
        "select body from sandbox_messages join sends using (send_id) order by decided_at"
    )
    return [row["body"] for row in rows]


async def states(shop: TestShop) -> list[str]:
    rows = await shop.parts.pool.fetch("select state from sends where starts_with(journey, 'reply:') order by try")
    return [row["state"] for row in rows]


async def test_stop_is_confirmed_once_in_the_persons_language_however_often_it_is_told(returning: Returning) -> None:
    shop = returning.shop
    await shop.identify()
    for _ in range(2):
        await returning.says("Stop", "SM1")
    assert await confirm(shop) == ["accepted"]
    await returning.says("Stop", "SM1")
    assert await wanted(shop) == []
    row = await shop.parts.pool.fetchrow("select step, purpose, state, address, customer_id, channel from sends")
    assert dict(row or {}) == {
        "step": "stop",
        "purpose": "transactional",
        "state": "accepted",
        "address": PHONE,
        "customer_id": "ann",
        "channel": "sms",
    }
    assert [text.split(".")[0] for text in await said(shop)] == [
        "Test Shop : vous ne recevrez plus d'offres ni de rappels ici"
    ]


async def test_a_second_stop_of_a_day_is_heard_but_not_confirmed(returning: Returning) -> None:
    shop = returning.shop
    await returning.says("STOP", "SM1")
    await returning.says("arrêt", "SM2")
    assert sorted(map(str, await confirm(shop))) == ["None", "accepted"]
    await shop.parts.pool.execute("update sends set decided_at = now() - interval '25 hours'")
    await returning.says("STOP", "SM3")
    assert await confirm(shop) == ["accepted"]


async def test_each_channel_confirms_its_own_stop(returning: Returning) -> None:
    await returning.says("STOP")
    await returning.twilio(
        "inbound", MessageSid="SM2", From=f"whatsapp:{PHONE}", To="whatsapp:+33700000000", Body="STOP"
    )
    assert await confirm(returning.shop) == ["accepted", "accepted"]
    rows = await returning.shop.parts.pool.fetch("select channel from sends order by channel")
    assert [row["channel"] for row in rows] == ["sms", "whatsapp"]


async def test_the_answers_of_one_shop_do_not_hold_up_anothers(returning: Returning) -> None:
    pool = returning.shop.parts.pool
    await pool.execute("insert into shops (shop, name) values ('busy', 'Busy')")
    for number in range(3):
        row = Confirmation(f"b-{number}", "busy", Word.STOP, Channel.SMS, f"+3363998010{number}", "", "twilio", "fr")
        await confirmations.want(pool, row)
    await returning.says("STOP")
    assert [one.shop for one in await confirmations.waiting(pool, 2)] == ["busy", returning.shop.shop]


async def test_two_stops_at_once_are_confirmed_once(returning: Returning) -> None:
    for number in range(8):
        await returning.says("STOP", f"SM{number}")
    refs = await wanted(returning.shop)
    run = confirming(returning.shop).confirm
    done = await asyncio.gather(*(ActivityEnvironment().run(run, one) for one in refs))
    assert sorted(map(str, done)) == ["None"] * 7 + ["accepted"]
    assert await wanted(returning.shop) == []


async def test_help_tells_where_there_is_help_and_start_what_comes(returning: Returning) -> None:
    shop = returning.shop
    known = await shops.get(shop.parts.pool, shop.shop)
    await shops.save(shop.parts.pool, replace(known, policy=Policy(contact="help@shop.example")))
    await returning.says("Hilfe", "SM1")
    await returning.says("START", "SM2")
    await confirm(shop)
    [helped, started] = await said(shop)
    assert helped.endswith("STOP pour ne plus les recevoir. Aide : help@shop.example")
    assert "à nouveau nos offres" in started


async def test_what_the_provider_has_answered_is_not_answered_again_and_a_call_not_at_all(returning: Returning) -> None:
    await returning.says("STOP", "SM1", OptOutType="STOP")
    await returning.says("where is my parcel?", "SM2")
    await returning.twilio("inbound", CallSid="CA1", To=PHONE, Digits="9")
    assert await wanted(returning.shop) == []


@pytest.mark.parametrize("mode", [Mode.STOPPED, Mode.ALLOWLIST])
async def test_the_shops_sending_mode_counts(returning: Returning, mode: Mode) -> None:
    shop = returning.shop
    await turn(shop, mode)
    await returning.says("STOP")
    assert await confirm(shop) == [None]
    assert await states(shop) == []
    assert await wanted(shop) == []


async def test_what_the_provider_provably_did_not_take_is_tried_again(returning: Returning) -> None:
    shop = returning.shop
    async with serving(Answer(429, b"{}", {"Retry-After": "7"})) as twilio:
        await connect_twilio(shop, twilio.url)
        await returning.says("STOP")
        [one] = await wanted(shop)
        with pytest.raises(ApplicationError) as raised:
            await ActivityEnvironment().run(confirming(shop).confirm, one)
        assert raised.value.next_retry_delay is not None
        twilio.reply = CREATED
        assert await confirm(shop) == ["accepted"]
    assert await states(shop) == ["released", "accepted"]
    assert await wanted(shop) == []


async def test_what_nobody_can_say_the_fate_of_is_not_sent_again(returning: Returning) -> None:
    shop = returning.shop
    async with serving(Break()) as twilio:
        await connect_twilio(shop, twilio.url)
        await returning.says("STOP")
        assert await confirm(shop) == ["unknown"]
        assert await confirm(shop) == []
        assert len(twilio.requests) == 1
    found = await unknowns.of_the_last_day(shop.parts.pool)
    assert found == 1


async def test_a_worker_lost_in_the_call_leaves_an_unknown_answer(returning: Returning) -> None:
    shop = returning.shop
    async with held() as twilio:
        await connect_twilio(shop, twilio.url)
        await returning.says("STOP")
        [one] = await wanted(shop)
        lost = asyncio.create_task(ActivityEnvironment().run(confirming(shop).confirm, one))
        await asyncio.wait_for(twilio.heard.wait(), PATIENCE.total_seconds())
        lost.cancel()
        await asyncio.wait({lost})
        assert await states(shop) == ["claimed"]
        assert await confirm(shop) == [None]
    assert await states(shop) == ["unknown"]
    assert await wanted(shop) == []


async def test_what_is_too_late_is_forgotten(returning: Returning) -> None:
    await returning.says("STOP")
    await returning.shop.parts.pool.execute("update confirmations set wanted_at = now() - interval '61 minutes'")
    assert await wanted(returning.shop) == []
    assert await confirmations.waiting(returning.shop.parts.pool, 10) == []


async def test_the_workflow_answers_by_the_channels_queue(
    returning: Returning, skipping_server: WorkflowEnvironment
) -> None:
    shop, client = returning.shop, skipping_server.client
    await returning.says("STOP")
    async with workers_at_work(shop, client):
        found = await client.execute_workflow(ConfirmationsWorkflow.run, id="confirm", task_queue=JOURNEY_QUEUE)
    assert found == Confirmed(answered=1, failed=0)
    assert await states(shop) == ["accepted"]


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("word", Word)
def test_every_answer_is_one_sms_that_names_the_shop(word: Word, language: str) -> None:
    text = words.text(word, language, "A shop with a name", None)
    assert text.startswith("A shop with a name")
    assert parts(text) == 1
    assert {Word.STOP: "START", Word.START: "STOP", Word.HELP: "STOP"}[word] in text
