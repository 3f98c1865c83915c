"""SMS and MMS by Twilio: ``POST /2010-04-01/Accounts/{Sid}/Messages.json``."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import httpx
from pydantic import Field

from channels.base import Accepted, Asked, Outcome, Outgoing, Provider, Rejected
from channels.rich import pictured, with_link
from channels.senders import Sender, Senders, SendersByCountry
from channels.twilio_api import TwilioApi, TwilioLogin, with_send_id
from journeys.facts import Channel
from journeys.sms import transliterate

_MESSAGING_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_MOST_PICTURES = 10
_LONGEST_VALIDITY = 36_000
"""Seconds."""


class TwilioSms:
    """Twilio's client.

    Args:
        api: the account.
        senders: numbers, sender ids, or messaging services (``MG…``).
        transliterate: whether texts are written in GSM-7 where they can be.
        status_callback: where Twilio reports what became of a message; the parameter ``send_id`` is added.

    """

    name = "twilio"
    channel = Channel.SMS
    idempotent = False

    def __init__(
        self, api: TwilioApi, senders: Senders, *, transliterate: bool = False, status_callback: str | None = None
    ) -> None:
        self._api = api
        self._senders = senders
        self._transliterate = transliterate
        self._status_callback = status_callback

    async def send(self, message: Outgoing) -> Outcome:
        """Hand one message over."""
        return await self._api.create("Messages", {**self._said(message), **self._envelope(message)})

    async def look_up(self, asked: Asked) -> Accepted | Rejected | None:
        """Look a send up among those to the same number at that time."""
        return await self._api.look_up("Messages", asked)

    def _said(self, message: Outgoing) -> dict[str, str | list[str]]:
        return {"Body": transliterate(message.text) if self._transliterate else message.text}

    def _envelope(self, message: Outgoing) -> dict[str, str]:
        sender = self._senders.to(message.to)
        origin = "MessagingServiceSid" if _MESSAGING_SERVICE.fullmatch(sender) else "From"
        form = {"To": message.to, origin: sender}
        if message.expires_in is not None:
            seconds = int(message.expires_in.total_seconds())
            form["ValidityPeriod"] = str(min(max(seconds, 1), _LONGEST_VALIDITY))
        if self._status_callback:
            form["StatusCallback"] = with_send_id(self._status_callback, message.send_id)
        return form


class TwilioMms(TwilioSms):
    """Twilio's client for MMS: the title, the text and the link, with the pictures of up to ten items."""

    channel = Channel.MMS

    def _said(self, message: Outgoing) -> dict[str, str | list[str]]:
        text = "\n".join(part for part in (message.subject, with_link(message)) if part)
        pictures = [str(card.image) for card in pictured(message.cards, _MOST_PICTURES)]
        return {"Body": text, "MediaUrl": pictures} if pictures else {"Body": text}


class TwilioAccount(TwilioLogin):
    """SMS by Twilio.

    Attributes:
        sender: a number, a sender id, or a messaging service (``MG…``).
        senders: others for some countries.
        transliterate: whether texts are written in GSM-7 where they can be, which takes fewer parts.

    """

    sender: Sender
    senders: SendersByCountry = Field(default_factory=dict)
    transliterate: bool = False

    def connect(self, http: httpx.AsyncClient) -> Provider:
        """Build the client of the account."""
        return TwilioSms(
            self.api(http),
            Senders(self.sender, self.senders),
            transliterate=self.transliterate,
            status_callback=self.reports,
        )


class TwilioMmsAccount(TwilioLogin):
    """MMS by Twilio. ``sender`` is a number or a messaging service that can send MMS."""

    sender: Sender

    def connect(self, http: httpx.AsyncClient) -> Provider:
        """Build the client of the account."""
        return TwilioMms(
            self.api(http),
            Senders(self.sender),
            status_callback=self.reports,
        )


def is_signed(url: str, form: Iterable[tuple[str, str]], signature: str, auth_token: str) -> bool:
    """Tell whether Twilio signed a call of ours, by https://www.twilio.com/docs/usage/security.

    Args:
        url: the whole address that it called; it signs it with its port or without.
        form: the body's fields; new ones come without notice, so all are taken.
        signature: ``X-Twilio-Signature``.
        auth_token: of the account.

    """
    fields = "".join(name + value for name, value in sorted(set(form)))
    return any(hmac.compare_digest(signature.encode(), _signature(one + fields, auth_token)) for one in _spelt(url))


def _signature(text: str, auth_token: str) -> bytes:
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest())


def _spelt(url: str) -> Iterator[str]:
    """Give the ways in which an address may be written: with its port, and without."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    yield url
    yield parts._replace(netloc=host).geturl()
    yield parts._replace(netloc=f"{host}:{port}").geturl()
