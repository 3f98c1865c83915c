"""Which cart an event is about, whichever of its ids a shop names: the cart's, the checkout's or the order's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from journeys.cart import Cart
from storage import carts
from tests.support import HOUR, ITEM, MINUTE, TestShop


async def tell(shop: TestShop, what: str, after: timedelta = timedelta(0), *, person: str = "ann", **ids: Any) -> None:
    await shop.take(shop.event(what, after, person=person, **ids))


ANOTHER: dict[str, Any] = {**ITEM, "product_id": "p-2"}


async def cart_of(shop: TestShop, cart: str = "c-1") -> Cart:
    async with shop.parts.pool.acquire() as db:
        stored = await carts.get(db, shop.shop, cart)
    assert stored is not None
    return stored.cart


async def outcomes(shop: TestShop) -> dict[str, str | None]:
    rows = await shop.parts.pool.fetch("select key, outcome from journeys")
    return {row["key"]: row["outcome"] for row in rows}


async def test_the_order_finds_the_cart_although_each_event_names_another_id(shop: TestShop) -> None:
    """The ids are those of Segment's spec: no two events of this purchase name the same one."""
    await shop.fill("c-other", -HOUR)
    await shop.fill("c-1")
    await tell(shop, "Checkout Started", MINUTE, order_id="o-1")
    await tell(shop, "Checkout Step Viewed", 2 * MINUTE, checkout_id="ck-1")
    await tell(shop, "Order Completed", 3 * MINUTE, person="backend", order_id="o-2", checkout_id="ck-1")
    assert (await outcomes(shop))["c-1"] == "converted"
    assert (await outcomes(shop))["c-other"] == "exited"


async def test_an_order_is_found_by_its_own_id(shop: TestShop) -> None:
    await shop.fill("c-1")
    await tell(shop, "Checkout Started", MINUTE, order_id="o-1")
    await tell(shop, "Order Completed", 2 * MINUTE, person="backend", order_id="o-1")
    assert await outcomes(shop) == {"c-1": "converted"}


async def test_a_checkout_that_nothing_is_known_of_is_a_cart_by_its_own_id(shop: TestShop) -> None:
    await tell(shop, "Checkout Started", checkout_id="ck-1", products=[ITEM], currency="EUR")
    assert (await cart_of(shop, "ck-1")).value == Decimal(40)
    await tell(shop, "Cart Updated", MINUTE, cart_id="c-1", checkout_id="ck-1", products=[ITEM, {**ITEM, "sku": "x"}])
    await tell(shop, "Order Completed", HOUR, order_id="o-1", cart_id="c-1")
    assert await outcomes(shop) == {"ck-1": "converted"}


async def test_an_order_that_came_before_its_checkout_completes_it(shop: TestShop) -> None:
    await tell(shop, "Order Completed", HOUR, person="backend", order_id="o-1", checkout_id="ck-1")
    await shop.fill("c-1")
    assert await outcomes(shop) == {"c-1": None}
    await tell(shop, "Checkout Step Completed", MINUTE, checkout_id="ck-1", cart_id="c-1")
    assert await outcomes(shop) == {"c-1": "converted"}


async def test_a_cart_event_without_any_id_is_about_the_persons_newest_open_cart(shop: TestShop) -> None:
    await shop.fill("c-1", -HOUR)
    await shop.fill("c-2")
    await tell(shop, "Product Added", MINUTE, **ANOTHER)
    assert [len((await cart_of(shop, cart)).items) for cart in ("c-1", "c-2")] == [1, 2]


async def test_a_cart_event_of_the_first_day_that_there_is_is_about_no_cart(shop: TestShop) -> None:
    await shop.fill()
    event = shop.event("Cart Viewed")
    await shop.take(event.model_copy(update={"at": datetime.min.replace(tzinfo=UTC)}))
    assert await shop.parts.pool.fetchval("select count(*) from events where cart_id is null") == 1


@pytest.mark.parametrize("why_not", ["ordered", "long ago", "somebody else's", "empty"])
async def test_a_cart_that_is_not_the_persons_open_one_is_left_alone(shop: TestShop, why_not: str) -> None:
    begun = -31 * 24 * HOUR if why_not == "long ago" else timedelta(0)
    person = "bob" if why_not == "somebody else's" else "ann"
    item: dict[str, Any] = {**ITEM, "quantity": 0 if why_not == "empty" else 1}
    await tell(shop, "Product Added", begun, person=person, cart_id="c-1", currency="EUR", **item)
    if why_not == "ordered":
        await shop.order(MINUTE)
    await tell(shop, "Product Added", 2 * MINUTE, **ANOTHER)
    assert "p-2" not in {item.product_id for item in (await cart_of(shop)).items}


async def test_the_carts_worth_is_that_of_its_items_whatever_the_event_says(shop: TestShop) -> None:
    items = [{**ITEM, "price": "19.99", "quantity": 3}]
    await tell(shop, "Cart Updated", cart_id="c-1", currency="EUR", products=items, total=1, value=1, discount=5)
    assert (await cart_of(shop)).value == Decimal("54.97")


async def test_the_currency_of_an_order_and_what_it_came_to_are_kept(shop: TestShop) -> None:
    await tell(shop, "Order Completed", order_id="o-1", total="99.90", currency="brl")
    await tell(shop, "Order Completed", order_id="o-2", total="a lot", currency="reais")
    await tell(shop, "Order Completed", order_id="o-3", total="1e-20000", currency="EUR")
    rows = await shop.parts.pool.fetch("select total, currency from orders order by order_id")
    assert [tuple(row) for row in rows] == [(Decimal("99.90"), "BRL"), (None, None), (Decimal(0), "EUR")]


@pytest.mark.parametrize("after", ["Order Refunded", "Order Cancelled", "Order Updated", "Cart Viewed", "Cart Updated"])
async def test_nothing_that_follows_an_order_reopens_its_cart(shop: TestShop, after: str) -> None:
    await shop.fill()
    await shop.order(MINUTE)
    await tell(shop, after, HOUR, cart_id="c-1", order_id="o-1", products=[ITEM])
    await tell(shop, "Checkout Started", 2 * HOUR, cart_id="c-1", products=[ITEM])
    assert await outcomes(shop) == {"c-1": "converted"}
    assert await shop.parts.pool.fetchval("select count(*) from outbox where signal is null") == 1


async def test_an_id_leads_to_the_first_cart_that_it_led_to(shop: TestShop) -> None:
    await shop.fill("c-1")
    await tell(shop, "Checkout Started", MINUTE, cart_id="c-1", checkout_id="ck-1")
    await shop.fill("c-2", 2 * MINUTE)
    await tell(shop, "Checkout Started", 3 * MINUTE, cart_id="c-2", checkout_id="ck-1")
    await tell(shop, "Order Completed", HOUR, order_id="o-1", checkout_id="ck-1")
    assert (await outcomes(shop))["c-2"] != "converted"
