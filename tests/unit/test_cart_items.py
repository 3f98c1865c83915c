"""The lines of a cart, as shops' languages write their numbers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from journeys.cart import MOST_LINES, Cart, Item, apply, fold, read_item
from journeys.events import BadEventError, Event, parse


def line(quantity: str) -> dict[str, Any]:
    return {"product_id": "tent-2", "quantity": json.loads(quantity)}


@pytest.mark.parametrize(("written", "pieces"), [("1", 1), ("1.0", 1), ("2e2", 200), ("0.0", 0), ("-0.0", 0)])
def test_a_whole_number_is_one_however_it_is_written(written: str, pieces: int) -> None:
    assert repr(read_item(line(written), "properties.").quantity) == repr(pieces)


@pytest.mark.parametrize(
    ("written", "price"),
    [("129.90", "129.90"), ("1e-20000", "0"), ("0e999999", "0"), ("1e12", "1e12"), (f"2.{'0' * 20_000}1", "2")],
)
def test_a_price_has_no_more_digits_than_can_be_kept(written: str, price: str) -> None:
    read = read_item({"product_id": "tent-2", "price": written}, "properties.").price
    assert (read, len(str(read)) < 40) == (Decimal(price), True)


@pytest.mark.parametrize(("written", "product"), [("7", "7"), ("7.0", "7"), ('"7.0"', "7.0")])
def test_a_products_number_is_its_id(written: str, product: str) -> None:
    assert read_item({"product_id": json.loads(written)}, "properties.").product_id == product


@pytest.mark.parametrize("written", ["7.5", "NaN", "1e400", "true", "[]", "null", '""'])
def test_what_is_no_id_of_a_product_is_refused(written: str) -> None:
    with pytest.raises(BadEventError, match="must be given"):
        read_item({"product_id": json.loads(written)}, "properties.")


@pytest.mark.parametrize("written", ["1.5", "-1.0", "1e7", "1e400", "NaN", "true", '"1"', "null"])
def test_any_other_quantity_is_refused(written: str) -> None:
    with pytest.raises(BadEventError, match="must be a whole number"):
        read_item(line(written), "properties.")


@pytest.mark.parametrize(
    "said", [{}, *({"availability": said} for said in ("in_stock", "backorder", "preorder", None, 0, ["out_of_stock"]))]
)
def test_what_is_not_called_out_of_stock_can_be_bought(said: dict[str, Any]) -> None:
    assert read_item({"product_id": "tent-2", **said}, "properties.").in_stock


def test_what_is_out_of_stock_is_what_the_shop_calls_so() -> None:
    assert not read_item({"product_id": "tent-2", "availability": "out_of_stock"}, "properties.").in_stock


def test_a_cart_is_sold_out_when_nothing_in_it_can_be_bought() -> None:
    gone, here = Item(product_id="a", in_stock=False), Item(product_id="b")
    assert Cart(items=(gone,)).sold_out
    assert not Cart(items=(gone, here)).sold_out
    assert not Cart().sold_out


def event(number: int, what: str, product: str, quantity: int = 1) -> Event:
    properties = {"cart_id": "c-1", "product_id": product, "quantity": quantity}
    message = {"type": "track", "userId": "ann", "event": what, "messageId": f"m-{number:05}", "properties": properties}
    return parse(message, received_at=datetime(2026, 3, 10, tzinfo=UTC) + timedelta(seconds=number))


def test_a_cart_that_is_filled_without_end_holds_its_first_lines_and_they_can_still_change() -> None:
    filling = [event(number, "Product Added", f"p-{number}") for number in range(MOST_LINES + 5)]
    changes = [("Product Added", "p-3", 2), ("Product Removed", "p-0", 1), ("Product Added", "p-new", 1)]
    events = [*filling, *(event(MOST_LINES + 5 + number, *change) for number, change in enumerate(changes))]
    cart = fold(reversed(events))
    assert [item.product_id for item in cart.items] == [*(f"p-{n}" for n in range(1, MOST_LINES)), "p-new"]
    assert [item.quantity for item in cart.items if item.product_id == "p-3"] == [3]
    one_by_one = fold(filling)
    for change in events[len(filling) :]:
        one_by_one = apply(one_by_one, change)
    assert one_by_one == cart
