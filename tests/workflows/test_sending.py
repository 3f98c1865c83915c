"""The way out on real providers' protocols: outcomes, retries, fallbacks, purchases at the worst moment."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from temporalio.exceptions import ApplicationError

from activities.compose import Composer
from channels.base import Outgoing
from journeys.events import Event
from journeys.question import Mode
from storage import customers, short_links, story
from tests.integration.loopback import Answer, serving
from tests.integration.mailserver import Mailbox, mail_port, mail_server
from tests.support import HOUR, MINUTE, PATIENCE, WAITING_FOR_A_LOCK, Engine, TestShop, until
from tests.workflows.providers import CREATED, EMAIL, PHONE, connect_smtp, connect_twilio, held, send, turn


async def test_a_listed_address_is_sent_to_by_the_shops_own_account(engine: Engine) -> None:
    async with serving(CREATED) as twilio:
        await connect_twilio(engine.shop, twilio.url)
        await engine.shop.identify()
        await engine.shop.fill()
        await engine.deliver()
        await engine.forward(2 * HOUR + MINUTE)
    assert await engine.shop.sent() == [("first", "sms")]
    assert len(twilio.requests) == 1
    row = await engine.shop.parts.pool.fetchrow("select provider, provider_id from sends where state = 'accepted'")
    assert row is not None
    assert tuple(row) == ("twilio", "SM00000000000000000000000000000000")


async def test_an_address_that_is_not_listed_is_refused(engine: Engine) -> None:
    async with serving(CREATED) as twilio:
        await connect_twilio(engine.shop, twilio.url)
        await engine.shop.identify(phone="+33639980002", email="other@example.com")
        await engine.shop.fill()
        await engine.deliver()
        await engine.finish()
        assert twilio.requests == []
    reasons = {reason for _, channel, _, reason in await engine.shop.ledger() if channel == "sms"}
    assert reasons == {"address is not on the allowlist"}


async def test_when_a_channel_fails_for_good_the_next_one_says_the_same(engine: Engine) -> None:
    mailbox = Mailbox()
    refused = Answer(400, b'{"code": 21211, "message": "invalid", "status": 400}')
    async with serving(refused) as twilio, mail_port(mail_server(mailbox)) as port:
        await connect_twilio(engine.shop, twilio.url)
        await connect_smtp(engine.shop, port)
        await engine.shop.identify()
        await engine.shop.fill()
        await engine.deliver()
        await engine.forward(2 * HOUR + MINUTE)
    ledger = await engine.shop.ledger()
    assert [(step, channel, state) for step, channel, state, _ in ledger if state != "refused"] == [
        ("first", "sms", "rejected"),
        ("first", "email", "accepted"),
    ]


async def test_a_purchase_between_claim_and_call_ends_the_journey_after_that_one_message(engine: Engine) -> None:
    async with held() as twilio:
        await connect_twilio(engine.shop, twilio.url)
        await engine.shop.identify()
        await engine.shop.fill()
        await engine.deliver()
        forward = asyncio.create_task(engine.forward(2 * HOUR + MINUTE))
        await asyncio.wait_for(twilio.heard.wait(), PATIENCE.total_seconds())
        # The claim stands, no lock does: the order is taken at once.
        await engine.shop.order(2 * HOUR + MINUTE)
        assert await engine.shop.parts.pool.fetchval("select state from sends where state <> 'refused'") == "claimed"
        twilio.release.set()
        await forward
        await engine.deliver()
        journey = await engine.finish()
    assert journey.outcome == "converted"
    ledger = await engine.shop.parts.pool.fetch("select step, state, decided_at from sends where state <> 'refused'")
    assert [(row["step"], row["state"]) for row in ledger] == [("first", "accepted")]
    assert journey.ended_at is not None
    assert ledger[0]["decided_at"] < journey.ended_at


async def test_a_claim_waits_for_an_order_that_is_being_taken_and_then_refuses(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with shop.parts.pool.acquire() as db:
        async with db.transaction():
            await customers.lock(db, shop.shop, "ann")
            claim = asyncio.create_task(send(shop))
            await until(lambda: shop.parts.pool.fetchval(WAITING_FOR_A_LOCK))
            await db.execute("update carts set ordered_at = now(), order_id = 'o-1'")
            assert not claim.done()
        result = await claim
    assert (result.outcome, result.reason) == ("failed", "cart was ordered")
    assert [state for _, _, state, _ in await shop.ledger()] == ["refused"]


BOB: dict[str, Any] = {"phone": "+33639980002", "email": "bob@example.com"}


async def two_users(shop: TestShop, **bob: Any) -> None:
    """Ann, who has a cart, and Bob, of whom more was told since: his is the newer address."""
    await shop.identify()
    await shop.fill()
    told = {**BOB, "locale": "fr-FR", "consent": {"sms": True, "email": True}, **bob}
    await shop.take(shop.event("identify", MINUTE, person="bob", **told))


def ann_is_bob(shop: TestShop) -> Event:
    """The shop's backend says that the two are one."""
    alias = shop.event("page", 2 * MINUTE, person="bob")
    told = {"kind": "alias", "name": "alias", "previous_id": "ann", "from_backend": True}
    return alias.model_copy(update=told)


async def test_a_message_that_is_due_after_a_merge_goes_to_the_survivors_address_once(engine: Engine) -> None:
    shop = engine.shop
    await two_users(shop)
    await engine.deliver()
    await shop.take(ann_is_bob(shop))
    journey = await engine.finish()
    assert (journey.customer_id, journey.outcome) == ("bob", "finished")
    assert await shop.sent() == [("first", "sms"), ("second", "email")]
    rows = await shop.parts.pool.fetch(
        "select customer_id, address from sends join sandbox_messages using (send_id, address) order by decided_at"
    )
    assert [tuple(row) for row in rows] == [("bob", BOB["phone"]), ("bob", BOB["email"])]


async def test_a_message_that_is_due_after_a_merge_goes_by_the_survivors_consent(engine: Engine) -> None:
    shop = engine.shop
    await two_users(shop, consent={"sms": False, "email": True})
    await engine.deliver()
    await shop.take(ann_is_bob(shop))
    await engine.finish()
    assert await shop.sent() == [("first", "email"), ("second", "email")]
    rows = await shop.parts.pool.fetch("select distinct address from sandbox_messages")
    assert [row["address"] for row in rows] == [BOB["email"]]


async def test_a_claim_waits_for_the_person_to_whom_the_cart_went_meanwhile(shop: TestShop) -> None:
    await two_users(shop)
    pool = shop.parts.pool

    async def waiting(number: int) -> bool:
        return bool(await pool.fetchval(WAITING_FOR_A_LOCK) == number)

    async with pool.acquire() as last, last.transaction():
        async with pool.acquire() as first, first.transaction():
            await customers.lock(first, shop.shop, "bob")
            # The merge holds Ann and waits for Bob; somebody waits for Bob after it; the claim waits for Ann.
            merge = asyncio.create_task(shop.take(ann_is_bob(shop)))
            await until(lambda: waiting(1))
            held = asyncio.create_task(customers.lock(last, shop.shop, "bob"))
            await until(lambda: waiting(2))
            claim = asyncio.create_task(send(shop))
            await until(lambda: waiting(3))
        await merge
        await held
        blocked = "select count(*) from pg_stat_activity where $1 = any(pg_blocking_pids(pid))"
        await until(lambda: pool.fetchval(blocked, last.get_server_pid()))
        await last.execute("update consents set granted = false where customer_id = 'bob'")
    assert (await claim).reason == "no consent to marketing by sms"
    assert [row["customer_id"] for row in await pool.fetch("select customer_id from sends")] == ["bob"]


async def test_after_an_acknowledged_order_no_claim_commits(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    await shop.order(MINUTE)
    result = await send(shop)
    assert (result.outcome, result.reason) == ("held", "journey ended: ordered: o-1")
    assert await shop.sent() == []


async def test_what_was_provably_not_processed_is_tried_again_after_what_the_provider_asks_for(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with serving(Answer(429, b"{}", {"Retry-After": "17"})) as twilio:
        await connect_twilio(shop, twilio.url)
        with pytest.raises(ApplicationError) as busy:
            await send(shop)
        assert busy.value.next_retry_delay == timedelta(seconds=17)
        twilio.reply = CREATED
        assert (await send(shop)).outcome == "sent"
    assert [state for _, _, state, _ in await shop.ledger()] == ["released", "accepted"]


async def test_an_answer_that_never_comes_is_unknown_and_the_journey_goes_on_as_if_it_had_been_sent(
    shop: TestShop,
) -> None:
    await shop.identify()
    await shop.fill()
    async with serving(Answer(503)) as twilio:
        await connect_twilio(shop, twilio.url)
        assert (await send(shop)).outcome == "sent"
        assert (await send(shop)).outcome == "sent"
        assert len(twilio.requests) == 1
    assert [state for _, _, state, _ in await shop.ledger()] == ["unknown"]


class SlowComposer(Composer):
    """Takes longer than a claim may stand, the first time."""

    slow = True

    def compose(self, *args: Any) -> Outgoing:
        if self.slow:
            self.slow = False
            time.sleep(2.05)
        return super().compose(*args)


async def test_a_claim_that_grew_too_old_is_released_and_taken_anew(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    result = await send(shop, SlowComposer(shop.parts.links, shop.parts.preferences, shop.parts.public_url))
    assert result.outcome == "sent"
    assert [(state, reason) for _, _, state, reason in await shop.ledger()] == [
        ("released", "claim grew too old before the call"),
        ("accepted", None),
    ]


@pytest.mark.parametrize(
    ("mode", "reason"), [(Mode.STOPPED, "shop has stopped sending"), (Mode.LIVE, "shop has no account for ")]
)
async def test_a_shop_that_may_not_send_sends_nothing(engine: Engine, mode: Mode, reason: str) -> None:
    shop = engine.shop
    await turn(shop, mode)
    await shop.identify()
    await shop.fill()
    await engine.deliver()
    await engine.finish()
    ledger = await shop.ledger()
    assert {state for _, _, state, _ in ledger} == {"refused"}
    others = ("app_push", "web_push", "on_site")
    assert all((why or "").startswith(reason) for _, channel, _, why in ledger if channel not in others)


async def test_the_sandbox_keeps_what_would_have_been_sent(engine: Engine) -> None:
    await engine.shop.identify(firstName="Zoé")
    await engine.shop.fill()
    await engine.deliver()
    await engine.finish()
    told = await story.tell(engine.shop.parts.pool, await engine.shop.journey())
    kept = [line.message for line in told if line.message is not None]
    assert [message.to for message in kept] == [PHONE, EMAIL]
    assert "Bonjour Zoé" in kept[1].body
    token = kept[1].body.partition("relance=")[2].split()[0]
    assert engine.shop.parts.links.read(token).cart_id == "c-1"
    code = kept[0].body.partition("/l/")[2].split()[0]
    link = await short_links.find(engine.shop.parts.pool, code)
    assert link is not None
    assert (link.cart_id, link.step) == ("c-1", "first")


async def test_http_is_not_used_in_the_sandbox(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    await shop.parts.http.aclose()
    assert (await send(shop)).outcome == "sent"
    assert isinstance(shop.parts.http, httpx.AsyncClient)
