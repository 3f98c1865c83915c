"""The gate at work: in the look, in the claim's transaction, and in the journey that waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from journeys.facts import Channel, Medium, Purpose
from journeys.quiet_hours import next_allowed
from storage import paused_plans, provider_health, reading, shops, story
from tests.integration.loopback import Answer, serving
from tests.support import HOUR, MINUTE, Engine, TestShop
from tests.workflows.gated import allow, plan, publish, send_of
from tests.workflows.providers import CREATED, connect, connect_infobip, connect_twilio, send


def where_it_is_night(at: datetime) -> tuple[str, datetime]:
    """A zone in which no SMS may go out at a moment, and the moment from which it may."""
    for name in ("Asia/Tokyo", "Africa/Lagos", "Asia/Kolkata", "Pacific/Tahiti"):
        until = next_allowed(Medium.SMS, Purpose.MARKETING, None, None, [ZoneInfo(name)], at)
        if until and at < until <= at + 20 * HOUR:
            return name, until
    raise AssertionError("it is day everywhere")


# The United States


async def test_in_the_us_an_sms_with_pictures_and_one_without_are_two_for_one_cart(shop: TestShop) -> None:
    day = [{"at_most": 9, "within": "24h"}]
    pictured = {"id": "first", "send": {"message": "first", "channels": {"first": ["mms"]}}}
    plain = {"id": "second", "send": {"message": "first", "channels": {"first": ["sms"]}}}
    both = plan(steps=[pictured, plain])
    await publish(shop, both)
    await allow(shop, caps={"sms": day})
    # Their number says where the rule counts, whatever is said of where they live.
    await shop.identify(phone="+12125550123", country="FR")
    journey = await shop.fill()
    before = await reading.situation(shop.parts.pool, journey.id, both, shop.begins)
    assert before.decide(both, Channel.SMS).allowed
    after = before.after_sending(both, both.sends[0], Channel.MMS)
    assert after.decide(both, Channel.SMS).reason == "one SMS for one cart in the US"


# Quiet hours


async def test_in_quiet_hours_a_message_waits_for_the_first_minute_at_which_it_may_go(engine: Engine) -> None:
    shop = engine.shop
    await publish(shop, plan())
    await allow(shop, quiet_hours=True)
    zone, until = where_it_is_night(shop.begins)
    await shop.identify(timezone=zone, phone="+819012345678")
    await shop.fill()
    await engine.deliver()
    journey = await engine.finish()
    row = await shop.parts.pool.fetchrow("select state, decided_at from sends")
    assert row is not None
    assert row["state"] == "accepted"
    assert until <= row["decided_at"] < until + MINUTE
    told = {line.what: line.why or "" for line in await story.tell(shop.parts.pool, journey)}
    assert told[f"first by sms: deferred until {until:%Y-%m-%d %H:%M} UTC"].startswith("quiet hours for SMS")


async def test_in_quiet_hours_the_next_channel_of_the_step_that_is_open_is_taken(engine: Engine) -> None:
    shop = engine.shop
    steps = [{"id": "first", "send": {"message": "first", "channels": {"first": ["sms", "email"]}}}]
    await publish(shop, plan(steps=steps))
    await allow(shop, quiet_hours=True)
    zone, _ = where_it_is_night(shop.begins)
    await shop.identify(timezone=zone, phone="+819012345678")
    await shop.fill()
    await engine.deliver()
    await engine.finish()
    assert await shop.sent() == [("first", "email")]


async def test_what_may_go_only_after_the_steps_deadline_is_refused_with_the_reason(engine: Engine) -> None:
    shop = engine.shop
    steps = [{"id": "first", "send": {"message": "first", "channels": {"first": ["sms"]}, "deadline": "1m"}}]
    await publish(shop, plan(steps=steps))
    await allow(shop, quiet_hours=True)
    zone, _ = where_it_is_night(shop.begins)
    await shop.identify(timezone=zone, phone="+819012345678")
    await shop.fill()
    await engine.deliver()
    await engine.finish()
    [(_, channel, state, reason)] = await shop.ledger()
    assert (channel, state) == ("sms", "refused")
    assert reason is not None
    assert reason.startswith("quiet hours for SMS")
    assert reason.endswith("which is too late for the step")


async def test_an_order_ends_a_journey_that_waits_for_the_morning(engine: Engine) -> None:
    shop = engine.shop
    await publish(shop, plan())
    await paused_plans.pause(shop.parts.pool, shop.shop, "cart-recovery", shop.begins)
    await shop.identify()
    await shop.fill()
    await engine.deliver()
    await engine.forward(90 * MINUTE)
    await shop.order(2 * HOUR)
    await engine.deliver()
    assert (await engine.finish()).outcome == "converted"
    assert await shop.sent() == []


# Caps and other journeys


async def test_a_second_plan_waits_until_the_cap_lets_it_and_then_sends(engine: Engine) -> None:
    shop = engine.shop
    await publish(shop, plan(), plan("another"))
    await shop.identify()
    await shop.fill()
    await engine.deliver()
    rows = await shop.parts.pool.fetch("select id from journeys order by plan")
    for row in rows:
        handle = engine.client.get_workflow_handle(row["id"])
        # It may have ended already: then there is no time left to skip.
        with contextlib.suppress(RPCError):
            await engine.env.fast_forward(handle)
        await handle.result()
    sent = await shop.parts.pool.fetch("select decided_at from sends where state = 'accepted' order by decided_at")
    assert len(sent) == 2
    assert sent[1]["decided_at"] - sent[0]["decided_at"] >= 24 * HOUR


async def test_fifty_workers_on_one_persons_cap_send_one_message(shop: TestShop) -> None:
    await publish(shop, plan())
    await shop.identify()
    carts = [f"c-{number}" for number in range(50)]
    for cart in carts:
        await shop.fill(cart)
    results = await asyncio.gather(*(send_of(shop, cart) for cart in carts))
    assert sorted(result.outcome for result in results) == ["deferred"] * 49 + ["sent"]
    assert await shop.parts.pool.fetchval("select count(*) from sends where state = 'accepted'") == 1
    assert {result.reason for result in results} == {None, "cap of 1 in 24h by sms is reached"}


async def test_a_journey_of_higher_priority_goes_first(engine: Engine) -> None:
    shop = engine.shop
    first = [{"id": "think", "wait": "3h"}, {"id": "end", "exit": "done"}]
    await publish(shop, plan(priority=3), plan("more-urgent", steps=first, priority=2))
    await shop.identify()
    await shop.fill()
    await engine.deliver()
    rows = {row["plan"]: row["id"] for row in await shop.parts.pool.fetch("select id, plan from journeys")}
    lower = engine.client.get_workflow_handle(rows["cart-recovery"])
    await engine.env.fast_forward(lower, 2 * HOUR)
    assert await shop.parts.pool.fetchval("select count(*) from sends") == 0
    higher = engine.client.get_workflow_handle(rows["more-urgent"])
    await engine.env.fast_forward(higher)
    await higher.result()
    await engine.env.fast_forward(lower)
    await lower.result()
    assert await shop.parts.pool.fetchval("select count(*) from sends where state = 'accepted'") == 1
    told = await shop.parts.pool.fetch("select why from journey_log where what like 'first by sms: deferred%'")
    assert {line["why"] for line in told} == {"more-urgent goes first"}


# The story


async def test_the_story_keeps_every_rule_that_held_a_message_back_and_not_only_the_first(shop: TestShop) -> None:
    await shop.identify(consent={"sms": False})
    journey = await shop.fill(availability="out_of_stock")
    await paused_plans.pause(shop.parts.pool, shop.shop, "cart-recovery", shop.begins)
    assert (await send(shop)).reason == "everything in the cart is out of stock"
    # What counts now is another matter.
    await shop.fill(after=MINUTE, availability="in_stock")
    await shop.identify()
    assert (await send(shop)).outcome == "deferred"
    told = {line.what.partition(" until")[0]: line.rules for line in await story.tell(shop.parts.pool, journey)}
    said = {what: [(rule.rule, rule.answer, rule.reason) for rule in rules] for what, rules in told.items() if rules}
    paused = ("plan_goes_on", "deferred", "plan is paused")
    assert said == {
        "first by sms: refused": [
            ("cart_can_be_bought", "refused", "everything in the cart is out of stock"),
            paused,
            ("permitted", "refused", "no consent to marketing by sms"),
        ],
        "first by sms: deferred": [paused],
    }


# The shop


async def test_nobody_is_called_back_to_a_cart_that_is_sold_out_until_it_is_not(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill(availability="out_of_stock")
    result = await send(shop)
    assert (result.outcome, result.reason) == ("failed", "everything in the cart is out of stock")
    await shop.fill(after=MINUTE, availability="in_stock")
    assert (await send(shop)).outcome == "sent"


async def test_a_paused_plan_holds_its_messages_until_it_goes_on(shop: TestShop) -> None:
    pool = shop.parts.pool
    await shop.identify()
    await shop.fill()
    await paused_plans.pause(pool, shop.shop, "cart-recovery", shop.begins)
    result = await send(shop)
    assert (result.outcome, result.reason) == ("deferred", "plan is paused")
    await paused_plans.resume(pool, shop.shop, "cart-recovery")
    assert (await send(shop)).outcome == "sent"


async def test_what_is_spent_is_counted_and_the_ceiling_holds_the_rest_until_tomorrow(shop: TestShop) -> None:
    pool = shop.parts.pool
    await allow(shop, daily_ceiling="0.05", prices={"sms": "0.07"})
    await publish(shop, plan())
    await shop.identify()
    await shop.fill()
    await shop.identify("bob", phone="+33639980002")
    await shop.fill("c-2", person="bob")
    async with serving(CREATED) as twilio:
        await connect_twilio(shop, twilio.url)
        known = await shops.get(pool, shop.shop)
        await shops.save(pool, replace(known, allowlist=(*known.allowlist, "+33639980002")))
        assert (await send_of(shop, "c-1")).outcome == "sent"
        # With a short link the French first message takes one part.
        assert await pool.fetchval("select cost from sends") == Decimal("0.07")
        assert await pool.fetchval("select amount from spend") == Decimal("0.07")
        held = await send_of(shop, "c-2")
    assert held.outcome == "deferred"
    assert held.reason == "the shop's daily ceiling of 0.05 is reached"
    assert held.until is not None
    assert held.until.time().isoformat() == "00:00:00"


# Providers


async def connect_second(shop: TestShop, url: str) -> None:
    settings = f'{{"provider": "infobip", "api_key": "k", "sender": "Shop", "base_url": "{url}"}}'
    cipher = shop.parts.secret.accounts
    await shops.set_account(shop.parts.pool, shop.shop, Channel.SMS, cipher.encrypt(settings.encode()), rank=2)


TAKEN_BY_INFOBIP = Answer(
    200, b'{"messages": [{"messageId": "m", "status": {"id": 26, "groupName": "PENDING"}, "destination": "1"}]}'
)


async def test_the_second_provider_is_called_where_the_first_provably_did_not_send(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with serving(Answer(429, b"{}")) as twilio, serving(TAKEN_BY_INFOBIP) as infobip:
        await connect_twilio(shop, twilio.url)
        await connect_second(shop, infobip.url)
        assert (await send(shop)).outcome == "sent"
        assert (len(twilio.requests), len(infobip.requests)) == (1, 1)
    rows = await shop.parts.pool.fetch("select state, provider from sends order by try")
    assert [tuple(row) for row in rows] == [("released", "twilio"), ("accepted", "infobip")]


async def test_the_second_provider_is_not_called_where_the_first_may_have_sent(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with serving(Answer(503)) as twilio, serving(TAKEN_BY_INFOBIP) as infobip:
        await connect_twilio(shop, twilio.url)
        await connect_second(shop, infobip.url)
        assert (await send(shop)).outcome == "sent"
        assert (len(twilio.requests), len(infobip.requests)) == (1, 0)


async def test_a_provider_that_fails_for_everybody_is_left_alone_for_a_while_and_nothing_is_lost(
    shop: TestShop,
) -> None:
    pool = shop.parts.pool
    await publish(shop, plan())
    await shop.identify()
    await shop.fill()
    async with serving(Answer(401, b"{}")) as infobip:
        await connect_infobip(shop, infobip.url)
        for _ in range(provider_health.OPENS_AFTER):
            with pytest.raises(ApplicationError):
                await send_of(shop, "c-1")
        held = await send_of(shop, "c-1")
        assert (held.outcome, held.reason) == ("deferred", "the provider of sms is down")
        assert held.until is not None
        assert timedelta(0) < held.until - held.shop_time <= provider_health.FIRST_REST
        assert len(infobip.requests) == provider_health.OPENS_AFTER
        assert await provider_health.all_down(pool, held.shop_time) == ["infobip (sms)"]
        await pool.execute("update provider_health set open_until = now()")
        infobip.reply = TAKEN_BY_INFOBIP
        assert (await send_of(shop, "c-1")).outcome == "sent"
        assert await provider_health.all_down(pool, held.shop_time) == []


async def test_a_provider_that_is_busy_or_refuses_one_message_is_not_taken_for_broken(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with serving(Answer(429, b"{}", {"Retry-After": "1"})) as twilio:
        await connect_twilio(shop, twilio.url)
        for _ in range(provider_health.OPENS_AFTER + 1):
            with pytest.raises(ApplicationError):
                await send(shop)
    assert await shop.parts.pool.fetchval("select count(*) from provider_health") == 0


async def test_a_shop_in_live_mode_sends_to_everybody_who_agreed(shop: TestShop) -> None:
    await shop.identify(phone="+33639980077")
    await shop.fill()
    async with serving(CREATED) as twilio:
        await connect(shop, Channel.SMS, settings_of(twilio.url))
        known = await shops.get(shop.parts.pool, shop.shop)
        await shops.save(shop.parts.pool, replace(known, mode=type(known.mode).LIVE, allowlist=()))
        assert (await send(shop)).outcome == "sent"
        assert len(twilio.requests) == 1


def settings_of(url: str) -> str:
    sid = "AC" + "0" * 32
    return (
        f'{{"provider": "twilio", "account_sid": "{sid}", "auth_token": "t", "sender": "+33939000001",'
        f' "base_url": "{url}"}}'
    )
