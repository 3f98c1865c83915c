"""Offers: by segment, once, with a code that is accepted once until the deadline that was printed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.contracts import SendInput
from journeys.facts import Channel
from journeys.play import first_stage
from storage import commands, offers, story
from tests.integration.loopback import Answer, serving
from tests.support import HOUR, MINUTE, Engine, TestShop
from tests.workflows.gated import plan, publish
from tests.workflows.providers import CREATED, connect_twilio, sending


async def made(shop: TestShop) -> list[offers.Made]:
    return await offers.of_journey(shop.parts.pool, (await shop.journey()).id)


async def second_message(engine: Engine, *, price: float = 40, orders: int = 0, abandoned: int = 0) -> str:
    """Play a person's cart to its second message, after so many orders and abandoned carts, and read that."""
    shop = engine.shop
    await shop.identify()
    for number in range(orders):
        await shop.order(-timedelta(days=20 + number), f"old-{number}", order=f"before-{number}")
    for number in range(abandoned):
        old = shop.event(
            "Product Added", -timedelta(days=10 + number), cart_id=f"left-{number}", product_id="p", price=9
        )
        await shop.take(old.model_copy(update={"received_at": old.at + timedelta(days=1)}))
    await shop.fill(price=price)
    await engine.deliver()
    await engine.forward(14 * HOUR + 24 * HOUR + MINUTE)
    body = await shop.parts.pool.fetchval("select body from sandbox_messages where subject is not null")
    return str(body)


async def test_a_prospect_is_offered_an_amount_off_the_dearest_item(engine: Engine) -> None:
    body = await second_message(engine, price=60)
    [offer] = await made(engine.shop)
    assert (offer.kind, offer.item, offer.state) == ("item_amount", "Teapot", "issued")
    assert offer.code in body
    assert "Teapot 5,00" in body


async def test_a_prospect_with_a_cheap_cart_is_offered_free_shipping(engine: Engine) -> None:
    body = await second_message(engine, price=20)
    [offer] = await made(engine.shop)
    assert offer.kind == "free_shipping"
    assert "la livraison est offerte" in body


async def test_a_customers_credit_is_issued_when_the_order_comes_in_time(engine: Engine) -> None:
    body = await second_message(engine, orders=1)
    [promised] = await made(engine.shop)
    assert (promised.kind, promised.state) == ("next_order_credit", "promised")
    assert promised.code not in body
    assert not await offers.redeem(engine.shop.parts.pool, engine.shop.shop, promised.code, "o-x", engine.shop.begins)
    await engine.shop.order(30 * HOUR, "c-1")
    [issued] = await made(engine.shop)
    assert issued.state == "issued"


async def test_a_credit_is_not_issued_where_its_message_did_not_go_out(engine: Engine) -> None:
    await second_message(engine, orders=1)
    await engine.shop.parts.pool.execute("delete from sends where step = 'second'")
    await engine.shop.order(30 * HOUR, "c-1")
    [promised] = await made(engine.shop)
    assert promised.state == "promised"


async def test_a_customers_credit_is_not_issued_when_the_order_comes_late(engine: Engine) -> None:
    await second_message(engine, orders=1)
    await engine.shop.order(26 * HOUR + 24 * HOUR + HOUR, "c-1")
    [promised] = await made(engine.shop)
    assert promised.state == "promised"


async def test_a_serial_abandoner_is_reminded_and_offered_nothing(engine: Engine) -> None:
    body = await second_message(engine, price=60, abandoned=2)
    assert await made(engine.shop) == []
    assert "Une question vous retient" in body


async def test_a_code_is_accepted_once_and_by_the_same_order_again(engine: Engine) -> None:
    await second_message(engine, price=60)
    [offer] = await made(engine.shop)
    pool, shop, at = engine.shop.parts.pool, engine.shop.shop, engine.shop.begins + 40 * HOUR
    assert await offers.redeem(pool, shop, offer.code, "o-1", at)
    assert await offers.redeem(pool, shop, offer.code, "o-1", at)
    assert not await offers.redeem(pool, shop, offer.code, "o-2", at)


async def test_a_code_dies_at_its_deadline(engine: Engine) -> None:
    await second_message(engine, price=60)
    [offer] = await made(engine.shop)
    late = offer.deadline + timedelta(seconds=1)
    assert not await offers.redeem(engine.shop.parts.pool, engine.shop.shop, offer.code, "o-1", late)
    assert await offers.redeem(engine.shop.parts.pool, engine.shop.shop, offer.code, "o-1", offer.deadline)


async def test_a_code_is_good_for_the_cart_it_was_made_for(engine: Engine) -> None:
    await second_message(engine, price=60)
    [offer] = await made(engine.shop)
    pool, shop, at = engine.shop.parts.pool, engine.shop.shop, engine.shop.begins + 40 * HOUR
    assert not await offers.redeem(pool, shop, offer.code, "o-1", at, "c-2")
    assert await offers.redeem(pool, shop, offer.code, "o-1", at, "c-1")


async def test_cancelling_a_journey_takes_back_what_it_offered_and_nothing_else_does(engine: Engine) -> None:
    await second_message(engine, price=60)
    pool, shop = engine.shop.parts.pool, engine.shop
    journey = await shop.journey()
    await commands.pause(pool, journey.id, shop.begins + 39 * HOUR)
    assert [offer.state for offer in await made(shop)] == ["issued"]
    await commands.cancel(pool, journey.id, "the shop was called", shop.begins + 40 * HOUR)
    [offer] = await made(shop)
    assert offer.state == "revoked"
    assert not await offers.redeem(pool, shop.shop, offer.code, "o-1", shop.begins + 40 * HOUR)


async def test_why_nothing_is_offered_stands_in_the_story(engine: Engine) -> None:
    await second_message(engine, price=60, abandoned=2)
    told = await story.tell(engine.shop.parts.pool, await engine.shop.journey())
    assert ("second: no offer", "the plan offers nothing to a serial abandoner") in [
        (line.what, line.why) for line in told
    ]


async def test_an_offer_whose_message_did_not_go_out_lives_from_when_it_does(shop: TestShop) -> None:
    policy = {"valid_for": "24h", "by_segment": {"prospect": [{"kind": "free_shipping"}]}}
    steps = [{"id": "first", "send": {"message": "second", "channels": {"first": ["sms"]}, "offer": policy}}]
    await publish(shop, plan(steps=steps))
    await shop.identify()
    await shop.fill()
    order = SendInput(
        journey=(await shop.journey()).id,
        stage=first_stage(plan(steps=steps), shop.begins),
        at=shop.begins,
        channel=Channel.SMS,
    )
    async with serving(Answer(429, b"{}")) as twilio:
        await connect_twilio(shop, twilio.url)
        with pytest.raises(ApplicationError):
            await ActivityEnvironment().run(sending(shop).send, order)
        [first] = await made(shop)
        twilio.reply = CREATED
        later = order.model_copy(update={"at": shop.begins + 3 * HOUR})
        assert (await ActivityEnvironment().run(sending(shop).send, later)).outcome == "sent"
        [second] = await made(shop)
    assert second.code == first.code
    assert second.deadline == shop.begins + 3 * HOUR + 24 * HOUR
    assert second.code in str(twilio.requests[-1].body)
