"""One message of a plan goes to an address of the shop's own, to be looked at."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from journeys.question import Mode
from storage import shops
from tests.integration.loopback import serving
from tests.integration.mailserver import Mailbox, mail_port, mail_server, newest
from tests.support import TestShop
from tests.workflows.providers import CREATED, EMAIL, PHONE, connect_smtp, connect_twilio


async def test_it_goes_to_a_listed_address_by_the_shops_own_account(shop: TestShop, api: httpx.AsyncClient) -> None:
    async with serving(CREATED) as twilio:
        await connect_twilio(shop, twilio.url)
        answer = await api.post("/v1/plans/cart-recovery/test", json={"to": PHONE})
        assert len(twilio.requests) == 1
    said = answer.json()
    assert (said["step"], said["channel"], said["state"]) == ("first", "sms", "accepted")
    assert "Teapot" in said["text"]
    rows = await shop.parts.pool.fetch("select journey, state, purpose, address from sends")
    assert [(row["journey"][:5], row["state"], row["purpose"], row["address"]) for row in rows] == [
        ("test:", "accepted", "transactional", PHONE)
    ]


async def test_the_address_chooses_the_channel_and_the_step_the_message(shop: TestShop, api: httpx.AsyncClient) -> None:
    mailbox = Mailbox()
    async with mail_port(mail_server(mailbox)) as port:
        await connect_smtp(shop, port)
        answer = await api.post("/v1/plans/cart-recovery/test", json={"to": EMAIL, "step": "second"})
    assert answer.json()["state"] == "accepted"
    mail = newest(mailbox)
    assert mail["Subject"] == "Your cart ships free"
    assert mail.get_content_type() == "multipart/alternative"


async def test_in_the_sandbox_it_is_kept_and_nothing_leaves(shop: TestShop, api: httpx.AsyncClient) -> None:
    known = await shops.get(shop.parts.pool, shop.shop)
    await shops.save(shop.parts.pool, replace(known, allowlist=(PHONE,)))
    answer = await api.post("/v1/plans/cart-recovery/test", json={"to": PHONE})
    assert (answer.json()["provider"], answer.json()["state"]) == ("sandbox", "accepted")
    assert await shop.parts.pool.fetchval("select address from sandbox_messages") == PHONE


@pytest.mark.parametrize(
    ("wanted", "detail"),
    [
        ({"to": "+33639980099"}, "to: is not on the shop's allowlist"),
        ({"to": "nobody"}, "to: is no address for a channel of the step (app_push, web_push, on_site, sms, email)"),
        ({"to": PHONE, "step": "leaves"}, "step: 'leaves' sends nothing; these do: first, second"),
    ],
)
async def test_what_cannot_be_sent_is_refused_and_nobody_is_called(
    shop: TestShop, api: httpx.AsyncClient, wanted: dict[str, str], detail: str
) -> None:
    async with serving(CREATED) as twilio:
        await connect_twilio(shop, twilio.url)
        answer = await api.post("/v1/plans/cart-recovery/test", json=wanted)
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith(detail)
        assert twilio.requests == []


async def test_a_shop_that_has_stopped_sends_no_trial_either(shop: TestShop, api: httpx.AsyncClient) -> None:
    known = await shops.get(shop.parts.pool, shop.shop)
    await shops.save(shop.parts.pool, replace(known, allowlist=(PHONE,), mode=Mode.STOPPED))
    answer = await api.post("/v1/plans/cart-recovery/test", json={"to": PHONE})
    assert (answer.status_code, answer.json()["detail"]) == (422, "the shop has stopped sending")
