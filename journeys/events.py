"""What happened at the shop: one Segment message, checked and normalised.

Names and fields follow Segment's HTTP tracking API and its e-commerce spec v2.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

MAX_ID = 256
MAX_EVENT_BYTES = 32 * 1024
"""Segment's own limit for one event."""
MAX_DEPTH = 32
"""Deeper than any real event; Python's own recursion limit is never met."""
CLOCK_TOLERANCE = timedelta(minutes=5)
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class Name(StrEnum):
    """The event names that Relance acts on. Any other name is kept, and counts as activity of the person."""

    PRODUCT_ADDED = "Product Added"
    PRODUCT_REMOVED = "Product Removed"
    CART_VIEWED = "Cart Viewed"
    CART_UPDATED = "Cart Updated"
    CHECKOUT_STARTED = "Checkout Started"
    ORDER_COMPLETED = "Order Completed"


class BadEventError(ValueError):
    """An event that cannot be taken.

    Attributes:
        field: the path of the field that is wrong, such as ``properties.products[0].price``.
        problem: what is wrong and what would be right, in one sentence without the value itself.

    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class Event(BaseModel):
    """One message as the rest of the program sees it. ``at`` is when it happened, ``received_at`` when it came in."""

    model_config = ConfigDict(frozen=True)

    message_id: str
    kind: Literal["track", "identify", "page"]
    name: str
    at: datetime
    received_at: datetime
    user_id: str | None
    anonymous_id: str | None
    cart_id: str | None = None
    order_id: str | None = None
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}

    @property
    def order(self) -> tuple[datetime, str]:
        """Where the event stands among all others: by time, then by message id."""
        return (self.at, self.message_id)


def parse(message: object, *, received_at: datetime, kind: str | None = None) -> Event:
    """Check one Segment message and turn it into an event.

    Args:
        message: the decoded JSON value.
        received_at: when it came in, with a zone.
        kind: the type that the address of the call implies; otherwise the message's own ``type`` counts.

    Raises:
        BadEventError: the message cannot be taken; it names the field and what would be right.

    """
    if not isinstance(message, Mapping):
        raise BadEventError("event", "must be a JSON object")
    _check_storable(message)
    kind = kind or _text(message, "type")
    if kind not in {"track", "identify", "page"}:
        raise BadEventError("type", "must be one of track, identify, page")
    user_id, anonymous_id = _text(message, "userId"), _text(message, "anonymousId")
    if user_id is None and anonymous_id is None:
        raise BadEventError("userId", "give userId or anonymousId, so that the event has a person")
    properties = _object(message, "properties")
    name = _name(message, kind)
    return Event(
        message_id=_text(message, "messageId") or str(uuid.uuid4()),
        kind=kind,
        name=name,
        at=_moment(message, received_at),
        received_at=received_at,
        user_id=user_id,
        anonymous_id=anonymous_id,
        cart_id=_text(properties, "cart_id", path="properties."),
        order_id=_order_id(name, properties),
        properties=properties,
        traits=_object(message, "traits"),
    )


def _name(message: Mapping[str, Any], kind: str) -> str:
    if kind == "identify":
        return "identify"
    if kind == "page":
        return _text(message, "name") or "page"
    name = _text(message, "event")
    if name is None:
        raise BadEventError("event", "a track call needs the name of the event")
    return name


def _order_id(name: str, properties: Mapping[str, Any]) -> str | None:
    order_id = _text(properties, "order_id", path="properties.")
    if name == Name.ORDER_COMPLETED and order_id is None:
        raise BadEventError("properties.order_id", "Order Completed needs the id of the order")
    return order_id


def _check_storable(message: Mapping[str, Any]) -> None:
    """Refuse what Postgres cannot keep: NUL characters, lone surrogates, and anything too large or too deep."""
    _check_depth(message, MAX_DEPTH)
    try:
        encoded = json.dumps(message, ensure_ascii=False, allow_nan=False, default=str).encode()
    except UnicodeEncodeError:
        raise BadEventError("event", "contains half of a surrogate pair; send valid Unicode") from None
    except ValueError:
        raise BadEventError("event", "contains NaN or Infinity, which JSON does not have") from None
    if len(encoded) > MAX_EVENT_BYTES:
        raise BadEventError("event", "is larger than 32 KB")
    if _NUL.search(encoded):
        raise BadEventError("event", "contains a NUL character")


def _check_depth(value: object, levels: int) -> None:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    if inner and not levels:
        raise BadEventError("event", f"is nested more than {MAX_DEPTH} levels deep")
    for part in inner:
        _check_depth(part, levels - 1)


def _object(message: Mapping[str, Any], field: str) -> dict[str, Any]:
    value = message.get(field)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadEventError(field, "must be an object")
    return dict(value)


def _text(message: Mapping[str, Any], field: str, *, path: str = "") -> str | None:
    """Read an id or a name. Whole numbers are taken too: many shops number their customers and carts."""
    value = message.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise BadEventError(path + field, "must be a string that is not empty")
    if len(value) > MAX_ID:
        raise BadEventError(path + field, f"must have at most {MAX_ID} characters")
    return value


def _moment(message: Mapping[str, Any], received_at: datetime) -> datetime:
    at = timestamp(message, "timestamp")
    if at is None:
        return received_at
    sent_at = timestamp(message, "sentAt")
    if sent_at is not None:
        # Segment's correction for a client whose clock is wrong: only the difference is trusted.
        try:
            at = received_at - (sent_at - at)
        except OverflowError:
            raise BadEventError("timestamp", "lies thousands of years from sentAt") from None
    if at > received_at + CLOCK_TOLERANCE:
        raise BadEventError("timestamp", "lies in the future; correct the clock, or send sentAt beside it")
    return min(at, received_at)


def timestamp(message: Mapping[str, Any], field: str, *, path: str = "") -> datetime | None:
    """Read a moment, in UTC; None where there is none.

    Raises:
        BadEventError: it is no moment, or has no zone.

    """
    value = message.get(field)
    if value is None:
        return None
    problem = "must be ISO 8601 with a zone, such as 2026-03-01T10:15:00Z"
    if not isinstance(value, str):
        raise BadEventError(path + field, problem)
    try:
        moment = datetime.fromisoformat(value)
        in_utc = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadEventError(path + field, problem) from None
    if moment.tzinfo is None:
        raise BadEventError(path + field, problem)
    return in_utc
