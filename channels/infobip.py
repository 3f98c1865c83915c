"""SMS by Infobip: ``POST /sms/3/messages`` of its SMS API v3."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
from pydantic import Field

from channels.base import Accepted, Asked, Outcome, Outgoing, Provider, Rejected
from channels.infobip_api import InfobipApi, InfobipLogin, number, validity
from channels.senders import Sender, Senders, SendersByCountry
from journeys.facts import Channel
from journeys.sms import transliterate


class InfobipSms:
    """Infobip's client. ``messageId`` is our id of the send, by which Infobip recognises a repetition.

    Args:
        api: with a key that has the scope ``sms:message:send``.
        senders: sender ids: names of at most 11 characters, or numbers.
        transliterate: whether texts are written in GSM-7 where they can be.
        report_url: where Infobip reports what became of a message.

    """

    name = "infobip"
    channel = Channel.SMS
    idempotent = True

    def __init__(
        self, api: InfobipApi, senders: Senders, *, transliterate: bool = False, report_url: str | None = None
    ) -> None:
        self._api = api
        self._senders = senders
        self._transliterate = transliterate
        self._report_url = report_url

    async def send(self, message: Outgoing) -> Outcome:
        """Hand one message over."""
        return await self._api.send("/sms/3/messages", self._body(message), message.send_id)

    async def look_up(self, asked: Asked) -> Accepted | Rejected | None:
        """Look a send up by our id."""
        return await self._api.look_up("/sms/3/logs", asked.send_id)

    def _body(self, message: Outgoing) -> dict[str, Any]:
        text = transliterate(message.text) if self._transliterate else message.text
        said: dict[str, Any] = {
            "sender": number(self._senders.to(message.to)),
            "destinations": [{"to": number(message.to), "messageId": message.send_id}],
            "content": {"text": text},
        }
        if message.expires_in is not None:
            said["options"] = {"validityPeriod": validity(message.expires_in)}
        if self._report_url:
            said["webhooks"] = {"delivery": {"url": self._report_url}}
        # Infobip shortens links unless it is told not to; ours are short and tracked already.
        return {"messages": [said], "options": {"tracking": {"shortenUrl": False}}}


class InfobipAccount(InfobipLogin):
    """SMS by Infobip.

    Attributes:
        sender: a sender id: a name of at most 11 characters, or a number.
        senders: other sender ids for some countries.
        transliterate: whether texts are written in GSM-7 where they can be, which takes fewer parts.

    """

    sender: Annotated[Sender, Field(max_length=16)]
    senders: SendersByCountry = Field(default_factory=dict)
    transliterate: bool = False

    def connect(self, http: httpx.AsyncClient) -> Provider:
        """Build the client of the account."""
        return InfobipSms(
            self.api(http),
            Senders(self.sender, self.senders),
            transliterate=self.transliterate,
            report_url=self.reports,
        )
