"""Law 4: events apply in any order, any number of times, to the same result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.cart import CART_EVENTS, Cart, apply, fold
from journeys.events import Event
from storage import ingest
from storage.ingest import Taken
from tests.examples import examples
from tests.support import MINUTE, TestShop

Build = Callable[[TestShop, timedelta], Event]


def add(product: str) -> Build:
    return lambda shop, at: shop.event(
        "Product Added", at, cart_id="c-1", product_id=product, price=30, quantity=1, currency="EUR"
    )


def remove(product: str) -> Build:
    return lambda shop, at: shop.event("Product Removed", at, cart_id="c-1", product_id=product)


def check_out(*products: str) -> Build:
    lines = [{"product_id": p, "price": 20, "quantity": 2} for p in products]
    return lambda shop, at: shop.event("Checkout Started", at, cart_id="c-1", currency="EUR", products=lines)


def order(cart: str | None) -> Build:
    named = {"cart_id": cart} if cart else {}
    return lambda shop, at: shop.event("Order Completed", at, order_id=f"o-{at}", **named)


def same_order(cart: str | None) -> Build:
    """An order that several tell, of whomever; all agree on when it was."""
    named = {"cart_id": cart} if cart else {}
    return lambda shop, _: shop.event("Order Completed", 3 * MINUTE, order_id="o-1", **named)


def page(shop: TestShop, at: timedelta) -> Event:
    return shop.event("page", at)


def look(locale: str | None, timezone: str | None) -> Build:
    return lambda shop, at: page(shop, at).model_copy(update={"locale": locale, "timezone": timezone})


def say(**consent: bool) -> Build:
    return lambda shop, at: shop.event("identify", at, email=f"{at.seconds}@example.com", consent=consent)


BUILDS = st.sampled_from(
    [
        *(add("p-1"), add("p-2"), remove("p-1"), remove("p-2")),
        *(check_out("p-1"), check_out("p-1", "p-2"), check_out()),
        *(order("c-1"), order(None), order("c-9"), same_order("c-1"), same_order(None), page),
        *(say(sms=True), say(sms=False), say(email=True)),
        *(look("it-IT", "Europe/Rome"), look("pt-BR", None), look(None, "Europe/Lisbon")),
    ]
)
VISITOR: dict[str, str | None] = {"user_id": None, "anonymous_id": "v-1"}
USER: dict[str, str | None] = {"user_id": "ann", "anonymous_id": None}
BOTH: dict[str, str | None] = {"user_id": "ann", "anonymous_id": "v-1"}


def told_of(build: Build, person: dict[str, str | None]) -> Build:
    return lambda shop, at: build(shop, at).model_copy(update=person)


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Build], list[int]]:
    """A cart's events in order, and the order (with repetitions) in which they come in.

    They are told of a visitor, of a user, or of both, who are the same: by the cart, where no event tells it.
    """
    person = st.sampled_from([VISITOR, USER, BOTH])
    builds = [told_of(build, draw(person)) for build in draw(st.lists(BUILDS, min_size=1, max_size=7))]
    if draw(st.booleans()):
        builds.insert(draw(st.integers(0, len(builds))), told_of(draw(BUILDS), BOTH))
    arrivals = draw(st.permutations(range(len(builds))))
    again = draw(st.lists(st.sampled_from(range(len(builds))), max_size=4))
    return builds, [*arrivals, *again]


async def result(shop: TestShop) -> dict[str, object]:
    """All that later decisions are made by."""
    questions = {
        "carts": "select customer_id, content, holds_items, opened_at, ordered_at, order_id from carts where shop = $1",
        "journeys": "select customer_id, key, entry, status, outcome, reason, started_at from journeys where shop = $1",
        "people": "select customer_id, last_activity, traits, locale, timezone from customers"
        " where shop = $1 and customer_id = 'ann'",
        "orders": "select order_id, customer_id, cart_id, of_person, min(at) from orders where shop = $1"
        " group by 1, 2, 3, 4 order by 1, 2, 3, 4",
        "consents": "select customer_id, channel, granted, at from consents where shop = $1 order by 1, 2",
        "events": "select customer_id, message_id from events where shop = $1 order by message_id",
    }
    pool = shop.parts.pool
    return {name: [dict(row) for row in await pool.fetch(sql, shop.shop)] for name, sql in questions.items()}


async def one_in_order_and_another(shop: TestShop, builds: list[Build]) -> tuple[TestShop, TestShop, list[Event]]:
    """Open two shops, one of which has been told the events in order."""
    one, other = TestShop(shop.parts, begins=shop.begins), TestShop(shop.parts, begins=shop.begins)
    await one.open()
    await other.open()
    events = [build(one, number * MINUTE) for number, build in enumerate(builds)]
    for event in events:
        await one.take(event)
    return one, other, events


@given(day=days())
@settings(max_examples=examples(400))
async def test_any_order_and_repetition_of_a_carts_events_gives_the_result_of_the_ordered_ones(
    shop: TestShop, day: tuple[list[Build], list[int]]
) -> None:
    builds, arrivals = day
    one, other, events = await one_in_order_and_another(shop, builds)
    for arrival in arrivals:
        await other.take(events[arrival])
    assert await result(other) == await result(one)


@given(day=days())
@settings(max_examples=examples(40))
async def test_a_carts_events_that_come_all_at_once_give_the_result_of_the_ordered_ones(
    shop: TestShop, day: tuple[list[Build], list[int]]
) -> None:
    builds, arrivals = day
    one, other, events = await one_in_order_and_another(shop, builds)
    await asyncio.gather(*(other.take(events[arrival]) for arrival in arrivals))
    assert await result(other) == await result(one)


@given(day=days(), cut=st.integers(1, 8))
@settings(max_examples=examples(400))
async def test_a_carts_events_that_come_in_batches_give_the_result_of_single_ones(
    shop: TestShop, day: tuple[list[Build], list[int]], cut: int
) -> None:
    builds, arrivals = day
    one, other, events = await one_in_order_and_another(shop, builds)
    arriving = [events[arrival] for arrival in arrivals]
    for batch in (arriving[:cut], arriving[cut:]):
        await ingest.take_all(shop.parts.pool, shop.parts.following, other.shop, batch)
    assert await result(other) == await result(one)


@given(day=days())
async def test_a_cart_folds_to_what_its_events_applied_one_by_one_give(
    shop: TestShop, day: tuple[list[Build], list[int]]
) -> None:
    events = [build(shop, number * MINUTE) for number, build in enumerate(day[0])]
    events = [event for event in events if event.name in CART_EVENTS]
    cart = Cart()
    for event in events:
        cart = apply(cart, event)
    assert fold(reversed(events)) == cart


async def test_an_event_that_came_before_is_taken_once(shop: TestShop) -> None:
    event = shop.event("Product Added", cart_id="c-1", product_id="p-1", price=30, quantity=1)
    assert [await shop.take(event), await shop.take(event)] == [Taken.NEW, Taken.DUPLICATE]
    content = await shop.parts.pool.fetchval("select content from carts")
    assert [item["quantity"] for item in content["items"]] == [1]


async def test_an_order_that_comes_before_the_cart_leaves_a_converted_journey_and_starts_nothing(
    shop: TestShop,
) -> None:
    await shop.order(5 * MINUTE)
    journey = await shop.fill()
    assert (journey.status, journey.outcome) == ("ended", "converted")
    assert await shop.parts.pool.fetchval("select count(*) from outbox") == 0


async def test_an_event_older_than_the_plan_allows_starts_nothing(shop: TestShop) -> None:
    event = shop.event("Product Added", cart_id="c-1", product_id="p-1", price=30)
    late = event.model_copy(update={"received_at": event.at + timedelta(hours=13)})
    await shop.take(late)
    assert await shop.parts.pool.fetchval("select count(*) from journeys") == 0


@pytest.mark.parametrize("cart", ["gid://shopify/Cart/1", "jane@example.com", "'; drop table carts; --", "{{ 7*7 }}"])
async def test_a_cart_id_that_may_not_be_shown_is_hashed_in_the_journeys_id(shop: TestShop, cart: str) -> None:
    journey = await shop.fill(cart)
    assert journey.key == cart
    assert cart not in journey.id
    assert journey.id.startswith(f"cart-recovery:{shop.shop}:h-")
