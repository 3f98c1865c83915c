"""The way out on real providers' protocols: claims, outcomes, retries, fallbacks, purchases at the worst moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.clock import WorldClock
from activities.compose import Composer
from activities.contracts import SendInput, SendResult
from activities.providers import ShopProviders
from activities.send import Sending
from channels.base import Outgoing
from journeys.facts import Channel
from journeys.gate import Mode
from journeys.play import Stage, first_stage
from storage import customers, journeys, shops, story
from storage.sends import Claimed, Try
from tests.integration.loopback import Answer, Loopback, Request, listening, serving
from tests.integration.mailserver import Mailbox, mail_port, mail_server
from tests.support import HOUR, MINUTE, Engine, TestShop, cart_recovery, until

TWILIO_SID = "AC" + "0" * 32
CREATED = Answer(201, b'{"sid": "SM00000000000000000000000000000000"}')
TAKEN = Answer(200, b'{"messages": [{"messageId": "m", "status": {"groupId": 1, "groupName": "PENDING", "id": 26}}]}')
WAITING_FOR_A_LOCK = (
    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
)
PHONE, EMAIL = "+33639980001", "ann@example.com"


async def connect(shop: TestShop, channel: Channel, settings: str) -> None:
    """Give a shop an account, and put it into allowlist mode with everybody's addresses listed."""
    cipher = shop.parts.secret.accounts
    await shops.set_account(shop.parts.pool, shop.shop, channel, cipher.encrypt(settings.encode()))
    known = await shops.get(shop.parts.pool, shop.shop)
    await shops.save(shop.parts.pool, replace(known, mode=Mode.ALLOWLIST, allowlist=(PHONE, EMAIL)))


async def connect_twilio(shop: TestShop, url: str) -> None:
    settings = f'"account_sid": "{TWILIO_SID}", "auth_token": "t", "sender": "+33700000000", "base_url": "{url}"'
    await connect(shop, Channel.SMS, f'{{"provider": "twilio", {settings}}}')


async def connect_infobip(shop: TestShop, url: str) -> None:
    await connect(
        shop, Channel.SMS, f'{{"provider": "infobip", "api_key": "k", "sender": "Shop", "base_url": "{url}"}}'
    )


async def connect_smtp(shop: TestShop, port: int) -> None:
    settings = f'"host": "127.0.0.1", "port": {port}, "sender": "shop@example.com", "tls": "none"'
    await connect(shop, Channel.EMAIL, f'{{"provider": "smtp", {settings}}}')


def sending(shop: TestShop, composer: Composer | None = None) -> Sending:
    parts = shop.parts
    providers = ShopProviders(parts.pool, parts.http, parts.secret.accounts)
    return Sending(
        parts.pool, parts.plans, providers, composer or Composer(parts.links, parts.public_url), WorldClock()
    )


async def order_for(shop: TestShop, channel: Channel = Channel.SMS) -> SendInput:
    """What the workflow asks for when the first message is due."""
    journey = await shop.journey()
    stage: Stage = first_stage(cart_recovery(), shop.begins).go("first", shop.begins)
    return SendInput(journey=journey.id, stage=stage, at=shop.begins + 2 * HOUR, channel=channel)


async def send(shop: TestShop, composer: Composer | None = None) -> SendResult:
    """Run the send activity once, as a worker does."""
    result: SendResult = await ActivityEnvironment().run(sending(shop, composer).send, await order_for(shop))
    return result


@dataclass
class Held(Loopback):
    """A provider that has heard the request and answers when it is told to."""

    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(Request(head.decode().split(" ")[1], {}, b""))
        self.heard.set()
        await self.release.wait()
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 14\r\nConnection: close\r\n\r\n" + b'{"sid": "SM0"}')
        await writer.drain()


@asynccontextmanager
async def held() -> AsyncIterator[Held]:
    provider = Held("", CREATED)
    async with listening(provider.serve) as port:
        provider.url = f"http://127.0.0.1:{port}"
        yield provider
        provider.release.set()


async def test_a_listed_address_is_sent_to_by_the_shops_own_account(engine: Engine) -> None:
    async with serving(CREATED) as twilio:
        await connect_twilio(engine.shop, twilio.url)
        await engine.shop.identify()
        await engine.shop.fill()
        await engine.deliver()
        await engine.forward(2 * HOUR + MINUTE)
    assert await engine.shop.sent() == [("first", "sms")]
    assert len(twilio.requests) == 1
    row = await engine.shop.parts.pool.fetchrow("select provider, provider_id from sends")
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
    assert [(step, channel, state) for step, channel, state, _ in await engine.shop.ledger()] == [
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
        await asyncio.wait_for(twilio.heard.wait(), 20)
        # The claim stands, no lock does: the order is taken at once.
        await asyncio.wait_for(engine.shop.order(2 * HOUR + MINUTE), 2)
        twilio.release.set()
        await forward
        await engine.deliver()
        journey = await engine.finish()
    assert journey.outcome == "converted"
    ledger = await engine.shop.parts.pool.fetch("select step, state, decided_at from sends")
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


async def test_a_claim_waits_for_the_person_to_whom_the_cart_went_meanwhile(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    pool = shop.parts.pool
    await pool.execute("insert into customers (shop, customer_id, traits) select shop, 'bob', traits from customers")
    await pool.execute(
        "insert into consents select shop, 'bob', channel, purpose, granted, wording, at, message_id from consents"
    )
    async with pool.acquire() as bob, bob.transaction():
        await customers.lock(bob, shop.shop, "bob")
        async with pool.acquire() as ann, ann.transaction():
            await customers.lock(ann, shop.shop, "ann")
            claim = asyncio.create_task(send(shop))
            await until(lambda: pool.fetchval(WAITING_FOR_A_LOCK))
            await journeys.hand_over(ann, (await shop.journey()).id, "bob", held_out=False)
        await bob.execute("update consents set granted = false where customer_id = 'bob'")
        blocked = "select count(*) from pg_stat_activity where $1 = any(pg_blocking_pids(pid))"
        await until(lambda: pool.fetchval(blocked, bob.get_server_pid()))
    assert (await claim).reason == "no consent to marketing by sms"


async def test_after_an_acknowledged_order_no_claim_commits(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    await shop.order(MINUTE)
    result = await send(shop)
    assert (result.outcome, result.reason) == ("held", "journey ended: ordered: o-1")
    assert await shop.sent() == []


async def test_a_worker_lost_between_call_and_commit_leaves_an_unknown_that_is_not_sent_again(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as twilio:
        await connect_twilio(shop, twilio.url)
        await lose_a_worker(shop, twilio)
        assert [state for _, _, state, _ in await shop.ledger()] == ["claimed"]
        result = await send(shop)
        assert len(twilio.requests) == 1
    assert result.outcome == "sent"
    assert [(state, reason) for _, _, state, reason in await shop.ledger()] == [
        ("unknown", "the worker was lost while it called the provider")
    ]


async def lose_a_worker(shop: TestShop, provider: Loopback) -> None:
    """Run a send, and lose it while the provider has it in hand."""
    lost = asyncio.create_task(send(shop))
    await asyncio.wait_for(provider.heard.wait(), 10)
    lost.cancel()
    with pytest.raises(asyncio.CancelledError):
        await lost


async def test_where_the_provider_knows_our_id_the_call_is_repeated_with_it(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as lost, serving(TAKEN) as infobip:
        await connect_infobip(shop, lost.url)
        await lose_a_worker(shop, lost)
        await connect_infobip(shop, infobip.url)
        assert (await send(shop)).outcome == "sent"
    assert [state for _, _, state, _ in await shop.ledger()] == ["accepted"]
    send_id = await shop.parts.pool.fetchval("select send_id from sends")
    assert f'"messageId":"{send_id}"'.encode() in infobip.requests[0].body.replace(b" ", b"")


REFUSED = Answer(200, b'{"messages": [{"messageId": "m", "status": {"groupId": 5, "groupName": "REJECTED", "id": 6}}]}')


async def test_a_refusal_of_a_repeated_call_says_nothing_of_the_first(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as lost, serving(REFUSED) as infobip:
        await connect_infobip(shop, lost.url)
        await lose_a_worker(shop, lost)
        await connect_infobip(shop, infobip.url)
        assert (await send(shop)).outcome == "sent"
        assert len(infobip.requests) == 1
    [(_, _, state, reason)] = await shop.ledger()
    assert (state, (reason or "")[:30]) == ("unknown", "refused when it was repeated: ")


async def test_a_repeated_call_that_was_not_processed_is_repeated_again(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as lost, serving(Answer(429, b"{}")) as busy, serving(TAKEN) as infobip:
        await connect_infobip(shop, lost.url)
        await lose_a_worker(shop, lost)
        await connect_infobip(shop, busy.url)
        with pytest.raises(ApplicationError):
            await send(shop)
        assert [state for _, _, state, _ in await shop.ledger()] == ["claimed"]
        await connect_infobip(shop, infobip.url)
        assert (await send(shop)).outcome == "sent"
    assert [state for _, _, state, _ in await shop.ledger()] == ["accepted"]


async def test_a_lost_call_is_not_repeated_by_another_provider(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as lost, serving(TAKEN) as infobip:
        await connect_twilio(shop, lost.url)
        await lose_a_worker(shop, lost)
        await connect_infobip(shop, infobip.url)
        assert (await send(shop)).outcome == "sent"
    assert infobip.requests == []
    assert [state for _, _, state, _ in await shop.ledger()] == ["unknown"]


async def test_a_lost_call_is_not_repeated_after_the_order(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as lost, serving(TAKEN) as infobip:
        await connect_infobip(shop, lost.url)
        await lose_a_worker(shop, lost)
        await shop.order(MINUTE)
        await connect_infobip(shop, infobip.url)
        await send(shop)
    assert infobip.requests == []
    assert [state for _, _, state, _ in await shop.ledger()] == ["unknown"]


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


async def test_two_workers_with_the_same_send_call_the_provider_once(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with serving(CREATED) as twilio:
        await connect_twilio(shop, twilio.url)
        results = await asyncio.gather(*(send(shop) for _ in range(6)))
        assert len(twilio.requests) == 1
    assert {result.outcome for result in results} == {"sent"}
    live = "select count(*) from sends where state not in ('refused', 'rejected', 'released')"
    assert await shop.parts.pool.fetchval(live) == 1


async def test_an_answer_that_is_being_written_is_waited_for_and_kept(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as twilio:
        await connect_twilio(shop, twilio.url)
        first = asyncio.create_task(send(shop))
        await asyncio.wait_for(twilio.heard.wait(), 10)
        async with shop.parts.pool.acquire() as db, db.transaction():
            await db.execute("update sends set state = 'accepted', sent_at = now(), attempt = null")
            second = asyncio.create_task(send(shop))
            await until(lambda: shop.parts.pool.fetchval(WAITING_FOR_A_LOCK))
        assert (await second).outcome == "sent"
        twilio.release.set()
        assert (await first).outcome == "sent"
    assert len(twilio.requests) == 1
    assert [state for _, _, state, _ in await shop.ledger()] == ["accepted"]


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
    result = await send(shop, SlowComposer(shop.parts.links, shop.parts.public_url))
    assert result.outcome == "sent"
    assert [(state, reason) for _, _, state, reason in await shop.ledger()] == [
        ("released", "claim grew too old before the call"),
        ("accepted", None),
    ]


class OvertakenComposer(Composer):
    """Another worker takes the row over while this one composes."""

    overtake: Any

    def compose(self, version: Any, wanted: Try, claimed: Claimed) -> Outgoing:
        self.overtake(claimed)
        return super().compose(version, wanted, claimed)


async def test_an_attempt_that_was_thought_dead_writes_nothing(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    pool = shop.parts.pool
    taken_over: list[asyncio.Task[str]] = []
    composer = OvertakenComposer(shop.parts.links, shop.parts.public_url)
    change = "update sends set attempt = gen_random_uuid()"
    composer.overtake = lambda _: taken_over.append(asyncio.create_task(pool.execute(change)))
    async with held() as twilio:
        await connect_twilio(shop, twilio.url)
        dead = asyncio.create_task(send(shop, composer))
        await asyncio.wait_for(twilio.heard.wait(), 10)
        await asyncio.gather(*taken_over)
        twilio.release.set()
        await dead
    assert [state for _, _, state, _ in await shop.ledger()] == ["claimed"]


@pytest.mark.parametrize(
    ("mode", "reason"), [(Mode.STOPPED, "shop has stopped sending"), (Mode.LIVE, "live mode is not open yet")]
)
async def test_a_shop_that_may_not_send_sends_nothing(engine: Engine, mode: Mode, reason: str) -> None:
    shop = engine.shop
    await shops.save(shop.parts.pool, replace(await shops.get(shop.parts.pool, shop.shop), mode=mode))
    await shop.identify()
    await shop.fill()
    await engine.deliver()
    await engine.finish()
    assert {(state, why) for _, _, state, why in await shop.ledger()} == {("refused", reason)}


async def test_the_sandbox_keeps_what_would_have_been_sent(engine: Engine) -> None:
    await engine.shop.identify(firstName="Zoé")
    await engine.shop.fill()
    await engine.deliver()
    await engine.finish()
    told = await story.tell(engine.shop.parts.pool, await engine.shop.journey())
    kept = [line.message for line in told if line.message is not None]
    assert [message.to for message in kept] == [PHONE, EMAIL]
    assert "Bonjour Zoé" in kept[1].body
    for message in kept:
        token = message.body.partition("relance=")[2].split()[0]
        assert engine.shop.parts.links.read(token).cart_id == "c-1"


async def test_http_is_not_used_in_the_sandbox(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    await shop.parts.http.aclose()
    assert (await send(shop)).outcome == "sent"
    assert isinstance(shop.parts.http, httpx.AsyncClient)
