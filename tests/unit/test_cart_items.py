"""The lines of a cart, as shops' languages write their numbers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from journeys.cart import Cart, Item, read_item
from journeys.events import BadEventError


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
    assert (read, len(str(read)) < 30) == (Decimal(price), True)


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
