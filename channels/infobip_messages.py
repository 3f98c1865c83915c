"""MMS, RCS and WhatsApp by Infobip: ``POST /messages-api/1/messages`` of its Messages API.

One shape serves the three; what differs is how each shows the pictures of a message. Where a telephone takes no MMS or
RCS, Infobip sends the text as an SMS, if the account names a sender for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import httpx
from pydantic import Field

from channels.base import Accepted, Asked, Card, Outcome, Outgoing, Provider, Rejected
from channels.infobip_api import InfobipApi, InfobipLogin, number, validity
from channels.rich import pictured, with_link
from channels.senders import Sender
from journeys.facts import Channel

_MOST_CARDS = 10
_LONGEST_TITLE = 200
"""Of RCS, by the specification of its own API (``rcs/2``)."""
_Language = Literal["fr", "it", "pt", "en"]
_TEMPLATE_LANGUAGES: Mapping[_Language, str] = {"fr": "fr", "it": "it", "pt": "pt_PT", "en": "en"}


class InfobipMessages(ABC):
    """Infobip's client for one channel. ``messageId`` is our id of the send, by which Infobip knows a repetition.

    Args:
        api: with a key that has the scope ``message:send``.
        sender: the number, the agent of RCS, or the business number of WhatsApp.
        sms_sender: who the SMS comes from that takes the message's place; None for no SMS.
        report_url: where Infobip reports what became of a message.

    """

    name = "infobip"
    idempotent = True
    channel: Channel

    def __init__(
        self, api: InfobipApi, *, sender: str, sms_sender: str | None = None, report_url: str | None = None
    ) -> None:
        self._api = api
        self._sender = sender
        self._sms_sender = sms_sender
        self._report_url = report_url

    async def send(self, message: Outgoing) -> Outcome:
        """Hand one message over."""
        body = {"messages": [self._message(message)], "options": {"tracking": {"shortenUrl": False}}}
        return await self._api.send("/messages-api/1/messages", body, message.send_id)

    async def look_up(self, asked: Asked) -> Accepted | Rejected | None:
        """Look a send up by our id."""
        return await self._api.look_up("/messages-api/1/reports", asked.send_id)

    def _message(self, message: Outgoing) -> dict[str, Any]:
        said: dict[str, Any] = {
            "channel": self.channel.upper(),
            "sender": number(self._sender),
            "destinations": [self._destination(message)],
            **self._said(message),
        }
        if message.expires_in is not None:
            said["options"] = {"validityPeriod": validity(message.expires_in)}
        if self._report_url:
            said["webhooks"] = {"delivery": {"url": self._report_url}}
        if self._sms_sender:
            said["failover"] = [_as_sms(self._sms_sender, message)]
        return said

    def _destination(self, message: Outgoing) -> dict[str, Any]:
        to = number(message.to)
        if self._sms_sender is None:
            return {"to": to, "messageId": message.send_id}
        channels = (self.channel, Channel.SMS)
        return {"byChannel": [{"channel": c.upper(), "to": to} for c in channels], "messageId": message.send_id}

    @abstractmethod
    def _said(self, message: Outgoing) -> dict[str, Any]:
        """Say it in the channel's own way: ``content``, and a ``template`` where there is one."""


def _as_sms(sender: str, message: Outgoing) -> dict[str, Any]:
    return {"channel": "SMS", "sender": number(sender), "content": {"body": _text(with_link(message))}}


class InfobipMms(InfobipMessages):
    """MMS: the text and the link, then each picture with its words below."""

    channel = Channel.MMS

    def _said(self, message: Outgoing) -> dict[str, Any]:
        cards = _shown(message)
        text = "\n".join(part for part in (message.subject, with_link(message)) if part)
        if not cards:
            return {"content": {"body": _text(text)}}
        items = [{"text": text}]
        for card in cards:
            items += [{"url": str(card.image)}, {"text": _words(card)}]
        return {"content": {"body": {"type": "MIXED", "items": items}}}


class InfobipRcs(InfobipMessages):
    """RCS: a text, a card with one picture, or a carousel of several, each with the button."""

    channel = Channel.RCS

    def _said(self, message: Outgoing) -> dict[str, Any]:
        return {"content": _content(message)}


class InfobipWhatsapp(InfobipMessages):
    """WhatsApp: what it has approved, or a message like RCS's to a person who wrote within the last 24 hours.

    Args:
        api: with a key that has the scope ``message:send``.
        sender: the business number.
        languages: the language that templates were approved in, for each of ours.
        report_url: where Infobip reports what became of a message.

    """

    channel = Channel.WHATSAPP

    def __init__(
        self, api: InfobipApi, *, sender: str, languages: Mapping[str, str], report_url: str | None = None
    ) -> None:
        super().__init__(api, sender=sender, report_url=report_url)
        self._languages = languages

    async def send(self, message: Outgoing) -> Outcome:
        """Hand one message over. WhatsApp takes no empty parameter, so such a message is refused here."""
        for place, parameter in enumerate(message.parameters, 1):
            if message.template and not parameter:
                return Rejected(f"parameter {place} of the template is empty: give it a default in the message")
        return await super().send(message)

    def _said(self, message: Outgoing) -> dict[str, Any]:
        if not message.template:
            return {"content": _content(message)}
        ours = message.locale.partition("-")[0]
        said: dict[str, Any] = {
            "template": {"templateName": message.template, "language": self._languages.get(ours, ours)}
        }
        if message.parameters:
            filled = {str(place): value for place, value in enumerate(message.parameters, 1)}
            said["content"] = {"body": {"type": "TEXT", **filled}}
        return said


def _shown(message: Outgoing) -> list[Card]:
    """Give what lies in the cart, then what goes with it, as much as there is room for."""
    cards = pictured(message.cards, _MOST_CARDS)
    # Alone, what does not lie in the cart would look as if it did.
    return [*cards, *pictured(message.related, _MOST_CARDS - len(cards))] if cards else []


def _content(message: Outgoing) -> dict[str, Any]:
    cards = _shown(message)
    if len(cards) > 1:
        return {
            "body": {"type": "CAROUSEL", "cards": [_first(message, cards[0]), *(_next(message, c) for c in cards[1:])]}
        }
    if cards and message.link:
        return {"body": _rich_link(message, cards[0], message.link)}
    content: dict[str, Any] = {"body": _text(message.text)}
    if buttons := _buttons(message.button, message.link):
        content["buttons"] = buttons
    return content


def _rich_link(message: Outgoing, card: Card, link: str) -> dict[str, Any]:
    text = "\n".join(part for part in (message.subject, message.text, _words(card)) if part)
    body = {"type": "RICH_LINK", "redirectUrl": link, "text": text, "url": card.image}
    return {**body, "buttonText": message.button} if message.button else body


def _first(message: Outgoing, card: Card) -> dict[str, Any]:
    """Say the message itself over the first picture: a carousel has no words of its own."""
    body = {"text": f"{message.text}\n{_words(card)}", "url": card.image}
    if message.subject:
        body["title"] = message.subject[:_LONGEST_TITLE]
    return _card(body, _buttons(message.button, message.link))


def _next(message: Outgoing, card: Card) -> dict[str, Any]:
    body = {"title": card.title[:_LONGEST_TITLE], "url": card.image}
    if card.text:
        body["text"] = card.text
    return _card(body, _buttons(card.button or message.button, card.link or message.link))


def _card(body: dict[str, Any], buttons: list[dict[str, Any]]) -> dict[str, Any]:
    return {"body": body, "buttons": buttons} if buttons else {"body": body}


def _buttons(text: str | None, link: str | None) -> list[dict[str, Any]]:
    return [{"type": "OPEN_URL", "text": text, "url": link}] if text and link else []


def _text(text: str) -> dict[str, Any]:
    return {"type": "TEXT", "text": text}


def _words(card: Card) -> str:
    return "\n".join(part for part in (card.title[:_LONGEST_TITLE], card.text) if part)


class _WithSms(InfobipLogin):
    """An account whose messages can become an SMS."""

    sender: Sender
    sms_sender: Sender | None = None


class InfobipMmsAccount(_WithSms):
    """MMS by Infobip. ``sms_sender`` sends the text as an SMS to whoever cannot be sent an MMS."""

    def connect(self, http: httpx.AsyncClient) -> Provider:
        """Build the client of the account."""
        return InfobipMms(self.api(http), sender=self.sender, sms_sender=self.sms_sender, report_url=self.reports)


class InfobipRcsAccount(_WithSms):
    """RCS by Infobip. ``sender`` is the agent; ``sms_sender`` sends the text as an SMS to whoever has no RCS."""

    def connect(self, http: httpx.AsyncClient) -> Provider:
        """Build the client of the account."""
        return InfobipRcs(self.api(http), sender=self.sender, sms_sender=self.sms_sender, report_url=self.reports)


class InfobipWhatsappAccount(InfobipLogin):
    """WhatsApp by Infobip.

    Attributes:
        sender: the business number, in E.164.
        languages: the code that templates were approved under, for each of our languages, such as ``pt_BR`` for ``pt``.

    """

    sender: Annotated[str, Field(pattern=r"^\+?[1-9]\d{6,14}$")]
    languages: dict[_Language, str] = Field(default_factory=dict)

    def connect(self, http: httpx.AsyncClient) -> Provider:
        """Build the client of the account."""
        return InfobipWhatsapp(
            self.api(http),
            sender=self.sender,
            languages={str(ours): code for ours, code in {**_TEMPLATE_LANGUAGES, **self.languages}.items()},
            report_url=self.reports,
        )
