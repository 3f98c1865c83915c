"""What a person looked at: the product that they came back to most often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from journeys.cart import Item, currency, read_item
from journeys.events import BadEventError, Event

LOOKED_BACK = timedelta(hours=24)
"""So long before a journey began, views still tell what it is about."""


@dataclass(frozen=True)
class Viewed:
    """One product, as its newest view shows it. ``currency`` is that of its price, where it was told."""

    item: Item
    currency: str | None


def most_viewed(views: Iterable[Event]) -> Viewed | None:
    """Give the product that was viewed most often, of several the one that was viewed last.

    Args:
        views: ``Product Viewed`` events, in any order. Those that name no product are passed over.

    """
    read = [found for event in sorted(views, key=lambda event: event.order) if (found := _read(event))]
    times = Counter(found.item.product_id for found in read)
    most = max(times.values(), default=0)
    return next((found for found in reversed(read) if times[found.item.product_id] == most), None)


def _read(event: Event) -> Viewed | None:
    try:
        return Viewed(read_item(event.properties, "properties."), currency(event.properties))
    except BadEventError:
        return None
