"""Whoever is still on the shop's pages is not called back to them: they are written to once they have left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from journeys.events import MESSAGE_REPLIED
from journeys.facts import Channel
from journeys.policy import Policy
from journeys.steps import Step
from storage import sent, shops
from storage.reading import situation
from storage.sent import Row
from tests.support import HOUR, MINUTE, Engine, TestShop, cart_recovery
from tests.workflows.test_plans import publish, saying

A_DAY_LATER = {"id": "a-day-later", "wait": "24h"}
SECOND = {"id": "second", "send": {"message": "second", "channels": {"first": ["email"]}}}


async def set_policy(shop: TestShop, **told: Any) -> None:
    found = await shops.get(shop.parts.pool, shop.shop)
    policy = Policy(quiet_hours=False, **told)
    await shops.save(shop.parts.pool, shops.Shop(**{**vars(found), "policy": policy}))


async def come_back(engine: Engine, before: timedelta) -> Row:
    """Leave a cart, look at a page so long before the message of a day later is due, and give what became of that."""
    shop = engine.shop
    await shop.identify()
    await shop.fill()
    await engine.deliver()
    await engine.forward(25 * HOUR)
    await shop.take(shop.event("page", 26 * HOUR - before))
    await engine.deliver()
    journey = await engine.finish()
    [row] = await sent.of_journey(shop.parts.pool, journey.id)
    assert (row.step, row.state) == ("second", "accepted")
    return row


@pytest.mark.parametrize(
    ("policy", "before", "deferred"),
    [
        ({}, MINUTE, 9 * MINUTE),
        ({}, 10 * MINUTE, 0 * MINUTE),
        ({"browses_for": "1h"}, MINUTE, 59 * MINUTE),
        ({"browses_for": "0s"}, MINUTE, 0 * MINUTE),
    ],
)
async def test_who_is_back_when_a_message_is_due_is_written_to_once_they_have_left(
    engine: Engine, policy: dict[str, Any], before: timedelta, deferred: timedelta
) -> None:
    await set_policy(engine.shop, **policy)
    await publish(engine.shop, saying(A_DAY_LATER, SECOND))
    row = await come_back(engine, before)
    assert deferred <= row.decided_at - engine.shop.begins - 26 * HOUR < deferred + MINUTE


async def test_a_plan_that_waits_for_less_idleness_says_itself_when_somebody_has_left(engine: Engine) -> None:
    shop = engine.shop
    await set_policy(shop)
    soon = TypeAdapter(list[Step]).validate_python([{"id": "leaves", "wait_until_idle": "4m"}, SECOND])
    await publish(shop, cart_recovery(steps=soon))
    await shop.identify()
    journey = await shop.fill()
    await engine.deliver()
    await engine.finish()
    [row] = await sent.of_journey(shop.parts.pool, journey.id)
    assert (row.step, row.state) == ("second", "accepted")
    assert 4 * MINUTE <= row.decided_at - shop.begins < 5 * MINUTE


async def test_whoever_answers_by_sms_is_not_on_the_pages(shop: TestShop) -> None:
    await set_policy(shop)
    await shop.identify()
    journey = await shop.fill(after=-HOUR)
    answer = shop.event(MESSAGE_REPLIED, -MINUTE, journey=journey.id, text="9")
    await shop.take(answer.model_copy(update={"from_backend": True}))
    found = await situation(shop.parts.pool, journey.id, cart_recovery(), shop.begins)
    assert found.decide(cart_recovery(), Channel.EMAIL).allowed
    await shop.take(shop.event("page", -MINUTE))
    found = await situation(shop.parts.pool, journey.id, cart_recovery(), shop.begins)
    assert found.decide(cart_recovery(), Channel.EMAIL).later == shop.begins + 9 * MINUTE
