"""The plans of the library that ask people, and the one that leaves them alone: who enters, and what is asked when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage import paused_plans, sent, tasks
from storage.journeys import Journey
from tests.integration.segmenting import view
from tests.support import HOUR, MINUTE, Engine, TestShop
from tests.workflows.keyed import DAY, finished, forward, journeys_of, reply, sent_for
from tests.workflows.library import BROWSE, REVIEW, only, out, publish, said
from tests.workflows.test_library_talks import look_twice

SERVICE = "service-review"


# Asked for a review


async def arrives(shop: TestShop, after: timedelta, order: str) -> Journey | None:
    """Have an order delivered; give the journey that this starts."""
    before = await journeys_of(shop, REVIEW)
    await shop.take(shop.event("Order Delivered", after, order_id=order))
    [*_, last] = await journeys_of(shop, REVIEW)
    return last if last not in before else None


async def asked_at(shop: TestShop, journey: Journey) -> timedelta:
    [row] = await sent.of_journey(shop.parts.pool, journey.id)
    assert (row.step, row.channel, row.state) == ("request", "email", "accepted")
    return row.decided_at - shop.begins


async def test_every_buyer_is_asked_for_a_review_ten_days_after_a_delivery_and_again_after_ninety_days(
    engine: Engine,
) -> None:
    shop = engine.shop
    await shop.identify()
    await publish(shop, REVIEW)
    first = await arrives(shop, timedelta(0), "o-1")
    assert first is not None
    await forward(engine, first, 10 * DAY - HOUR)
    assert await sent_for(shop, first) == []
    ended = await finished(engine, first)
    assert timedelta(0) <= await asked_at(shop, ended) - 10 * DAY < MINUTE
    assert ended.ended_at is not None
    over = ended.ended_at - shop.begins
    assert await arrives(shop, over + 89 * DAY, "o-2") is None
    second = await arrives(shop, over + 90 * DAY, "o-3")
    assert second is not None
    again = await finished(engine, second)
    assert timedelta(0) <= await asked_at(shop, again) - (over + 100 * DAY) < MINUTE


async def test_a_review_that_is_written_before_it_is_asked_for_ends_the_asking(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify()
    await publish(shop, REVIEW)
    journey = await arrives(shop, timedelta(0), "o-1")
    assert journey is not None
    await forward(engine, journey, 2 * DAY)
    await shop.take(shop.event("Product Reviewed", 2 * DAY, product_id="p-1"))
    ended = await finished(engine, journey)
    assert (ended.outcome, ended.reason) == ("converted", "Product Reviewed")
    assert await sent_for(shop, ended) == []


# Asked whether it was a help


async def helped(engine: Engine) -> Journey:
    """Have a conversation end, and the question asked."""
    shop = engine.shop
    await shop.identify()
    await publish(shop, SERVICE)
    await shop.take(shop.event("Conversation Ended"))
    journey = await only(shop, SERVICE)
    await forward(engine, journey, HOUR - MINUTE)
    assert await sent_for(shop, journey) == []
    await forward(engine, journey, 2 * MINUTE)
    assert await out(shop, journey) == [("score", "sms")]
    assert "avons-nous pu vous aider ?" in await said(shop, journey)
    [row] = await sent.of_journey(shop.parts.pool, journey.id)
    assert timedelta(0) <= row.decided_at - shop.begins - HOUR < MINUTE
    return journey


@pytest.mark.parametrize("score", ["0", "6"])
async def test_whom_a_conversation_did_not_help_a_person_takes_on(engine: Engine, score: str) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    journey = await helped(engine)
    await reply(shop, journey, score, 2 * HOUR)
    await forward(engine, journey, HOUR)
    task = (await tasks.of_journey(pool, journey.id))["help"]
    assert (task.state, task.opened_at) == ("open", shop.begins + 2 * HOUR)
    assert (task.escalate_at, task.due_at) == (task.opened_at + DAY, task.opened_at + 2 * DAY)
    await tasks.complete(pool, task, "Zoé", "Answered again", task.opened_at + HOUR)
    ended = await finished(engine, journey)
    assert (ended.outcome, await out(shop, ended)) == ("finished", [("score", "sms")])


@pytest.mark.parametrize("score", ["7", "10"])
async def test_whom_a_conversation_helped_is_thanked_at_once(engine: Engine, score: str) -> None:
    shop = engine.shop
    journey = await helped(engine)
    await reply(shop, journey, score, 2 * HOUR)
    ended = await finished(engine, journey)
    assert await out(shop, ended) == [("score", "sms"), ("thanks", "sms")]
    assert await tasks.of_journey(shop.parts.pool, ended.id) == {}
    assert ended.ended_at == shop.begins + 2 * HOUR


async def test_whoever_does_not_answer_is_left_alone_and_asked_after_thirty_days_again(engine: Engine) -> None:
    shop = engine.shop
    ended = await finished(engine, await helped(engine))
    assert await out(shop, ended) == [("score", "sms")]
    assert await tasks.of_journey(shop.parts.pool, ended.id) == {}
    assert ended.ended_at is not None
    over = ended.ended_at - shop.begins
    for after, entered in ((29 * DAY, 1), (30 * DAY, 2)):
        await shop.take(shop.event("Conversation Ended", over + after))
        assert len(await journeys_of(shop, SERVICE)) == entered


# Looked at twice


@pytest.mark.parametrize(("between", "entered"), [(23 * HOUR, 1), (25 * HOUR, 0)])
async def test_two_looks_at_one_product_are_two_within_a_day_alone(
    shop: TestShop, between: timedelta, entered: int
) -> None:
    await shop.identify()
    await publish(shop, BROWSE)
    for after in (timedelta(0), between):
        await view(shop, after, "p-1", None)
    assert len(await journeys_of(shop, BROWSE)) == entered


# Looked at, while a cart is followed


async def test_whoever_is_reminded_of_a_cart_is_not_of_what_they_look_at_though_the_cart_is_empty_by_now(
    engine: Engine,
) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    await shop.identify()
    await publish(shop, BROWSE)
    # Its journey sees that the cart is empty only when it next looks, and until then it runs.
    await paused_plans.pause(pool, shop.shop, "cart-recovery", shop.begins)
    followed = await shop.fill(after=-2 * MINUTE)
    await shop.take(shop.event("Product Removed", -MINUTE, cart_id="c-1", product_id="p-1"))
    assert (await shop.journey()).status == "running"
    assert not await pool.fetchval("select holds_items from carts where cart_id = 'c-1'")
    await look_twice(shop)
    assert await journeys_of(shop, BROWSE) == []
    # Once it has ended, the same person enters.
    assert (await finished(engine, followed)).reason == "cart was emptied"
    await look_twice(shop)
    assert (await only(shop, BROWSE)).status == "running"
