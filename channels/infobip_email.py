"""E-mail by Infobip: ``POST /email/4/messages`` of its Email API v4."""

from __future__ import annotations

import json
from typing import Any

import httpx

from channels.base import Accepted, Asked, Outcome, Outgoing, Provider, Rejected
from channels.infobip_api import InfobipApi, InfobipLogin, validity
from channels.mails import from_field, is_mailbox, one_line, unsubscribing
from channels.settings import AsciiAddress
from journeys.facts import Channel

_LONGEST_SUBJECT = 1_000


class InfobipEmail:
    """Infobip's client. ``messageId`` is our id of the send, by which Infobip recognises a repetition.

    Args:
        api: with a key that has the scope ``email:message:send``, and ``email:logs:read`` for looking up.
        sender: the address in From, of a domain that is verified at Infobip.
        sender_name: the name beside it.
        reply_to: where answers go; to the sender without.
        report_url: where Infobip reports what became of a message, and who complained of it.

    """

    name = "infobip"
    channel = Channel.EMAIL
    idempotent = True

    def __init__(
        self,
        api: InfobipApi,
        *,
        sender: str,
        sender_name: str = "",
        reply_to: str | None = None,
        report_url: str | None = None,
    ) -> None:
        self._api = api
        self._sender = sender
        self._sender_name = sender_name
        self._reply_to = reply_to
        self._report_url = report_url

    async def send(self, message: Outgoing) -> Outcome:
        """Hand one message over."""
        if not is_mailbox(message.to):
            return Rejected("the address is not a mailbox")
        return await self._api.send("/email/4/messages", self._body(message), message.send_id)

    async def look_up(self, asked: Asked) -> Accepted | Rejected | None:
        """Look a send up by our id."""
        return await self._api.look_up("/email/4/logs", asked.send_id)

    def _body(self, message: Outgoing) -> dict[str, Any]:
        destination: dict[str, Any] = {"to": [{"destination": message.to, "messageId": message.send_id}]}
        if self._reply_to is not None:
            destination["replyTo"] = self._reply_to
        said: dict[str, Any] = {
            "sender": str(from_field(self._sender_name, self._sender)),
            "destinations": [destination],
            "content": _content(message),
        }
        if message.expires_in is not None:
            said["options"] = {"validityPeriod": validity(message.expires_in)}
        # Infobip leads every link through itself unless it is told not to; ours are tracked already.
        tracking: dict[str, Any] = {"track": False, "trackOpens": False, "trackClicks": False}
        if self._report_url:
            said["webhooks"] = {"delivery": {"url": self._report_url}}
            # Complaints and late bounces come there as well.
            tracking["trackingUrl"] = self._report_url
        return {"messages": [said], "options": {"tracking": tracking}}


def _content(message: Outgoing) -> dict[str, Any]:
    content = {"text": message.text}
    if message.subject is not None:
        content["subject"] = one_line(message.subject)[:_LONGEST_SUBJECT]
    if message.html is not None:
        content["html"] = message.html
    if headers := unsubscribing(message):
        content["headers"] = json.dumps(headers)
    return content


class InfobipEmailAccount(InfobipLogin):
    """E-mail by Infobip. ``sender`` is the From address, ``sender_name`` the name beside it."""

    sender: AsciiAddress
    sender_name: str = ""
    reply_to: AsciiAddress | None = None

    def connect(self, http: httpx.AsyncClient) -> Provider:
        """Build the client of the account."""
        return InfobipEmail(
            self.api(http),
            sender=self.sender,
            sender_name=self.sender_name,
            reply_to=self.reply_to,
            report_url=self.reports,
        )
