"""What a person looked at most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from journeys.events import Event, parse
from journeys.viewed import most_viewed

BEGAN = datetime(2027, 1, 1, tzinfo=UTC)


def view(minute: int, product: str | None, **said: Any) -> Event:
    at = BEGAN + timedelta(minutes=minute)
    told = {"type": "track", "event": "Product Viewed", "userId": "ann", "messageId": f"m-{minute}"}
    properties = {"product_id": product, **said} if product else said
    return parse({**told, "timestamp": at.isoformat(), "properties": properties}, received_at=at, from_backend=False)


def test_the_product_of_most_views_is_shown_by_its_newest_one() -> None:
    seen = [
        view(1, "a", name="Old", price=3),
        view(4, "a", name="New", price=2, currency="eur"),
        view(9, "b", name="B"),
    ]
    found = most_viewed(seen)
    assert found is not None
    assert (found.item.name, found.item.price, found.currency) == ("New", Decimal(2), "EUR")


def test_of_two_that_were_seen_as_often_it_is_the_last_one_and_of_none_none() -> None:
    found = most_viewed([view(2, "b"), view(1, "a"), view(3, None, name="no product")])
    assert found is not None
    assert found.item.product_id == "b"
    assert most_viewed([view(1, None), view(2, "x", price="much")]) is None


@given(st.permutations([view(1, "a"), view(2, "b"), view(3, "a"), view(4, "c"), view(5, "b")]))
def test_the_order_in_which_views_came_in_makes_no_difference(views: list[Event]) -> None:
    found = most_viewed(views)
    assert found is not None
    assert found.item.product_id == "b"
