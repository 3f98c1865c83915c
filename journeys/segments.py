"""Which segments a person is in, by a summary of what they did. The numbers stand in ``segments.yaml``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from journeys.facts import LIVE, Segment
from journeys.segment_table import Count, Rule, table

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class CartSeen:
    """A cart that was filled: when somebody last did something with it, and whether it was left behind."""

    last_at: datetime
    abandoned: bool


@dataclass(frozen=True)
class View:
    """A product that was looked at: when last, and of which category, empty where that was not told."""

    product: str
    category: str
    at: datetime


@dataclass(frozen=True)
class Summary:
    """What a person did, as far as segments and scores ask for it.

    Attributes:
        at: the moment as of which it was put together; nothing in it is later.
        orders: when each order was made, oldest first.
        spent: what the orders in ``currency`` came to.
        currency: that of the newest order; empty where it is not known.

    """

    at: datetime
    orders: tuple[datetime, ...] = ()
    spent: Decimal = Decimal(0)
    currency: str = ""
    carts: tuple[CartSeen, ...] = ()
    views: tuple[View, ...] = ()


def segments_of(summary: Summary) -> tuple[Segment, ...]:
    """Name the segments of a person, the live ones first."""
    rules = table().segments
    return tuple(s for s in Segment if all(rule.holds(_found(summary, rule)) for rule in rules[s.value]))


def with_live(live: tuple[Segment, ...], kept: Iterable[Segment]) -> tuple[Segment, ...]:
    """Put the segments together that were asked just now and those that are kept; of the live ones the former count."""
    return (*live, *(segment for segment in kept if segment not in LIVE))


def _found(summary: Summary, rule: Rule) -> int:
    return _COUNTS[rule.count](summary, summary.at - rule.within if rule.within else _EVER)


def _orders(summary: Summary, since: datetime) -> int:
    return sum(at >= since for at in summary.orders)


def _abandoned_carts(summary: Summary, since: datetime) -> int:
    return sum(cart.abandoned and cart.last_at >= since for cart in summary.carts)


def _purchases_begun(summary: Summary, since: datetime) -> int:
    return sum(cart.last_at >= since for cart in summary.carts) + _orders(summary, since)


def _products_viewed(summary: Summary, since: datetime) -> int:
    return len({view.product for view in summary.views if view.at >= since})


def _similar_products_viewed(summary: Summary, since: datetime) -> int:
    """Count the products of the category of which most were seen. An order ends the comparison that led to it."""
    bought = max(summary.orders, default=_EVER)
    seen = {(view.category, view.product) for view in summary.views if view.at >= since and view.at > bought}
    return max(Counter(category for category, _ in seen if category).values(), default=0)


_COUNTS: dict[Count, Callable[[Summary, datetime], int]] = {
    "orders": _orders,
    "abandoned_carts": _abandoned_carts,
    "purchases_begun": _purchases_begun,
    "products_viewed": _products_viewed,
    "similar_products_viewed": _similar_products_viewed,
}
