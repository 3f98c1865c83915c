"""What is bought together, counted in Postgres by the orders that the backend tells of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.events import Event
from journeys.related import COUNTED_FOR, FEWEST_ORDERS
from storage import co_purchases, partitions, related
from tests.examples import examples
from tests.support import HOUR, MINUTE, TestShop

PRODUCTS = "abcdef"
ORDERS = st.lists(st.sets(st.sampled_from(PRODUCTS), min_size=1), max_size=12)
DAY = timedelta(days=1)


def product(product_id: str, **more: Any) -> dict[str, Any]:
    return {"product_id": product_id, "name": f"P {product_id}", "price": 5, **more}


def by_backend(event: Event) -> Event:
    return event.model_copy(update={"from_backend": True})


async def order(shop: TestShop, number: str, products: Sequence[str], after: timedelta = -HOUR, **more: Any) -> None:
    """Tell of an order as the shop's backend does."""
    told = {"order_id": number, "currency": "EUR", "products": [product(p) for p in products], **more}
    await shop.take(by_backend(shop.event("Order Completed", after, person=f"p-{number}", **told)))


async def refresh(shop: TestShop, *, events: int = 100, products: int = 100) -> None:
    """Do what the schedule does, in steps of some size."""
    pool, now = shop.parts.pool, shop.begins
    read = await co_purchases.read(pool, None, now, events)
    while read.until is not None:
        read = await co_purchases.read(pool, read.until, now, events)
    while await co_purchases.forget(pool, now - COUNTED_FOR, products):
        pass
    while await co_purchases.count(pool, products):
        pass


async def counted(shop: TestShop) -> dict[tuple[str, str], tuple[int, float]]:
    rows = await shop.parts.pool.fetch("select * from co_purchases where shop = $1", shop.shop)
    return {(row["product_id"], row["other_id"]): (row["orders"], row["score"]) for row in rows}


def by_hand(orders: list[set[str]]) -> dict[tuple[str, str], Any]:
    """The same, as the definition says it."""
    each = Counter(product for held in orders for product in held)
    both = Counter(pair for held in orders for pair in permutations(sorted(held), 2))
    return {
        (a, b): (n, pytest.approx(n / math.sqrt(each[a] * each[b]))) for (a, b), n in both.items() if n >= FEWEST_ORDERS
    }


@settings(max_examples=examples(25))
@given(batches=st.lists(ORDERS, min_size=1, max_size=3), events=st.integers(1, 5), products=st.integers(1, 4))
async def test_the_counts_and_scores_are_those_of_an_independent_count(
    shop: TestShop, batches: list[list[set[str]]], events: int, products: int
) -> None:
    await shop.parts.pool.execute("truncate events, order_lines, co_purchases, products_to_count")
    so_far: list[set[str]] = []
    for held in batches:
        for number, lines in enumerate(held, len(so_far)):
            await order(shop, f"o-{number}", sorted(lines), number * MINUTE / 4 - HOUR)
        so_far += held
        await refresh(shop, events=events, products=products)
        assert await counted(shop) == by_hand(so_far)


async def test_an_order_that_is_told_twice_or_read_again_counts_once(shop: TestShop) -> None:
    for number in ("o-1", "o-2", "o-2"):
        await order(shop, number, ["a", "b"])
    await refresh(shop)
    await refresh(shop)
    assert await counted(shop) == by_hand([{"a", "b"}] * 2)


async def test_what_a_browser_tells_counts_for_nothing(shop: TestShop) -> None:
    for number in ("o-1", "o-2"):
        lines = {"order_id": number, "currency": "EUR", "products": [product("a"), product("b")]}
        await shop.take(shop.event("Order Completed", -HOUR, person=number, **lines))
    await refresh(shop)
    assert await counted(shop) == {}
    assert await shop.parts.pool.fetchval("select count(*) from product_facts") == 0


async def test_an_order_without_lines_counts_by_what_lay_in_its_cart(shop: TestShop) -> None:
    for number in ("1", "2"):
        await shop.fill(f"c-{number}", -2 * HOUR, person=number, product_id="a")
        await shop.fill(f"c-{number}", -2 * HOUR, person=number, product_id="b")
        told = shop.event("Order Completed", -HOUR, person=number, order_id=f"o-{number}", cart_id=f"c-{number}")
        await shop.take(by_backend(told))
    await refresh(shop)
    assert await counted(shop) == by_hand([{"a", "b"}] * 2)


async def test_an_order_that_has_grown_too_old_counts_no_more(shop: TestShop) -> None:
    await order(shop, "o-1", "abc")
    await order(shop, "o-2", "ab", -COUNTED_FOR + MINUTE)
    await order(shop, "o-3", "ac", -COUNTED_FOR - MINUTE)
    await refresh(shop)
    assert await counted(shop) == by_hand([{"a", "b", "c"}, {"a", "b"}])
    shop.begins += 2 * MINUTE
    await refresh(shop, products=1)
    assert await counted(shop) == {}


async def test_shops_are_counted_apart(shop: TestShop) -> None:
    other = TestShop(shop.parts)
    await other.open()
    for each in (shop, other):
        await order(each, "o-1", "ab")
    await refresh(shop)
    assert await counted(shop) == await counted(other) == {}
    await order(other, "o-2", "ab")
    await refresh(shop)
    assert (await counted(shop), len(await counted(other))) == ({}, 2)


async def test_events_that_are_committed_late_are_read_all_the_same(shop: TestShop) -> None:
    await order(shop, "o-1", "ab", -MINUTE)
    await refresh(shop)
    # It came in before, and its transaction took longer.
    await order(shop, "o-2", "ab", -10 * MINUTE)
    await refresh(shop)
    assert await counted(shop) == by_hand([{"a", "b"}] * 2)


async def test_more_events_of_one_moment_than_a_step_reads_are_all_read(shop: TestShop) -> None:
    for number in range(7):
        await order(shop, f"o-{number}", "ab", -HOUR)
    await refresh(shop, events=2)
    assert await counted(shop) == by_hand([{"a", "b"}] * 7)


# What is known of products


async def facts(shop: TestShop, name: str) -> dict[str, str]:
    rows = await shop.parts.pool.fetch(
        "select field, value from product_facts where shop = $1 and product_id = $2", shop.shop, name
    )
    return {row["field"]: row["value"] for row in rows}


@pytest.mark.parametrize("turned", [False, True], ids=["in order", "the wrong way round"])
async def test_the_newest_word_on_each_field_counts_whichever_comes_first(shop: TestShop, *, turned: bool) -> None:
    words: list[dict[str, Any]] = [
        product("a", price=5, currency="EUR", image_url="https://cdn.example/a.jpg", availability="out_of_stock"),
        product("a", price=4, currency="GBP"),
        product("a", price=6, currency="EUR", name="Cup"),
    ]
    told = [by_backend(shop.event("Product Viewed", n * MINUTE - 2 * HOUR, **said)) for n, said in enumerate(words)]
    for arrival, event in enumerate(reversed(told) if turned else told):
        # Further apart than what is read again.
        came_in = shop.begins - HOUR + arrival * 2 * co_purchases.OVERLAP
        await shop.take(event.model_copy(update={"received_at": came_in}))
        await refresh(shop)
    assert await facts(shop, "a") == {
        "name": "Cup",
        "price EUR": "6",
        "price GBP": "4",
        "image_url": "https://cdn.example/a.jpg",
        "availability": "out_of_stock",
    }


async def test_what_was_bought_with_any_item_of_a_cart_is_found_and_what_lies_in_it_is_not(shop: TestShop) -> None:
    for number, held in enumerate(["abx", "abx", "by", "by", "zq", "zq"]):
        await order(shop, f"o-{number}", held)
    await refresh(shop)
    await shop.fill("c-1", product_id="a")
    await shop.fill("c-1", product_id="b")
    found = {c.item.product_id: c.score for c in await related.of_cart(shop.parts.pool, shop.shop, "c-1")}
    assert found == {
        "x": pytest.approx(2 / math.sqrt(2 * 2) + 2 / math.sqrt(4 * 2)),
        "y": pytest.approx(2 / math.sqrt(4 * 2)),
    }
    assert await related.of_cart(shop.parts.pool, shop.shop, "none") == []


async def test_a_best_seller_does_not_win_over_what_goes_with_the_item(shop: TestShop) -> None:
    for number, held in enumerate(["ab", "ab", *["as"] * 3, *["s"] * 20]):
        await order(shop, f"o-{number}", held)
    await refresh(shop)
    of_a = {other: found for (one, other), found in (await counted(shop)).items() if one == "a"}
    assert of_a["s"][0] > of_a["b"][0]
    assert of_a["b"][1] > of_a["s"][1]


async def test_only_what_the_backend_told_is_read_of_the_log_and_by_its_index(shop: TestShop) -> None:
    async with shop.parts.pool.acquire() as db, db.transaction():
        await partitions.make_ahead(db, shop.begins)
        await db.execute("set local enable_seqscan = off")
        names = ["Order Completed"]
        plan = await db.fetch(f"explain {co_purchases.EVENTS}", shop.begins, names, "Order Completed", 100)
    lines = [row[0] for row in plan if "Scan" in row[0] and " on events" in row[0]]
    assert lines
    assert all("Index Scan using" in line and "received_at" in line for line in lines), lines
