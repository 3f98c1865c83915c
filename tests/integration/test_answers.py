"""What people answer: STOP, START and everything else, as Twilio and Infobip tell it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from journeys.facts import Channel, Medium
from journeys.policy import Policy
from storage import customers, reading
from tests.integration.loopback import Answer, serving
from tests.integration.returning import Returning, calling_back
from tests.integration.test_returned import one_sent, report, row_of
from tests.support import WAITING_FOR_A_LOCK, TestShop, cart_recovery, until
from tests.workflows.gated import allow
from tests.workflows.providers import PHONE, connect_twilio, send


@pytest_asyncio.fixture
async def returning(shop: TestShop) -> AsyncIterator[Returning]:
    async with calling_back(shop) as providers:
        yield providers


async def consents(shop: TestShop) -> dict[str, bool]:
    rows = await shop.parts.pool.fetch(
        "select channel, granted from consents where customer_id = 'ann' and purpose = 'marketing'"
    )
    return {row["channel"]: row["granted"] for row in rows}


async def test_stop_ends_marketing_by_that_medium_for_the_person_and_the_address(returning: Returning) -> None:
    shop = returning.shop
    await shop.identify()
    await shop.fill()
    assert (await returning.says(" Arrêt. ")).status_code == 200
    assert await consents(shop) == {"sms": False, "email": True}
    result = await send(shop)
    assert (result.outcome, result.reason) == ("failed", "no consent to marketing by sms")
    # Whoever the number belongs to by now gets none either.
    await shop.identify("bob", phone=PHONE)
    bobs = await shop.fill("c-2", person="bob")
    read = await reading.situation(shop.parts.pool, bobs.id, cart_recovery(), shop.begins)
    assert read.decide(cart_recovery(), Channel.SMS).reason == "STOP came from this address"


async def test_everybody_with_the_number_is_stopped_however_it_was_written(returning: Returning) -> None:
    shop = returning.shop
    await shop.identify(phone="06 39 98 00 01", country="FR")
    await shop.identify("bob", phone="+33 (0) 6 39 98 00 01")
    await shop.identify("eve", phone="+39 06 39 98 00 01")
    await returning.says("STOP")
    rows = await shop.parts.pool.fetch(
        "select customer_id from consents where channel = 'sms' and not granted order by customer_id"
    )
    assert [row["customer_id"] for row in rows] == ["ann", "bob"]


async def test_what_cannot_be_kept_of_a_stop_does_not_keep_it_from_counting(returning: Returning) -> None:
    shop = returning.shop
    await shop.identify()
    assert (await returning.says("STOP\x00")).status_code == 200
    assert await consents(shop) == {"sms": False, "email": True}


async def test_where_the_shop_says_so_one_stop_ends_marketing_by_everything(returning: Returning) -> None:
    shop = returning.shop
    await allow(shop, revoke_all=True)
    await shop.identify()
    await returning.says("stop")
    assert await consents(shop) == dict.fromkeys(Medium, False)
    assert Policy().revoke_all is False


async def test_start_lets_messages_come_again_but_not_to_an_address_that_bounced(returning: Returning) -> None:
    shop = returning.shop
    await shop.identify()
    await returning.says("STOP", "SM1")
    await returning.says("START", "SM2")
    assert await consents(shop) == {"sms": True, "email": True}
    assert await shop.parts.pool.fetchval("select count(*) from suppressions") == 0
    await shop.parts.pool.execute(
        "insert into suppressions (shop, channel, address, reason, at) values ($1, 'sms', $2, 'bounced', now())",
        shop.shop,
        PHONE,
    )
    await returning.says("START", "SM3")
    assert await shop.parts.pool.fetchval("select count(*) from suppressions") == 1


@pytest.mark.parametrize("told_by", ["the receipt", "the call"])
async def test_start_opens_an_address_again_that_twilio_had_closed_because_of_a_stop(
    returning: Returning, told_by: str
) -> None:
    shop, pool = returning.shop, returning.shop.parts.pool
    if told_by == "the receipt":
        send_id = await one_sent(shop)
        form = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "21610"}
        await returning.twilio("receipt", f"?send_id={send_id}", **form)
    else:
        await shop.identify()
        await shop.fill()
        async with serving(Answer(400, b'{"code": 21610}')) as twilio:
            await connect_twilio(shop, twilio.url)
            await send(shop)
    assert await pool.fetchval("select marketing_only from suppressions") is False
    await returning.says("START", "SM2")
    assert await pool.fetchval("select count(*) from suppressions") == 0


async def test_any_other_answer_is_kept_as_an_event_of_the_person_with_the_journey_that_wrote_last(
    returning: Returning,
) -> None:
    shop = returning.shop
    await one_sent(shop)
    text = "don't stop! 👍 " + "x" * 5_000
    for _ in range(2):
        assert (await returning.says(text)).status_code == 200
    assert await consents(shop) == {"sms": True, "email": True}
    [content] = [
        row["content"]
        for row in await shop.parts.pool.fetch("select content from events where name = 'Message Replied'")
    ]
    assert content["properties"]["journey"] == (await shop.journey()).id
    assert content["properties"]["text"] == text[:2_000]
    assert content["user_id"] == "ann"


async def test_infobips_answers_are_heard_as_well(returning: Returning) -> None:
    shop = returning.shop
    await shop.identify()
    said = {"messageId": "m-1", "from": PHONE.removeprefix("+"), "to": "33700", "text": "Stop", "cleanText": "Stop"}
    assert (await returning.infobip("inbound", said)).json() == {"taken": 1, "passed_over": 0}
    assert await consents(shop) == {"sms": False, "email": True}


def message_api(channel: str, *content: dict[str, Any]) -> dict[str, Any]:
    """An incoming message in the form of Infobip's Messages API."""
    told = {"event": "MO", "channel": channel, "sender": PHONE.removeprefix("+"), "destination": "447491163862"}
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
    return {**told, "messageId": "m-1", "messageCount": 1, "receivedAt": at, "content": list(content)}


@pytest.mark.parametrize(("channel", "medium"), [("WHATSAPP", "whatsapp"), ("RCS", "sms"), ("MMS", "sms")])
@pytest.mark.parametrize(
    "content",
    [
        {"type": "TEXT", "text": "Stop", "cleanText": "Stop"},
        {"type": "TEXT", "text": "STOP", "cleanText": "", "keyword": "STOP"},
        {"type": "BUTTON_REPLY", "text": "Arrêt", "payload": "x"},
    ],
)
async def test_a_stop_by_whatsapp_rcs_or_mms_is_heard_in_the_form_of_infobips_messages_api(
    returning: Returning, channel: str, medium: str, content: dict[str, Any]
) -> None:
    shop = returning.shop
    await shop.identify(consent={"sms": True, "whatsapp": True})
    said = message_api(channel, content)
    assert (await returning.infobip("inbound", said)).json() == {"taken": 1, "passed_over": 0}
    assert await consents(shop) == {"sms": True, "whatsapp": True} | {medium: False}
    assert await shop.parts.pool.fetchval("select channel from confirmations") == medium


async def test_a_picture_by_whatsapp_waits_for_a_person_and_that_somebody_types_says_nothing(
    returning: Returning,
) -> None:
    shop = returning.shop
    await shop.identify()
    picture = message_api("WHATSAPP", {"type": "IMAGE", "url": "https://example.com/i.jpg"})
    typing = {"event": "TYPING_STARTED", "channel": "WHATSAPP", "sender": PHONE.removeprefix("+")}
    assert (await returning.infobip("inbound", picture, typing)).json() == {"taken": 1, "passed_over": 0}
    assert [row["medium"] for row in await shop.parts.pool.fetch("select medium from replies")] == ["whatsapp"]


async def test_a_message_by_a_channel_that_nobody_is_written_by_is_a_clear_error(returning: Returning) -> None:
    answer = await returning.infobip("inbound", message_api("VIBER_BM", {"type": "TEXT", "text": "Stop"}))
    assert answer.status_code == 400
    assert answer.json()["detail"] == "body: results: channel is none of SMS, MMS, RCS, WHATSAPP"


async def test_the_incoming_messages_of_infobips_own_specification_are_read(returning: Returning, shared: Path) -> None:
    spec = json.loads((shared / "specs" / "infobip-messages-api.json").read_text())
    told = spec["webhooks"]["receive-messages-api-incoming-messages"]["post"]["requestBody"]["content"]
    examples = told["application/json"]["examples"]
    assert len(examples) > 5
    for example in examples.values():
        results = example["value"]["results"]
        if {row["channel"] for row in results} <= {"SMS", "MMS", "RCS", "WHATSAPP"}:
            assert (await returning.infobip("inbound", *results)).status_code == 200


async def test_after_stop_is_acknowledged_no_claim_commits(returning: Returning) -> None:
    shop = returning.shop
    await shop.identify()
    await shop.fill()
    pool = shop.parts.pool
    async with pool.acquire() as db:
        async with db.transaction():
            await customers.lock(db, shop.shop, "ann")
            stop = asyncio.create_task(returning.says("STOP"))
            await until(lambda: pool.fetchval(WAITING_FOR_A_LOCK))
            claim = asyncio.create_task(send(shop))
            await until(lambda: waiting(shop, 2))
        assert (await stop).status_code == 200
    assert (await claim).outcome == "failed"
    assert [state for _, _, state, _ in await shop.ledger()] == ["refused"]


async def waiting(shop: TestShop, number: int) -> bool:
    return bool(await shop.parts.pool.fetchval(WAITING_FOR_A_LOCK) == number)


# Calls


async def is_stopped(shop: TestShop) -> tuple[bool, bool]:
    """Tell whether the person wants no calls, and whether the number wants none."""
    said = await shop.parts.pool.fetchval(
        "select granted from consents where shop = $1 and customer_id = 'ann' and channel = 'voice'", shop.shop
    )
    number = await shop.parts.pool.fetchval("select true from suppressions where channel = 'voice' and marketing_only")
    return said is False, bool(number)


async def test_who_presses_9_in_a_call_by_twilio_is_called_no_more(returning: Returning) -> None:
    await one_sent(returning.shop)
    call = {"CallSid": "CA1", "From": "+33939000001", "To": PHONE, "CallStatus": "in-progress"}
    other = await returning.twilio("inbound", "?send_id=s", **call, Digits="1")
    assert (other.status_code, other.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert await is_stopped(returning.shop) == (False, False)
    for _ in range(2):
        heard = await returning.twilio("inbound", "?send_id=s", **call, Digits="9")
        assert heard.text.endswith("<Response/>")
    assert await is_stopped(returning.shop) == (True, True)
    assert (await returning.twilio("inbound", token="another", **call, Digits="9")).status_code == 401


async def test_who_presses_9_in_a_call_by_infobip_is_called_no_more_and_the_report_counts(returning: Returning) -> None:
    send_id = await one_sent(returning.shop)
    call = report(send_id) | {"voiceCall": {"dtmfCodes": "9", "duration": 12}}
    assert (await returning.infobip("receipt", call)).json() == {"taken": 1, "passed_over": 0}
    assert await is_stopped(returning.shop) == (True, True)
    assert (await row_of(returning.shop))["delivered_at"] is not None
    nobodys = await returning.infobip("receipt", call | {"to": "nobody"})
    assert nobodys.status_code == 400


@pytest.mark.parametrize(
    ("status", "taken", "failed"),
    [("ringing", 0, False), ("completed", 1, False), ("busy", 1, True), ("no-answer", 1, True)],
)
async def test_how_a_call_by_twilio_ended_is_noted(
    returning: Returning,
    status: str,
    taken: int,
    failed: bool,  # noqa: FBT001 a case of the table
) -> None:
    send_id = await one_sent(returning.shop)
    told = await returning.twilio("receipt", f"?send_id={send_id}", CallSid="CA1", CallStatus=status)
    assert told.json()["taken"] == taken
    row = await row_of(returning.shop)
    assert ((row["failed_at"] is not None), (row["delivered_at"] is not None)) == (failed, bool(taken) and not failed)
