"""An order, as the fold of its events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict

from journeys.cart import Item, currency, money, read_lines
from journeys.events import BadEventError, Event, timestamp
from journeys.facts import Moment

_HAPPENED = {
    "Order Completed": Moment.COMPLETED,
    "Order Shipped": Moment.SHIPPED,
    "Order Delivered": Moment.DELIVERED,
}
"""The events that are a moment of an order; each first time counts."""
_TOLD = {"payment_due": Moment.PAYMENT_DUE, "expected_delivery": Moment.EXPECTED}
"""The properties that tell one; the newest word counts."""
_AT_MOST_APART = timedelta(days=3650)
_WORDS = ("order_url", "tracking_url", "carrier", "tracking_number", "payment_url", "payment_code")


class OrderState(BaseModel):
    """What is known of an order.

    Attributes:
        total: what the person pays, by the newest event that says so.
        said: what messages show of it: ``order_url``, ``tracking_url``, ``carrier``, …

    """

    model_config = ConfigDict(frozen=True)

    total: Decimal | None = None
    currency: str | None = None
    items: tuple[Item, ...] = ()
    moments: dict[Moment, datetime] = {}
    said: dict[str, str] = {}


def fold(events: Iterable[Event]) -> OrderState:
    """Compute what the events of an order say of it, in whatever order they are given.

    What cannot be read is passed over: an order counts whatever a property of it looks like.
    """
    state = OrderState()
    for event in sorted(events, key=lambda e: e.order):
        state = state.model_copy(update=_changes(state, event))
    return state


def _changes(state: OrderState, event: Event) -> dict[str, Any]:
    told = event.properties
    changes: dict[str, Any] = {"moments": _moments(state, event)}
    # Where a message leads says the backend alone: a page's key is public.
    words = _WORDS if event.from_backend else ()
    changes["said"] = state.said | {name: told[name] for name in words if isinstance(told.get(name), str)}
    try:
        changes["currency"] = currency(told) or state.currency
        if "total" in told and event.name != "Order Refunded":
            changes["total"] = money(told, "total", "properties.")
        if "products" in told:
            changes["items"] = tuple(read_lines(told).values()) or state.items
    except BadEventError:
        return {name: changes[name] for name in ("moments", "said")}
    return changes


def _moments(state: OrderState, event: Event) -> dict[Moment, datetime]:
    moments = dict(state.moments)
    if event.name in _HAPPENED:
        moments.setdefault(_HAPPENED[event.name], event.at)
    for name, moment in _TOLD.items():
        try:
            told = timestamp(event.properties, name)
        except BadEventError:
            continue
        # Some backends write the year 1 for none.
        if told is not None and abs(told - event.at) < _AT_MOST_APART:
            moments[moment] = told
    return moments
