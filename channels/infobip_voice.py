"""Calls by Infobip: ``POST /tts/3/advanced``, which says a text and hears one key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import httpx
from pydantic import Field, HttpUrl

from channels.base import Accepted, Asked, Outcome, Outgoing, Provider, Rejected
from channels.infobip_api import InfobipApi, InfobipLogin, number, validity
from channels.senders import Caller
from channels.voices import STOP_DIGIT, spoken, too_long, voice_of
from journeys.facts import Channel

_NO_MARKUP = str.maketrans("<>", "  ")


class InfobipVoice:
    """Infobip's client. That it recognises a repeated call is promised nowhere, so none is repeated.

    Args:
        api: with a key that has the scope ``voice-message:send``.
        caller: the number in E.164 that the call comes from.
        report_url: where Infobip reports how the call ended and which key was pressed.

    """

    name = "infobip"
    channel = Channel.VOICE
    idempotent = False

    def __init__(self, api: InfobipApi, *, caller: str, report_url: str) -> None:
        self._api = api
        self._caller = caller
        self._report_url = report_url

    async def send(self, message: Outgoing) -> Outcome:
        """Place one call."""
        # Infobip reads markup (SSML) in a text; a text of ours has none.
        said = spoken(message.text.translate(_NO_MARKUP))
        if refused := too_long(said):
            return refused
        return await self._api.send("/tts/3/advanced", self._body(message, said), message.send_id)

    async def look_up(self, asked: Asked) -> Accepted | Rejected | None:
        """Look a send up by our id."""
        return await self._api.look_up("/voice/1/reports", asked.send_id)

    def _body(self, message: Outgoing, said: str) -> dict[str, Any]:
        voice = voice_of(message.locale)
        call: dict[str, Any] = {
            "from": number(self._caller),
            "destinations": [{"to": number(message.to), "messageId": message.send_id}],
            "text": said,
            "language": voice.language,
            "voice": {"name": voice.name},
            "maxDtmf": 1,
            # A mailbox hears the message after its own greeting.
            "machineDetection": "continue",
            "notifyUrl": self._report_url,
            "notifyContentType": "application/json",
        }
        if message.expires_in is not None:
            call["validityPeriod"] = max(validity(message.expires_in)["amount"] // 60, 1)
        return {"messages": [call]}


def pressed_stop(report: Mapping[str, Any]) -> bool:
    """Tell whether the person pressed the key that stops calls.

    Args:
        report: one of the ``results`` that Infobip posts to ``report_url`` (its report version 1 or 2).

    """
    call = report.get("voiceCall")
    codes = call.get("dtmfCodes") if isinstance(call, Mapping) else report.get("dtmfCodes")
    # Keys come as "9", and several as "3, 9".
    return isinstance(codes, str) and STOP_DIGIT in codes


class InfobipVoiceAccount(InfobipLogin):
    """Calls by Infobip.

    Attributes:
        caller: the number in E.164 that calls come from.
        report_url: where Infobip reports; without one nobody would hear who pressed the key that stops calls.

    """

    caller: Caller
    report_url: Annotated[HttpUrl, Field(repr=False)]

    def connect(self, http: httpx.AsyncClient) -> Provider:
        """Build the client of the account."""
        return InfobipVoice(self.api(http), caller=self.caller, report_url=str(self.report_url))
