"""What comes back from a provider: what became of a message, and what the person answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from journeys.facts import Medium


class Fate(StrEnum):
    """What became of a message after its provider had taken it; the names of the events that tell of it."""

    DELIVERED = "Message Delivered"
    FAILED = "Message Failed"
    COMPLAINED = "Message Complained"
    CLICKED = "Message Clicked"


OPTED_OUT_THERE = "Twilio error 21610"
"""Stands in the reason where a provider refuses an address because STOP came from it, until START comes."""


@dataclass(frozen=True)
class Receipt:
    """A provider's word on one message.

    Attributes:
        send_id: ours; None where the provider knows only its own ``provider_id``.
        reason: why it failed, without a name or an address.
        suppress: nothing will ever reach the address.
        price: what the provider takes for it.

    """

    send_id: str | None
    provider_id: str | None
    fate: Fate
    at: datetime | None
    reason: str | None = None
    suppress: bool = False
    price: Decimal | None = None

    def message(self, send_id: str, person: dict[str, str], now: datetime) -> dict[str, Any]:
        """Tell it as a Segment message; the same word twice has the same id."""
        said = {"send_id": send_id, "reason": self.reason, "suppress": self.suppress or None}
        said["price"] = str(self.price) if self.price is not None else None
        return {
            "type": "track",
            "event": self.fate.value,
            "messageId": f"receipt:{send_id}:{self.fate.name.lower()}",
            "timestamp": min(self.at or now, now).isoformat(),
            **person,
            "properties": {name: value for name, value in said.items() if value is not None},
        }


@dataclass(frozen=True)
class Answer:
    """What somebody wrote back.

    Attributes:
        message_id: the provider's.
        from_address: a number in E.164, or the e-mail address that a message went to.
        answered: the provider has answered an opt-out word already.
        pressed_stop: it is no text: the key that stops calls was pressed, or the link that stops e-mails.

    """

    message_id: str
    medium: Medium
    from_address: str
    text: str
    at: datetime | None
    answered: bool = False
    pressed_stop: bool = False


@dataclass(frozen=True)
class Unsubscribed:
    """Somebody unsubscribed where the provider, not the shop, hears of it.

    Attributes:
        send_id: ours, of the message that it came from.

    """

    send_id: str
