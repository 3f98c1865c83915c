"""The survey of who left a checkout: who is asked, who is not any more, and for how long; written out by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage import offers, sent
from storage.journeys import Journey
from tests.support import HOUR, Engine, TestShop
from tests.workflows.keyed import DAY, finished, forward, journeys_of, reply
from tests.workflows.library import SURVEY, is_about, only, out
from tests.workflows.test_library_talks import ANSWERED, asked, begin_checkout, only_the_survey

ASKED = 3 * DAY


async def begun(shop: TestShop) -> Journey:
    """Have a checkout begun, and nobody asked yet."""
    await shop.identify()
    await only_the_survey(shop)
    await begin_checkout(shop, "c-1")
    return await only(shop, SURVEY)


# Asked no more


async def test_whoever_empties_the_cart_is_not_asked_why_they_left_it(engine: Engine) -> None:
    shop = engine.shop
    journey = await begun(shop)
    await forward(engine, journey, HOUR)
    await shop.take(shop.event("Product Removed", 2 * HOUR, cart_id="c-1", product_id="p-1"))
    ended = await finished(engine, journey)
    assert (ended.outcome, ended.reason) == ("exited", "cart was emptied")
    assert await sent.of_journey(shop.parts.pool, ended.id) == []


async def test_whoever_orders_another_cart_is_not_asked_why_they_left_this_one(engine: Engine) -> None:
    shop = engine.shop
    journey = await begun(shop)
    await forward(engine, journey, DAY)
    await shop.order(DAY, "c-9")
    ended = await finished(engine, journey)
    assert (ended.outcome, ended.reason, ended.ended_at) == ("exited", "ordered another cart", shop.begins + DAY)
    assert await sent.of_journey(shop.parts.pool, ended.id) == []


async def test_whoever_leaves_two_checkouts_is_asked_about_the_newer_one_alone(engine: Engine) -> None:
    shop = engine.shop
    await begun(shop)
    await begin_checkout(shop, "c-2", DAY)
    older, newer = [await finished(engine, journey) for journey in await journeys_of(shop, SURVEY)]
    assert (older.key, older.outcome, older.reason) == ("c-1", "exited", "superseded by a newer cart")
    assert await sent.of_journey(shop.parts.pool, older.id) == []
    assert (newer.key, await out(shop, newer)) == ("c-2", [("why", "sms")])
    [row] = await sent.of_journey(shop.parts.pool, newer.id)
    assert is_about(row.decided_at - shop.begins, DAY + ASKED)


async def test_a_cart_is_asked_about_once_in_its_life_though_nobody_answered(engine: Engine) -> None:
    shop = engine.shop
    ended = await finished(engine, await asked(engine))
    assert (ended.outcome, ended.reason) == ("exited", "did not say why")
    for days in (10, 100, 400):
        await begin_checkout(shop, "c-1", days * DAY)
    assert len(await journeys_of(shop, SURVEY)) == 1


# For how long


async def test_an_answer_counts_for_two_days(engine: Engine) -> None:
    shop = engine.shop
    journey = await asked(engine)
    await forward(engine, journey, 45 * HOUR)
    await reply(shop, journey, "2", ASKED + 47 * HOUR)
    ended = await finished(engine, journey)
    assert await out(shop, ended) == [("why", "sms"), ("as-a-guest", "sms")]


async def test_whoever_does_not_answer_in_two_days_is_let_go(engine: Engine) -> None:
    shop = engine.shop
    ended = await finished(engine, await asked(engine))
    assert (ended.outcome, ended.reason) == ("exited", "did not say why")
    assert ended.ended_at is not None
    assert is_about(ended.ended_at - shop.begins, ASKED + 48 * HOUR)


@pytest.mark.parametrize(("after", "is_good"), [(47 * HOUR, True), (49 * HOUR, False)])
async def test_free_shipping_is_good_for_48_hours_after_the_answer_and_an_order_within_them_is_waited_for(
    engine: Engine,
    after: timedelta,
    is_good: bool,  # noqa: FBT001 what the row expects
) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    journey = await asked(engine)
    await reply(shop, journey, "1", ANSWERED)
    ended = await finished(engine, journey)
    assert await out(shop, ended) == [("why", "sms"), ("ships-free", "sms")]
    [offer] = await offers.of_journey(pool, ended.id)
    assert (offer.kind, offer.state) == ("free_shipping", "issued")
    assert is_about(offer.deadline - shop.begins, ANSWERED + 48 * HOUR)
    assert ended.ended_at is not None
    assert is_about(ended.ended_at - shop.begins, ANSWERED + 48 * HOUR)
    ordered = shop.begins + ANSWERED + after
    assert await offers.redeem(pool, shop.shop, offer.code, "o-1", ordered) is is_good
