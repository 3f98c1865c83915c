"""The messages that cart recovery owes a recorded shop, computed from the recording alone, without the product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

HOUR = timedelta(hours=1)
CART_EVENTS = {"Product Added", "Checkout Started"}
LARGE = {"EUR": 100, "GBP": 90, "CHF": 100, "USD": 110, "BRL": 600}


@dataclass(frozen=True)
class Owed:
    """One message that must go out."""

    cart: str
    step: str
    channel: str
    at: datetime


def owed(recording: Iterable[dict[str, Any]]) -> set[Owed]:
    """List every message of a recording whose people are identified first and take nothing out of their carts."""
    events: dict[str, list[dict[str, Any]]] = defaultdict(list)
    traits: dict[str, dict[str, Any]] = {}
    for event in sorted(recording, key=lambda e: e["timestamp"]):
        if event["type"] == "identify":
            traits[event["userId"]] = event["traits"]
        else:
            events[event["userId"]].append(event | {"at": datetime.fromisoformat(event["timestamp"])})
    return {message for user, seen in events.items() for message in _of_person(seen, traits[user])}


def _of_person(events: list[dict[str, Any]], traits: dict[str, Any]) -> Iterator[Owed]:
    carts: dict[str, datetime] = {}
    for event in events:
        if event.get("event") in CART_EVENTS:
            carts.setdefault(event["properties"]["cart_id"], event["at"])
    for cart, opened in carts.items():
        ends = [at for at in carts.values() if at > opened]
        ends += [e["at"] for e in events if e.get("event") == "Order Completed" and e["at"] >= opened]
        yield from _of_cart(cart, opened, min([*ends, opened + 72 * HOUR]), events, traits)


def _of_cart(
    cart: str, opened: datetime, over: datetime, events: list[dict[str, Any]], traits: dict[str, Any]
) -> Iterator[Owed]:
    first = _idle(events, opened, 2 * HOUR)
    value, currency = _value(cart, events, first)
    if value >= LARGE[currency]:
        first = _idle(events, opened, 12 * HOUR)
    may = {
        channel
        for channel, address in (("sms", "phone"), ("email", "email"))
        if traits["consent"].get(channel) is True and traits.get(address)
    }
    if first < over and may:
        yield Owed(cart, "first", "sms" if "sms" in may else "email", first)
    second = first + 24 * HOUR
    # Who has no e-mail got the one SMS of the cart already.
    if second < over and "email" in may:
        yield Owed(cart, "second", "email", second)


def _idle(events: list[dict[str, Any]], since: datetime, window: timedelta) -> datetime:
    """Find the first moment after ``since`` at which the person did nothing for a window."""
    last = since
    for event in events:
        if last < event["at"] < last + window:
            last = event["at"]
    return last + window


def _value(cart: str, events: list[dict[str, Any]], at: datetime) -> tuple[float, str]:
    quantities: dict[str, float] = {}
    prices: dict[str, float] = {}
    currency = ""
    for event in events:
        properties = event.get("properties", {})
        if event["at"] > at or properties.get("cart_id") != cart or event.get("event") not in CART_EVENTS:
            continue
        currency = properties["currency"]
        lines = properties.get("products", [properties])
        if "products" in properties:
            quantities = {}
        for line in lines:
            prices[line["product_id"]] = line["price"]
            quantities[line["product_id"]] = quantities.get(line["product_id"], 0) + line["quantity"]
    return sum(prices[product] * quantity for product, quantity in quantities.items()), currency
