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

from pydantic import BaseModel, ConfigDict, Field

from journeys import devices
from journeys.devices import Told

MAX_ID = 256
MAX_EVENT_BYTES = 32 * 1024
"""Segment's own limit for one event."""
MAX_DEPTH = 32
"""Deeper than any real event; Python's own recursion limit is never met."""
CLOCK_TOLERANCE = timedelta(minutes=5)
_MAX_CONTEXT = 64
"""Longer than any locale or time zone name."""
# Compact, as client libraries count an event's size before they send it.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str, separators=(",", ":"))
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class Name(StrEnum):
    """The event names that Relance acts on. Any other name is kept, and counts as activity of the person."""

    PRODUCT_ADDED = "Product Added"
    PRODUCT_REMOVED = "Product Removed"
    CART_VIEWED = "Cart Viewed"
    CART_UPDATED = "Cart Updated"
    CHECKOUT_STARTED = "Checkout Started"
    CHECKOUT_STEP_VIEWED = "Checkout Step Viewed"
    CHECKOUT_STEP_COMPLETED = "Checkout Step Completed"
    PAYMENT_INFO_ENTERED = "Payment Info Entered"
    ORDER_COMPLETED = "Order Completed"
    MESSAGE_DELIVERED = "Message Delivered"
    MESSAGE_FAILED = "Message Failed"
    MESSAGE_COMPLAINED = "Message Complained"
    MESSAGE_CLICKED = "Message Clicked"
    SEGMENT_CHANGED = "Segment Changed"


PRODUCT_VIEWED = "Product Viewed"
"""Counted for the segments of its person. Nothing is decided by it at once: it takes the short way in."""
MESSAGE_REPLIED = "Message Replied"
"""Tells of an answer; its property ``journey`` names the journey that asked."""
KINDS = ("track", "identify", "page", "screen", "group", "alias")
"""The calls of Segment's tracking API."""


OFF_THE_PAGES = frozenset(
    {
        *("Order Updated", "Order Refunded", "Order Cancelled", "Order Shipped", "Order Delivered"),
        *(Name.MESSAGE_DELIVERED, Name.MESSAGE_FAILED, Name.MESSAGE_COMPLAINED),
        *(Name.SEGMENT_CHANGED, MESSAGE_REPLIED),
    }
)
"""What the shop does with an order or a provider with a message, what Relance finds, and what people write back: nobody
needs to be on the shop's pages for it."""
BACKENDS_ALONE = frozenset({Name.SEGMENT_CHANGED, MESSAGE_REPLIED})
"""What no browser can know. Told by one it is kept, and nothing comes of it."""


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
    """One message as the rest of the program sees it.

    Attributes:
        at: when it happened.
        received_at: when it came in.
        previous_id: of an alias: the id by which the person was known before.
        group_id: of a group: what the person belongs to.
        traits: of an identify the person's, of a group the group's.
        locale: the device's language, as ``fr-FR``.
        timezone: the device's zone, as ``Europe/Paris``.
        device: where a push reaches the device. The table of devices has it; the log of events has not.
        from_backend: told by the shop's own backend, which knows what it says: by a call with an API key, a signed
            webhook or an import. A browser may say anything.

    """

    model_config = ConfigDict(frozen=True)

    message_id: str
    kind: Literal["track", "identify", "page", "screen", "group", "alias"]
    name: str
    at: datetime
    received_at: datetime
    user_id: str | None
    anonymous_id: str | None
    previous_id: str | None = None
    group_id: str | None = None
    cart_id: str | None = None
    checkout_id: str | None = None
    order_id: str | None = None
    properties: dict[str, Any] = Field(default_factory=dict)
    traits: dict[str, Any] = Field(default_factory=dict)
    locale: str | None = None
    timezone: str | None = None
    device: Told | None = Field(default=None, exclude=True)
    from_backend: bool = False

    @property
    def is_activity(self) -> bool:
        """Tell whether the person did it themselves, just then, on the shop's pages or in its app."""
        return self.kind != "identify" and self.name not in OFF_THE_PAGES

    @property
    def is_believed(self) -> bool:
        """Tell whether whoever told it may know: journeys begin with it, end by it and count it only then."""
        return self.from_backend or self.name not in BACKENDS_ALONE

    @property
    def order(self) -> tuple[datetime, str]:
        """Where the event stands among all others: by time, then by message id."""
        return (self.at, self.message_id)


def parse(
    message: object,
    *,
    received_at: datetime,
    kind: str | None = None,
    from_backend: bool = False,
    batch: Mapping[str, Any] | None = None,
) -> Event:
    """Check one Segment message and turn it into an event.

    Of the message's ``context`` the locale, the time zone and where a push reaches the device are kept, nothing else.

    Args:
        message: the decoded JSON value.
        received_at: when it came in, with a zone.
        kind: the type that the address of the call implies; otherwise the message's own ``type`` counts.
        from_backend: whether the shop's own backend tells it.
        batch: what it came in; its ``sentAt`` and ``context`` count where the message has none, and not for its size.

    Raises:
        BadEventError: the message cannot be taken; it names the field and what would be right.

    """
    if not isinstance(message, Mapping):
        raise BadEventError("event", "must be a JSON object")
    _check_storable(message)
    if batch:
        message = _completed(message, batch)
    kind = kind or _text(message, "type")
    if kind not in KINDS:
        raise BadEventError("type", f"must be one of {', '.join(KINDS)}")
    user_id, anonymous_id = _text_or_empty(message, "userId"), _text_or_empty(message, "anonymousId")
    if user_id is None and anonymous_id is None:
        raise BadEventError("userId", "give userId or anonymousId, so that the event has a person")
    properties = _object(message, "properties")
    name = _name(message, kind)
    return Event(
        message_id=_text_or_empty(message, "messageId") or str(uuid.uuid4()),
        kind=kind,
        name=name,
        at=_moment(message, received_at),
        received_at=received_at,
        user_id=user_id,
        anonymous_id=anonymous_id,
        previous_id=_needed(message, "previousId", kind, "alias"),
        group_id=_needed(message, "groupId", kind, "group"),
        cart_id=_text(properties, "cart_id", path="properties."),
        checkout_id=_text(properties, "checkout_id", path="properties."),
        order_id=_order_id(name, properties),
        properties=properties,
        traits=_object(message, "traits"),
        **device_of(message),
        device=devices.told(message.get("context")),
        from_backend=from_backend,
    )


def _completed(message: Mapping[str, Any], batch: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add what Segment's clients say once for all messages of a batch: when they sent it, and on what device."""
    own, shared = message.get("context"), batch.get("context")
    if isinstance(shared, Mapping):
        message = {**message, "context": {**shared, **own} if isinstance(own, Mapping) else shared}
    return {"sentAt": batch.get("sentAt"), **message}


def _name(message: Mapping[str, Any], kind: str) -> str:
    if kind in {"page", "screen"}:
        return _text_or_empty(message, "name") or kind
    if kind != "track":
        return kind
    name = _text(message, "event")
    if name is None:
        raise BadEventError("event", "a track call needs the name of the event")
    return name


def _needed(message: Mapping[str, Any], field: str, kind: str, by: str) -> str | None:
    """Read the id that one kind of call is about."""
    if kind != by:
        return None
    value = _text(message, field)
    if value is None:
        raise BadEventError(field, f"{by} calls need it")
    return value


def device_of(message: Mapping[str, Any]) -> dict[str, str]:
    """Read what is kept of a context: the locale and the time zone.

    Client libraries fill it in by themselves: what is wrong there is left out, and no reason to refuse.
    """
    context = message.get("context")
    if not isinstance(context, Mapping):
        return {}
    return {
        field: value
        for field in ("locale", "timezone")
        if isinstance(value := context.get(field), str) and 0 < len(value) <= _MAX_CONTEXT and value.isprintable()
    }


def _order_id(name: str, properties: Mapping[str, Any]) -> str | None:
    order_id = _text(properties, "order_id", path="properties.")
    if name == Name.ORDER_COMPLETED and order_id is None:
        raise BadEventError("properties.order_id", "Order Completed needs the id of the order")
    return order_id


def _check_storable(message: Mapping[str, Any]) -> None:
    """Refuse what Postgres cannot keep: NUL characters, lone surrogates, and anything too large or too deep."""
    try:
        encoded = _ENCODER.encode(message).encode()
    except RecursionError:
        raise _too_deep() from None
    except UnicodeEncodeError:
        raise BadEventError("event", "contains half of a surrogate pair; send valid Unicode") from None
    except ValueError:
        raise BadEventError("event", "contains NaN or Infinity, which JSON does not have") from None
    if len(encoded) > MAX_EVENT_BYTES:
        raise BadEventError("event", "is larger than 32 KB")
    if b"\\u0000" in encoded and _NUL.search(encoded):
        raise BadEventError("event", "contains a NUL character")
    # What has fewer brackets cannot be deeper.
    if encoded.count(b"{") + encoded.count(b"[") > MAX_DEPTH:
        _check_depth(message, MAX_DEPTH)


def _check_depth(value: object, levels: int) -> None:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if inner and not levels:
        raise _too_deep()
    for part in inner:
        _check_depth(part, levels - 1)


def _too_deep() -> BadEventError:
    return BadEventError("event", f"is nested more than {MAX_DEPTH} levels deep")


def _object(message: Mapping[str, Any], field: str) -> dict[str, Any]:
    value = message.get(field)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadEventError(field, "must be an object")
    return dict(value)


def _text(message: Mapping[str, Any], field: str, *, path: str = "") -> str | None:
    """Read an id or a name. Whole numbers are taken too: many shops number their customers and carts."""
    value = whole(message.get(field))
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise BadEventError(path + field, "must be a string that is not empty")
    if len(value) > MAX_ID:
        raise BadEventError(path + field, f"must have at most {MAX_ID} characters")
    return value


def whole(value: Any) -> Any:
    """Give 7 for 7.0: in JSON both are the same number, and some languages write every number with a point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text_or_empty(message: Mapping[str, Any], field: str) -> str | None:
    """Read what libraries send as an empty string where they have nothing to say."""
    return None if message.get(field) == "" else _text(message, field)


def _moment(message: Mapping[str, Any], received_at: datetime) -> datetime:
    """Tell when it happened. Of a client that says when it sent, only the difference is trusted, not its clock.

    Segment's rule: timestamp = receivedAt - (sentAt - originalTimestamp).
    """
    told, original = timestamp(message, "timestamp"), timestamp(message, "originalTimestamp")
    sent_at = timestamp(message, "sentAt")
    if sent_at is None:
        at, problem = told or original or received_at, "lies in the future; correct the clock, or send sentAt beside it"
    else:
        at, problem = _since_sent(original or told or sent_at, sent_at, received_at), "lies after sentAt"
    if at > received_at + CLOCK_TOLERANCE:
        raise BadEventError("timestamp", problem)
    return min(at, received_at)


def _since_sent(at: datetime, sent_at: datetime, received_at: datetime) -> datetime:
    try:
        return received_at - (sent_at - at)
    except OverflowError:
        raise BadEventError("timestamp", "lies thousands of years from sentAt") from None


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
