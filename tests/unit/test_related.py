"""Related items: what an event says of products, and what may be shown beside a cart."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.cart import Cart, Item
from journeys.events import MAX_ID, Event, parse
from journeys.related import MOST_LINES, MOST_SHOWN, Candidate, Fact, candidates, choose, facts, lines

NOW = datetime(2026, 3, 1, tzinfo=UTC)
IDS = st.sampled_from("abcdefgh")
NAMES = st.sampled_from(["", " ", "Teapot", "teapot ", "Cup", "Saucer", "Spoon", "Tray", "Pot"])
ITEMS = st.builds(
    Item, product_id=IDS, name=NAMES, price=st.sampled_from([Decimal(0), Decimal("9.5")]), in_stock=st.booleans()
)
CURRENCIES = st.sampled_from(["EUR", "GBP"])
CANDIDATES = st.lists(st.builds(Candidate, item=ITEMS, currency=CURRENCIES, score=st.floats(0, 3)), max_size=20)
CARTS = st.builds(
    Cart, items=st.lists(ITEMS, max_size=4).map(tuple), currency=st.one_of(st.none(), CURRENCIES)
)  # fmt: skip


def told(what: str = "Order Completed", /, **properties: Any) -> Event:
    message = {"type": "track", "event": what, "userId": "ann", "properties": {"order_id": "o-1", **properties}}
    return parse(message, received_at=NOW, from_backend=True)


# What may be shown


@given(cart=CARTS, among=CANDIDATES)
def test_never_what_is_in_the_cart_or_sold_out_or_of_another_currency_or_without_name_and_price(
    cart: Cart, among: list[Candidate]
) -> None:
    shown = choose(cart, among)
    lying = {item.product_id for item in cart.items}
    for item in shown:
        assert item.product_id not in lying
        assert item.in_stock
        assert item.name.strip()
        assert item.price > 0
        assert any(c.item == item and c.currency == cart.currency for c in among)


@given(cart=CARTS, among=CANDIDATES)
def test_nothing_is_shown_twice_nor_another_size_of_what_is_in_the_cart(cart: Cart, among: list[Candidate]) -> None:
    shown = choose(cart, among)
    names = [item.name.strip().lower() for item in shown]
    assert len(set(names)) == len({item.product_id for item in shown}) == len(shown) <= MOST_SHOWN
    assert not set(names) & {item.name.strip().lower() for item in cart.items}


@given(cart=CARTS, among=CANDIDATES)
def test_a_better_candidate_is_left_out_only_for_a_reason(cart: Cart, among: list[Candidate]) -> None:
    shown = choose(cart, among, most=100)
    ids, names = {i.product_id for i in shown}, {i.name.strip().lower() for i in (*shown, *cart.items)}
    for candidate in among:
        item = candidate.item
        if item.in_stock and item.price and candidate.currency == cart.currency and item.name.strip():
            in_cart = item.product_id in {i.product_id for i in cart.items}
            assert in_cart or item.product_id in ids or item.name.strip().lower() in names
    assert choose(cart, among) == shown[:MOST_SHOWN]


def test_the_best_comes_first_and_of_two_alike_always_the_same() -> None:
    def candidate(product: str, score: float) -> Candidate:
        return Candidate(Item(product_id=product, name=f"P {product}", price=Decimal(1)), "EUR", score)

    among = [candidate("d", 0.1), candidate("c", 0.5), candidate("b", 0.5), candidate("a", 0.2)]
    expected = ["b", "c", "a"]
    assert [item.product_id for item in choose(Cart(currency="EUR"), among)] == expected
    assert [item.product_id for item in choose(Cart(currency="EUR"), among[::-1])] == expected


def test_a_cart_that_names_no_currency_is_shown_nothing() -> None:
    known = candidates("a", 1.0, {"name": "Cup", "price EUR": "9.5"})
    assert choose(Cart(currency="EUR"), known)
    assert choose(Cart(), known) == ()


# What an event tells


def test_an_order_says_name_price_picture_page_and_stock_of_each_product_and_which_there_are() -> None:
    cup = {"product_id": "cup", "name": "Cup", "price": "9.50", "image_url": "https://cdn.example/cup.jpg"}
    tea = {"sku": 7.0, "url": "https://shop.example/tea", "availability": "out_of_stock"}
    order = told(currency="eur", products=[cup, tea])
    assert facts(order) == [
        Fact("cup", "name", "Cup"),
        Fact("cup", "image_url", "https://cdn.example/cup.jpg"),
        Fact("cup", "price EUR", "9.50"),
        Fact("7", "url", "https://shop.example/tea"),
        Fact("7", "availability", "out_of_stock"),
    ]
    assert lines(order) == {"cup", "7"}


def test_an_event_about_one_product_says_the_same_of_it() -> None:
    viewed = told("Product Viewed", product_id="cup", name="Cup", price=9.5, currency="GBP")
    assert facts(viewed) == [Fact("cup", "name", "Cup"), Fact("cup", "price GBP", "9.5")]


@pytest.mark.parametrize(
    "products",
    [None, 7, [], [None], [{"name": "no id"}], [{"product_id": "x" * (MAX_ID + 1), "name": "n"}],
     [{"product_id": "x", "price": "cheap"}], {"product_id": "x"}],
)  # fmt: skip
def test_what_cannot_be_read_says_nothing(products: object) -> None:
    order = told(currency="EUR", products=products)
    assert (facts(order), lines(order)) == ([], frozenset())


def test_a_product_that_cannot_be_read_takes_no_other_with_it_and_a_currency_only_the_prices() -> None:
    order = told(currency="euros", products=[{"price": []}, {"product_id": "cup", "name": "Cup", "price": 3}])
    assert facts(order) == [Fact("cup", "name", "Cup")]
    assert lines(order) == {"cup"}


def test_an_order_without_lines_holds_what_lay_in_its_cart() -> None:
    assert lines(told(), ["a", "b"]) == {"a", "b"}
    assert lines(told(products=[{"product_id": "c"}]), ["a", "b"]) == {"c"}


def test_a_line_of_no_pieces_is_not_in_the_order() -> None:
    assert lines(told(products=[{"product_id": "a", "quantity": 0}, {"product_id": "b"}])) == {"b"}


def test_a_dealers_order_counts_for_nothing() -> None:
    many = [{"product_id": str(n)} for n in range(MOST_LINES + 1)]
    assert lines(told(products=many)) == frozenset()
    assert len(lines(told(products=many[1:]))) == MOST_LINES


def test_what_was_told_is_a_candidate_in_each_currency() -> None:
    known = {"name": "Cup", "price EUR": "9.50", "price GBP": "8", "availability": "in_stock", "url": "u"}
    euro, pound = candidates("cup", 0.5, known)
    assert (euro.item.price, euro.currency, pound.item.price, pound.currency) == (
        Decimal("9.50"),
        "EUR",
        Decimal(8),
        "GBP",
    )
    assert (euro.item.name, euro.item.in_stock, euro.item.url, euro.item.image_url) == ("Cup", True, "u", None)
    [sold_out] = candidates("cup", 0.5, {"price EUR": "1", "availability": "out_of_stock"})
    assert not sold_out.item.in_stock
