"""Offers: by segment, once, with a code that is accepted once until the deadline that was printed."""

from __future__ import annotations

from datetime import timedelta

from storage import offers
from tests.support import HOUR, MINUTE, Engine, TestShop


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
