"""Makes events, ready to be sent and sent again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from relance_client.plain import plain

Id: TypeAlias = str | int | uuid.UUID
Money: TypeAlias = Decimal | int | float | str
Properties: TypeAlias = Mapping[str, object]

MAX_EVENT = 32 * 1024
"""The largest event that Relance takes, in bytes of JSON."""
_SENT_AT = len(',"sentAt":"2026-03-10T10:15:00.000000+00:00"')
"""What each try adds to an event."""

_ORDERS = uuid.UUID("5b0f7d0e-6c3a-4b57-9a53-1d0f0b7c2f11")
"""Makes the message ids of orders out of their own ids."""


@dataclass(frozen=True)
class Event:
    """One event in Segment's format. Its message id was made with it: however often it is sent, it counts once."""

    kind: Literal["track", "identify", "alias"]
    message: Mapping[str, Any]

    @property
    def message_id(self) -> str:
        """The id by which Relance knows the event again."""
        return str(self.message["messageId"])

    def encoded(self) -> bytes:
        """Give the event as JSON."""
        return json.dumps(self.message, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Consent:
    """What a person agreed to on one channel, or took back, with its proof.

    Attributes:
        granted: yes or no.
        purpose: what for.
        text: the words that they agreed to.
        at: when, with a zone; the event's own time where it is missing.

    """

    granted: bool
    purpose: Literal["marketing", "service", "transactional"] = "marketing"
    text: str | None = None
    at: datetime | None = None


def track(
    event: str,
    properties: Properties | None = None,
    *,
    user_id: Id | None = None,
    anonymous_id: Id | None = None,
    timestamp: datetime | None = None,
    message_id: str | None = None,
    context: Properties | None = None,
) -> Event:
    """Tell that a person did something: ``event`` names it, ``properties`` are about it.

    Args:
        event: its name, such as ``Product Added``.
        properties: such as ``cart_id``, ``product_id``, ``price``. Give money as Decimal: no digit of it is lost.
        user_id: who, by the shop's own id. One of the two is needed.
        anonymous_id: who, by the id of their device or session.
        timestamp: when, with a zone; now, where it is missing.
        message_id: an id of the shop's own for this event, so that it counts once although it is made twice.
        context: such as ``locale`` and ``timezone``.

    """
    return _made(
        "track",
        event=event,
        properties=properties or {},
        userId=user_id,
        anonymousId=anonymous_id,
        timestamp=timestamp,
        messageId=message_id,
        context=context,
    )


def identify(
    user_id: Id,
    traits: Properties | None = None,
    *,
    consent: Mapping[str, bool | Consent] | None = None,
    anonymous_id: Id | None = None,
    timestamp: datetime | None = None,
    message_id: str | None = None,
) -> Event:
    """Tell what is known of a person.

    Args:
        user_id: who.
        traits: such as ``email``, ``phone``, ``firstName``, ``locale``, ``country``, ``timezone``.
        consent: for each channel (``sms``, ``email``), whether the person agreed to it.
        anonymous_id: by which the person was known until now; what that visitor did is theirs from now on.
        timestamp: when, with a zone; now, where it is missing.
        message_id: an id of the shop's own for this event, so that it counts once although it is made twice.

    """
    known = dict(traits or {})
    if consent is not None:
        known["consent"] = {channel: _consent(given) for channel, given in consent.items()}
    return _made(
        "identify",
        traits=known,
        userId=user_id,
        anonymousId=anonymous_id,
        timestamp=timestamp,
        messageId=message_id,
    )


def alias(user_id: Id, previous_id: Id, *, timestamp: datetime | None = None, message_id: str | None = None) -> Event:
    """Tell that a person was known by another id before: ``previous_id`` is the same as ``user_id``."""
    return _made("alias", userId=user_id, previousId=previous_id, timestamp=timestamp, messageId=message_id)


def order_completed(
    order_id: Id,
    *,
    user_id: Id | None = None,
    anonymous_id: Id | None = None,
    cart_id: Id | None = None,
    checkout_id: Id | None = None,
    total: Money | None = None,
    currency: str | None = None,
    products: Sequence[Properties] | None = None,
    properties: Properties | None = None,
    timestamp: datetime | None = None,
) -> Event:
    """Tell that an order was placed: nothing goes out about its cart any more.

    Its message id is made of the order's own: an order that is told twice, even by two processes, is one.

    Args:
        order_id: the order.
        user_id: who ordered, by the shop's own id. One of the two is needed.
        anonymous_id: who ordered, by the id of their device or session.
        cart_id: the cart that was ordered; without it, every cart that the person filled before.
        checkout_id: the checkout by which it was ordered.
        total: what is paid, in the currency's main unit.
        currency: three letters (ISO 4217).
        products: the lines, each with ``product_id`` or ``sku``, ``name``, ``price``, ``quantity``.
        properties: whatever else is to be known of the order.
        timestamp: when, with a zone; now, where it is missing.

    """
    about = {
        "order_id": order_id,
        "cart_id": cart_id,
        "checkout_id": checkout_id,
        "total": total,
        "currency": currency,
        "products": products,
    }
    return track(
        "Order Completed",
        {**(properties or {}), **_given(about)},
        user_id=user_id,
        anonymous_id=anonymous_id,
        timestamp=timestamp,
        message_id=str(uuid.uuid5(_ORDERS, str(order_id))),
    )


def _made(kind: Literal["track", "identify", "alias"], **fields: object) -> Event:
    message = _given({"type": kind, **fields})
    message.setdefault("messageId", str(uuid.uuid4()))
    message.setdefault("timestamp", datetime.now(UTC))
    made = Event(kind, {field: plain(value, field) for field, value in message.items()})
    if len(made.encoded()) + _SENT_AT > MAX_EVENT:
        raise ValueError(f"the event is larger than {MAX_EVENT // 1024} KB, the most that Relance takes")
    return made


def _given(fields: Mapping[str, object]) -> dict[str, object]:
    return {field: value for field, value in fields.items() if value is not None}


def _consent(given: bool | Consent) -> object:  # noqa: FBT001 it is what a person said
    return _given(vars(given)) if isinstance(given, Consent) else given
