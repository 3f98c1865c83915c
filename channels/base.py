"""What every provider's client is given and what it may answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from journeys.facts import Channel

HTTP_TIMEOUT = timedelta(seconds=10)
"""For the whole call; well below the send activity's own time-out, so that an answer is never left unheard."""


@dataclass(frozen=True)
class Outgoing:
    """One message to one address.

    Attributes:
        send_id: our id of the send (at most 64 of ``[a-z0-9-]``), the same for every try; the provider's idempotency
            key where it has one.
        to: E.164 telephone number or e-mail address.
        text: the plain text.
        subject: for e-mail.

    """

    send_id: str
    to: str
    text: str
    subject: str | None = None


@dataclass(frozen=True)
class Accepted:
    """The provider took it."""

    provider_id: str | None


@dataclass(frozen=True)
class Rejected:
    """The provider refused it for good. The reason names no person and no address."""

    reason: str


@dataclass(frozen=True)
class Released:
    """It was provably not processed and may be tried again, at the earliest after ``retry_after``."""

    reason: str
    retry_after: timedelta | None = None


@dataclass(frozen=True)
class Unknown:
    """Nobody can say whether it was taken."""

    reason: str


Outcome = Accepted | Rejected | Released | Unknown


class Provider(Protocol):
    """A provider's client for one shop's account.

    Attributes:
        name: the provider's name, as the ledger keeps it.
        channel: what it sends.
        idempotent: whether the provider itself recognises a repeated ``send_id``, so that repeating a call is safe.

    """

    name: str
    channel: Channel
    idempotent: bool

    async def send(self, message: Outgoing) -> Outcome:
        """Hand one message over. Never raises for anything the network or the provider does: that is an outcome."""
        ...
