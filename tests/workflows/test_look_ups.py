"""Unknown sends are looked for in their providers' books; what nobody can tell stays unknown."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.clock import WorldClock
from activities.contracts import LookedUp
from activities.lookups import LookingUp
from tests.integration.loopback import Answer, Break, Loopback, serving
from tests.support import MINUTE, TestShop
from tests.workflows.providers import PHONE, connect_infobip, connect_twilio, held, lose_a_worker, send

Connect = Callable[[TestShop, str], Awaitable[None]]
NOTHING = {"infobip": Answer(200, b'{"results": []}'), "twilio": Answer(200, b'{"messages": []}')}
CONNECT: dict[str, Connect] = {"infobip": connect_infobip, "twilio": connect_twilio}
each_provider = pytest.mark.parametrize("name", CONNECT)


async def look_up(shop: TestShop) -> LookedUp:
    looking = LookingUp(shop.parts.pool, shop.parts.providers, WorldClock())
    found: LookedUp = await ActivityEnvironment().run(looking.look_up)
    return found


async def an_unknown(shop: TestShop, provider: Loopback, name: str) -> str:
    """Have a send whose call broke off five minutes ago; give our id of it."""
    await shop.identify()
    await shop.fill()
    await CONNECT[name](shop, provider.url)
    await send(shop)
    assert await states(shop) == ["unknown"]
    await five_minutes_later(shop)
    send_id: str = await shop.parts.pool.fetchval("select send_id from sends")
    return send_id


async def five_minutes_later(shop: TestShop) -> None:
    await shop.parts.pool.execute(
        "update sends set decided_at = now() - interval '5 minutes', sent_at = now() - interval '5 minutes',"
        " looked_up_at = null"
    )


async def states(shop: TestShop) -> list[str]:
    return [state for _, _, state, _ in await shop.ledger()]


def logged(send_id: str, group: str, status: int) -> Answer:
    """Answer as Infobip's logs do."""
    entry = {"messageId": send_id, "destination": PHONE[1:], "status": {"groupName": group, "id": status}}
    return Answer(200, json.dumps({"results": [entry]}).encode())


async def listed(shop: TestShop, *sids: str, **other: Any) -> Answer:
    """Answer as Twilio's list of messages does, of the moment when ours was sent."""
    at: datetime = await shop.parts.pool.fetchval("select decided_at from sends")
    created = format_datetime(at.astimezone(UTC))
    entry = {"to": PHONE, "direction": "outbound-api", "date_created": created, "error_code": None, "status": "sent"}
    return Answer(200, json.dumps({"messages": [{**entry, **other, "sid": sid} for sid in sids]}).encode())


async def test_what_infobip_has_in_its_logs_was_accepted(shop: TestShop) -> None:
    async with serving(Break()) as infobip:
        send_id = await an_unknown(shop, infobip, "infobip")
        infobip.reply = logged(send_id, "DELIVERED", 5)
        assert await look_up(shop) == LookedUp(lost=0, asked=1, accepted=1, rejected=0)
    assert infobip.requests[-1].target == f"/sms/3/logs?messageId={send_id}"
    assert await states(shop) == ["accepted"]
    assert await shop.parts.pool.fetchval("select provider_id from sends") == send_id


async def test_what_infobip_refused_was_rejected_and_a_number_that_is_none_is_suppressed(shop: TestShop) -> None:
    async with serving(Break()) as infobip:
        send_id = await an_unknown(shop, infobip, "infobip")
        infobip.reply = logged(send_id, "REJECTED", 52)
        assert await look_up(shop) == LookedUp(lost=0, asked=1, accepted=0, rejected=1)
    assert await states(shop) == ["rejected"]
    assert await shop.parts.pool.fetchval("select reason from suppressions") == (
        "the address is not valid (Infobip status 52)"
    )


async def test_another_message_in_infobips_answer_says_nothing(shop: TestShop) -> None:
    async with serving(Break()) as infobip:
        await an_unknown(shop, infobip, "infobip")
        infobip.reply = logged("somebody-elses", "DELIVERED", 5)
        assert (await look_up(shop)).accepted == 0
    assert await states(shop) == ["unknown"]


async def test_the_only_message_that_twilio_made_for_the_number_then_is_ours(shop: TestShop) -> None:
    async with serving(Break()) as twilio:
        await an_unknown(shop, twilio, "twilio")
        twilio.reply = await listed(shop, "SM1")
        assert (await look_up(shop)).accepted == 1
    assert twilio.requests[-1].target.endswith("/Messages.json?To=%2B33639980001&PageSize=100")
    assert await states(shop) == ["accepted"]
    assert await shop.parts.pool.fetchval("select provider_id from sends") == "SM1"


@pytest.mark.parametrize(
    ("sids", "other"),
    [
        (["SM1", "SM2"], {}),
        (["SM1"], {"direction": "inbound"}),
        (["SM1"], {"date_created": "Tue, 24 Nov 2020 10:00:00 +0000"}),
        (["SM1"], {"date_created": "yesterday"}),
    ],
    ids=["two", "an answer", "another day", "no date"],
)
async def test_what_twilio_lists_is_ours_only_where_it_can_be_nothing_else(
    shop: TestShop, sids: list[str], other: dict[str, Any]
) -> None:
    async with serving(Break()) as twilio:
        await an_unknown(shop, twilio, "twilio")
        twilio.reply = await listed(shop, *sids, **other)
        assert (await look_up(shop)).accepted == 0
    assert await states(shop) == ["unknown"]


async def test_a_message_of_twilios_that_another_send_is_known_by_is_not_ours(shop: TestShop) -> None:
    async with serving(Break()) as twilio:
        await an_unknown(shop, twilio, "twilio")
        twilio.reply = await listed(shop, "SM1")
        await shop.parts.pool.execute(
            "insert into sends (send_id, journey, step, try, shop, customer_id, key, channel, state, decided_at,"
            " provider, address, attempt) select 'other', journey, 'before', 1, shop, customer_id, key, channel,"
            " 'claimed', decided_at, provider, address, gen_random_uuid() from sends"
        )
        await shop.parts.pool.execute(
            "update sends set state = 'accepted', provider_id = 'SM1', attempt = null where send_id = 'other'"
        )
        assert (await look_up(shop)).accepted == 0


@each_provider
@pytest.mark.parametrize("reply", [None, Answer(500), Answer(401), Answer(200, b"{"), Break()], ids=str)
async def test_books_that_tell_nothing_leave_it_unknown_and_are_asked_again_an_hour_later(
    shop: TestShop, name: str, reply: Answer | Break | None
) -> None:
    async with serving(Break()) as provider:
        await an_unknown(shop, provider, name)
        provider.reply = reply or NOTHING[name]
        assert await look_up(shop) == LookedUp(lost=0, asked=1, accepted=0, rejected=0)
        assert (await look_up(shop)).asked == 0
        await shop.parts.pool.execute("update sends set looked_up_at = now() - interval '61 minutes'")
        assert (await look_up(shop)).asked == 1
        await shop.parts.pool.execute("update sends set decided_at = now() - interval '49 hours', looked_up_at = null")
        assert (await look_up(shop)).asked == 0
    assert await states(shop) == ["unknown"]


async def test_a_send_whose_worker_was_lost_is_unknown_an_hour_after_its_journey_ended(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as twilio:
        await connect_twilio(shop, twilio.url)
        await lose_a_worker(shop, twilio)
        await shop.parts.pool.execute("update sends set decided_at = now() - interval '2 hours'")
        assert (await look_up(shop)).lost == 0
        await shop.order(MINUTE)
        await shop.parts.pool.execute("update sends set decided_at = now() - interval '59 minutes'")
        assert (await look_up(shop)).lost == 0
        await shop.parts.pool.execute("update sends set decided_at = now() - interval '61 minutes'")
        assert (await look_up(shop)).lost == 1
    assert await states(shop) == ["unknown"]
