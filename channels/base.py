"""What every provider's client is given and what it may answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from journeys.facts import Channel

HTTP_TIMEOUT = timedelta(seconds=10)
"""For the whole call; well below the send activity's own time-out, so that an answer is never left unheard."""


@dataclass(frozen=True)
class Card:
    """One picture with its words: an item of the cart, or one like it.

    Attributes:
        button: what is written on its button; None for what is written on the message's.

    """

    title: str
    text: str = ""
    image: str | None = None
    link: str | None = None
    button: str | None = None


@dataclass(frozen=True)
class Outgoing:
    """One message to one address.

    Attributes:
        send_id: our id of the send (at most 64 of ``[a-z0-9-]``), the same for every try; the provider's idempotency
            key where it has one.
        to: E.164 telephone number, e-mail address, an app's token, or a browser's subscription as JSON
            (``{"endpoint": …, "keys": {"p256dh": …, "auth": …}}``).
        text: the plain text; what a voice says.
        subject: the subject of an e-mail, the title of a push or of a message with pictures.
        html: an e-mail's other part.
        locale: the person's, such as ``fr-FR``; it chooses a voice.
        country: the person's, ISO 3166; it chooses a sender.
        link: where a push or a button leads.
        button: what is written on the button.
        cards: the pictures of a message that has some.
        receipt: where a device tells by one POST that a push has arrived.
        related: pictures of what does not lie in the cart; only for channels that show the words of a picture.
        unsubscribe: where the person stops such messages with one POST (RFC 8058); only marketing has one.
        expires_in: how long the message is worth delivering; None for as long as the provider tries.
        template: the name of a template that the provider has approved, for WhatsApp, and ...
        parameters: ... what is filled into it, in order.

    """

    send_id: str
    to: str
    text: str
    subject: str | None = None
    html: str | None = None
    locale: str = "en-GB"
    country: str | None = None
    link: str | None = None
    button: str | None = None
    cards: tuple[Card, ...] = ()
    receipt: str | None = None
    related: tuple[Card, ...] = ()
    unsubscribe: str | None = None
    expires_in: timedelta | None = None
    template: str | None = None
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Accepted:
    """The provider took it."""

    provider_id: str | None


@dataclass(frozen=True)
class Rejected:
    """The provider refused it for good. The reason names no person and no address.

    Attributes:
        suppress: nothing will ever reach this address by this channel: it is suppressed.

    """

    reason: str
    suppress: bool = False


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


@dataclass(frozen=True)
class Asked:
    """A send that is looked up.

    Attributes:
        send_id: ours.
        to: the address that it went to.
        since: the provider was called then at the earliest, and ...
        until: ... then at the latest.
        others: the ids that the provider gave other sends to this address.

    """

    send_id: str
    to: str
    since: datetime
    until: datetime
    others: frozenset[str] = frozenset()


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


@runtime_checkable
class Books(Protocol):
    """A provider that can be asked what became of a send."""

    async def look_up(self, asked: Asked) -> Accepted | Rejected | None:
        """Look a send up in the provider's own books; None where they do not tell. Changes nothing, never raises."""
        ...
