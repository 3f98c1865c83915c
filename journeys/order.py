"""An order, as the fold of its events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict

from journeys.cart import Item, currency, money, read_lines
from journeys.events import BadEventError, Event
from journeys.facts import Moment
from journeys.told_moments import TOLD, at_place, told

_HAPPENED = {
    "Order Completed": Moment.COMPLETED,
    "Order Shipped": Moment.SHIPPED,
    "Order Delivered": Moment.DELIVERED,
}
"""The events that are a moment of an order; each first time counts."""
_WORDS = ("order_url", "tracking_url", "carrier", "tracking_number", "payment_url", "payment_code")


class OrderState(BaseModel):
    """What is known of an order.

    Attributes:
        total: what the person pays, by the newest event that says so.
        told: its moments; those that were told without a zone have none, and ``moments`` reads them.
        from_backend: whether the shop's backend has told of it; else its very id is a page's word.
        said: what messages show of it: ``order_url``, ``tracking_url``, ``carrier``, …

    """

    model_config = ConfigDict(frozen=True)

    total: Decimal | None = None
    currency: str | None = None
    items: tuple[Item, ...] = ()
    told: dict[Moment, datetime] = {}
    from_backend: bool = False
    said: dict[str, str] = {}

    def moments(self, zone: tzinfo) -> dict[Moment, datetime]:
        """Give its moments in UTC, those that were told without a zone by the clocks of this one."""
        return {moment: at_place(at, zone) for moment, at in self.told.items()}


def fold(events: Iterable[Event]) -> OrderState:
    """Compute what the events of an order say of it, in whatever order they are given.

    What cannot be read is passed over: an order counts whatever a property of it looks like.
    """
    state = OrderState()
    for event in sorted(events, key=lambda e: e.order):
        state = state.model_copy(update=_changes(state, event))
    return state


def _changes(state: OrderState, event: Event) -> dict[str, Any]:
    says = event.properties
    changes: dict[str, Any] = {"told": _told(state, event), "from_backend": state.from_backend or event.from_backend}
    # Where a message leads says the backend alone: a page's key is public.
    words = _WORDS if event.from_backend else ()
    changes["said"] = state.said | {name: says[name] for name in words if isinstance(says.get(name), str)}
    try:
        changes["currency"] = currency(says) or state.currency
        if "total" in says and event.name != "Order Refunded":
            changes["total"] = money(says, "total", "properties.")
        if "products" in says:
            changes["items"] = tuple(read_lines(says).values()) or state.items
    except BadEventError:
        return {name: changes[name] for name in ("told", "from_backend", "said")}
    return changes


def _told(state: OrderState, event: Event) -> dict[Moment, datetime]:
    """Add the moments that an event is or tells. It happens once; of what is told the newest word counts."""
    known = dict(state.told)
    if event.name in _HAPPENED:
        known.setdefault(_HAPPENED[event.name], event.at)
    for name, moment in TOLD.items():
        try:
            if at := told(event, name):
                known[moment] = at
        except BadEventError:
            # Whoever told it has heard so: see ``notes``.
            continue
    return known
