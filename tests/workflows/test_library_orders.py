"""The plans of the library that follow an order: told of it, asked for a score, asked for a review."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from storage import labels
from storage.journeys import Journey
from tests.support import HOUR, Engine
from tests.workflows.keyed import DAY, finished, forward, journeys_of, reply
from tests.workflows.library import NPS, ORDERS, REVIEW, first_delivered, only, out, publish, said


async def delivered(engine: Engine) -> Journey:
    """Have a first order delivered, and the question asked."""
    shop = engine.shop
    journey = await first_delivered(shop)
    assert await journeys_of(shop, REVIEW) == []
    await forward(engine, journey, 3 * DAY + HOUR)
    assert await out(shop, journey) == [("score", "sms")]
    return journey


async def test_whoever_would_recommend_us_is_thanked_at_once_and_asked_for_a_review_in_one_message(
    engine: Engine,
) -> None:
    shop = engine.shop
    journey = await delivered(engine)
    await reply(shop, journey, "c'est un 9", 3 * DAY + 2 * HOUR)
    await forward(engine, journey, HOUR)
    ended = await finished(engine, journey)
    assert await out(shop, ended) == [("score", "sms"), ("promoter-thanks", "sms")]
    words = await said(shop, ended)
    assert "merci pour cette belle note" in words
    assert "Votre avis aiderait les autres" in words
    review = await finished(engine, await only(shop, REVIEW))
    assert await out(shop, review) == []
    assert await labels.of_person(shop.parts.pool, shop.shop, "ann") == {"review": "asked"}
    # That was the request: no other one for some time, and no second question.
    await shop.take(shop.event("Order Delivered", 30 * DAY, order_id="o-2"))
    assert (len(await journeys_of(shop, REVIEW)), len(await journeys_of(shop, NPS))) == (1, 1)


async def test_whoever_would_not_say_is_asked_for_a_review_in_turn(engine: Engine) -> None:
    shop = engine.shop
    journey = await delivered(engine)
    await finished(engine, journey)
    review = await finished(engine, await only(shop, REVIEW))
    assert await out(shop, review) == [("request", "email")]


@pytest.mark.parametrize("orders", [0, 1, 2])
async def test_the_first_orders_delivery_alone_is_asked_about(engine: Engine, orders: int) -> None:
    shop = engine.shop
    await shop.identify()
    await publish(shop, NPS)
    for number in range(orders):
        # Told by the page and by the backend: one order still.
        for _ in range(2):
            await shop.order(-(orders - number) * 400 * DAY + DAY, cart=None, order=f"o-{number}")
    await shop.take(shop.event("Order Delivered", order_id="o-1"))
    assert len(await journeys_of(shop, NPS)) == (0 if orders == 2 else 1)


async def test_nobody_is_asked_for_a_score_again_a_year_later(engine: Engine) -> None:
    shop = engine.shop
    journey = await delivered(engine)
    await finished(engine, journey)
    await shop.order(399 * DAY, cart=None, order="o-2")
    await shop.take(shop.event("Order Delivered", 400 * DAY, order_id="o-2"))
    assert len(await journeys_of(shop, NPS)) == 1


@pytest.mark.parametrize(
    ("consent", "by"),
    [
        ({}, ("received-by-mail", "email")),
        ({"email": True}, ("received-by-mail", "email")),
        ({"sms": {"granted": True, "purpose": "transactional"}}, ("received", "sms")),
        ({"sms": True}, ("received", "sms")),
    ],
)
async def test_an_order_is_told_of_by_sms_to_whoever_said_yes_to_that_alone(
    engine: Engine, consent: dict[str, Any], by: tuple[str, str]
) -> None:
    shop = engine.shop
    await shop.identify(consent=consent)
    await publish(shop, ORDERS)
    await shop.order(timedelta(0), cart=None)
    journey = await only(shop, ORDERS)
    await forward(engine, journey, HOUR)
    assert await out(shop, journey) == [by]
