"""The shop's e-mail goes by Infobip where its mail server provably did not take it."""

from __future__ import annotations

import json

from temporalio.testing import ActivityEnvironment

from activities.clock import WorldClock
from activities.contracts import LookedUp, SendResult
from activities.lookups import LookingUp
from journeys.facts import Channel
from tests.integration.loopback import Answer, Break, Loopback, listening, serving
from tests.integration.mailserver import Mailbox, mail_port, mail_server, refusing, until
from tests.integration.returning import calling_back
from tests.internet_accounts import EMAIL as ACCOUNT
from tests.internet_accounts import TAKEN
from tests.support import TestShop
from tests.workflows.providers import EMAIL, connect, connect_second_mail, connect_smtp, order_for, sending
from tests.workflows.test_look_ups import five_minutes_later


async def send(shop: TestShop, smtp: int, infobip: Loopback) -> SendResult:
    await shop.identify()
    await shop.fill()
    await connect_smtp(shop, smtp)
    await connect_second_mail(shop, infobip.url)
    result: SendResult = await ActivityEnvironment().run(sending(shop).send, await order_for(shop, Channel.EMAIL))
    return result


async def states(shop: TestShop) -> list[tuple[str, str]]:
    rows = await shop.parts.pool.fetch("select state, provider from sends order by try")
    return [tuple(row) for row in rows]


async def test_infobip_is_called_where_the_mail_server_defers_and_what_it_reports_counts(shop: TestShop) -> None:
    async with mail_port(mail_server(refusing("at_mail", "451 4.3.2 later"))) as smtp, serving(TAKEN) as infobip:
        assert (await send(shop, smtp, infobip)).outcome == "sent"
    assert await states(shop) == [("released", "smtp"), ("accepted", "infobip")]
    (message,) = json.loads(infobip.requests[0].body)["messages"]
    [destination] = message["destinations"][0]["to"]
    assert destination["destination"] == EMAIL
    assert "List-Unsubscribe=One-Click" in message["content"]["headers"]
    assert "<html" in message["content"]["html"]
    status = {"id": 5, "groupName": "DELIVERED"}
    async with calling_back(shop) as known:
        await known.infobip("receipt", {"messageId": destination["messageId"], "to": EMAIL, "status": status})
    delivered = "select provider from sends where delivered_at is not null"
    assert await shop.parts.pool.fetchval(delivered) == "infobip"


async def test_infobip_is_not_called_where_the_mail_server_took_it(shop: TestShop) -> None:
    async with mail_port(mail_server(Mailbox())) as smtp, serving(TAKEN) as infobip:
        assert (await send(shop, smtp, infobip)).outcome == "sent"
    assert await states(shop) == [("accepted", "smtp")]
    assert infobip.requests == []


async def test_infobip_is_not_called_where_the_mail_server_may_have_taken_it(shop: TestShop) -> None:
    script = until(".")
    async with listening(script.serve) as smtp, serving(TAKEN) as infobip:
        assert (await send(shop, smtp, infobip)).outcome == "sent"
    assert await states(shop) == [("unknown", "smtp")]
    assert infobip.requests == []


async def test_an_email_that_infobip_may_have_taken_is_found_in_its_logs(shop: TestShop) -> None:
    async with serving(Break()) as infobip:
        await shop.identify()
        await shop.fill()
        await connect(shop, Channel.EMAIL, ACCOUNT.settings(infobip.url))
        await ActivityEnvironment().run(sending(shop).send, await order_for(shop, Channel.EMAIL))
        assert await states(shop) == [("unknown", "infobip")]
        send_id = await shop.parts.pool.fetchval("select send_id from sends")
        entry = {"messageId": send_id, "status": {"id": 5, "groupName": "DELIVERED"}}
        infobip.reply = Answer(200, json.dumps({"results": [entry]}).encode())
        await five_minutes_later(shop)
        looking = LookingUp(shop.parts.pool, shop.parts.providers, WorldClock())
        found = await ActivityEnvironment().run(looking.look_up)
    assert found == LookedUp(lost=0, asked=1, accepted=1, rejected=0)
    assert infobip.requests[-1].target == f"/email/4/logs?messageId={send_id}"
    assert await states(shop) == [("accepted", "infobip")]
