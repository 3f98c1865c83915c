"""What a shop is told of an event that is taken and does nothing."""

from __future__ import annotations

import pytest

from journeys.events import Name, parse
from journeys.notes import notes_on
from tests.unit.test_event_times import NOW

SPEC = [
    "Product Viewed",
    "Product List Viewed",
    "Products Searched",
    "Product Clicked",
    "Product Reviewed",
    "Product Shared",
    "Product Added to Wishlist",
    "Product Removed from Wishlist",
    "Wishlist Product Added to Cart",
    "Promotion Viewed",
    "Promotion Clicked",
    "Cart Shared",
    "Coupon Entered",
    "Coupon Applied",
    "Coupon Denied",
    "Coupon Removed",
    "Order Updated",
    "Order Refunded",
    "Order Cancelled",
    "Order Shipped",
    "Order Delivered",
]


def note(name: str, kind: str = "track") -> str | None:
    message = {"type": kind, "userId": "ann", "event": name, "name": name, "properties": {"order_id": "o-1"}}
    [found] = notes_on([parse(message, received_at=NOW)])
    return found


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("order completed", "Order Completed"),
        ("Order completed", "Order Completed"),
        ("ORDER COMPLETED", "Order Completed"),
        ("OrderCompleted", "Order Completed"),
        ("order_completed", "Order Completed"),
        ("Completed Order", "Order Completed"),
        ("Order Complete", "Order Completed"),
        ("Order Complted", "Order Completed"),
        ("Product added", "Product Added"),
        ("Add Product", "Product Added"),
        ("Checkout started", "Checkout Started"),
        ("checkout-started", "Checkout Started"),
        ("Cart View", "Cart Viewed"),
    ],
)
def test_a_name_that_is_nearly_one_of_ours_is_noted(name: str, meant: str) -> None:
    assert note(name) == f"did you mean '{meant}'? This name has no effect on carts"


@pytest.mark.parametrize("name", [*Name, *SPEC, "Balloon Popped", "💥", "_", "x" * 256])
def test_any_other_name_is_nobodys_mistake(name: str) -> None:
    assert note(name) is None


def test_a_page_may_be_called_as_it_likes() -> None:
    assert note("order completed", kind="page") is None


def test_of_a_call_with_very_many_mistakes_only_some_names_are_looked_at() -> None:
    messages = [{"type": "track", "userId": "ann", "event": f"order completed{'!' * n}"} for n in range(100)]
    found = list(notes_on(parse(message, received_at=NOW) for message in messages))
    assert found == [found[0]] * 20 + [None] * 80
    assert found[0] is not None
