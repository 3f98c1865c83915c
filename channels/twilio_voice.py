"""Calls by Twilio: ``POST /2010-04-01/Accounts/{Sid}/Calls.json`` with what is said in its own markup, TwiML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from xml.etree import ElementTree as ET

import httpx
from pydantic import Field, HttpUrl

from channels.base import Accepted, Asked, Outcome, Outgoing, Provider, Rejected
from channels.senders import Caller
from channels.twilio_api import TwilioApi, TwilioLogin, with_send_id
from channels.voices import STOP_DIGIT, spoken, too_long, voice_of
from journeys.facts import Channel

_LONGEST_TWIML = 4000


class TwilioVoice:
    """Twilio's client for calls.

    Args:
        api: the account.
        caller: the number in E.164 that the call comes from.
        stop_url: where Twilio tells which key was pressed; the parameter ``send_id`` is added.
        status_callback: where Twilio reports how the call ended; the same parameter is added.

    """

    name = "twilio"
    channel = Channel.VOICE
    idempotent = False

    def __init__(self, api: TwilioApi, *, caller: str, stop_url: str, status_callback: str | None = None) -> None:
        self._api = api
        self._caller = caller
        self._stop_url = stop_url
        self._status_callback = status_callback

    async def send(self, message: Outgoing) -> Outcome:
        """Place one call."""
        said = spoken(message.text)
        if refused := too_long(said):
            return refused
        script = twiml(said, message.locale, with_send_id(self._stop_url, message.send_id))
        if len(script) > _LONGEST_TWIML:
            return Rejected(f"a call's script has at most {_LONGEST_TWIML} characters: shorten the message")
        # A mailbox hears the message after its own greeting.
        form = {"To": message.to, "From": self._caller, "Twiml": script, "MachineDetection": "DetectMessageEnd"}
        if self._status_callback:
            form["StatusCallback"] = with_send_id(self._status_callback, message.send_id)
        return await self._api.create("Calls", form)

    async def look_up(self, asked: Asked) -> Accepted | Rejected | None:
        """Look a send up among those to the same number at that time."""
        return await self._api.look_up("Calls", asked)


def twiml(said: str, locale: str, stop_url: str) -> str:
    """Write the script of a call: the text, during and after which one key is heard."""
    voice = voice_of(locale)
    response = ET.Element("Response")
    gather = ET.SubElement(response, "Gather", numDigits="1", action=stop_url, method="POST")
    ET.SubElement(gather, "Say", voice=f"Polly.{voice.name}", language=voice.locale).text = said
    return ET.tostring(response, encoding="unicode")


def pressed_stop(form: Mapping[str, str]) -> bool:
    """Tell whether the person pressed the key that stops calls.

    Args:
        form: what Twilio posts to ``stop_url``. It wants TwiML in answer; ``<Response/>`` ends the call.

    """
    return form.get("Digits") == STOP_DIGIT


class TwilioVoiceAccount(TwilioLogin):
    """Calls by Twilio.

    Attributes:
        caller: the number in E.164 that calls come from.
        stop_url: where Twilio tells which key was pressed; its path may hold a token, so it is not shown.

    """

    caller: Caller
    stop_url: Annotated[HttpUrl, Field(repr=False)]

    def connect(self, http: httpx.AsyncClient) -> Provider:
        """Build the client of the account."""
        return TwilioVoice(
            self.api(http), caller=self.caller, stop_url=str(self.stop_url), status_callback=self.reports
        )
