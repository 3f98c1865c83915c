"""What a call says through Infobip and Twilio, and the key that stops calls."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels import infobip_voice, twilio_voice
from channels.base import Accepted, Rejected
from channels.twilio_voice import twiml
from channels.voices import LONGEST_TEXT, STOP_DIGIT, spoken, voice_of
from messages.locale import LANGUAGES
from messages.voice import with_stop
from tests.integration.loopback import Answer, serving
from tests.telephone_accounts import INFOBIP, MESSAGE, REPORTS, TWILIO, TelephoneAccount

BY_INFOBIP, BY_TWILIO = INFOBIP[-1], TWILIO[-1]
TAKEN = Answer(200, b'{"messages": [{"status": {"id": 26, "groupName": "PENDING"}}]}')
CREATED = Answer(201, b'{"sid": "CA1"}')


async def infobip(http: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    async with serving(TAKEN) as server:
        client = BY_INFOBIP.connect(http, server.url)
        assert isinstance(await client.send(dataclasses.replace(MESSAGE, **changes)), Accepted)
    (call,) = json.loads(server.requests[0].body)["messages"]
    return dict(call)


async def twilio(http: httpx.AsyncClient, **changes: Any) -> dict[str, str]:
    async with serving(CREATED) as server:
        client = BY_TWILIO.connect(http, server.url)
        assert isinstance(await client.send(dataclasses.replace(MESSAGE, **changes)), Accepted)
    return {name: value for name, (value,) in parse_qs(server.requests[0].body.decode()).items()}


async def test_infobip_says_the_text_hears_one_key_and_detects_machines(http: httpx.AsyncClient) -> None:
    assert await infobip(http) == {
        "from": "33939000001",
        "destinations": [{"to": "33639980001", "messageId": "send-1"}],
        "text": MESSAGE.text,
        "language": "fr",
        "voice": {"name": "Lea"},
        "maxDtmf": 1,
        "machineDetection": "continue",
        "notifyUrl": REPORTS,
        "notifyContentType": "application/json",
        "validityPeriod": 240,
    }


async def test_infobip_is_given_a_validity_of_a_minute_at_least_and_no_markup(http: httpx.AsyncClient) -> None:
    call = await infobip(http, expires_in=timedelta(seconds=1), text="<speak>2 < 3</speak>")
    assert call["validityPeriod"] == 1
    assert call["text"] == "speak 2 3 /speak"
    assert "validityPeriod" not in await infobip(http, expires_in=None)


async def test_twilio_says_the_text_hears_one_key_and_detects_machines(http: httpx.AsyncClient) -> None:
    form = await twilio(http)
    script = ET.fromstring(form.pop("Twiml"))
    assert form == {
        "To": MESSAGE.to,
        "From": "+33939000001",
        "MachineDetection": "DetectMessageEnd",
        "StatusCallback": f"{REPORTS}&send_id=send-1",
    }
    (gather,) = script
    (say,) = gather
    assert (script.tag, gather.tag, say.tag) == ("Response", "Gather", "Say")
    assert gather.attrib == {"numDigits": "1", "action": f"{REPORTS}&send_id=send-1", "method": "POST"}
    assert say.attrib == {"voice": "Polly.Lea", "language": "fr-FR"}
    assert say.text == MESSAGE.text


@pytest.mark.parametrize(("account", "reply"), [(BY_INFOBIP, TAKEN), (BY_TWILIO, CREATED)], ids=str)
async def test_a_call_says_no_more_than_providers_allow(
    http: httpx.AsyncClient, account: TelephoneAccount, reply: Answer
) -> None:
    async with serving(reply) as server:
        client = account.connect(http, server.url)
        longest = dataclasses.replace(MESSAGE, text="a" * LONGEST_TEXT)
        assert isinstance(await client.send(longest), Accepted)
        outcome = await client.send(dataclasses.replace(MESSAGE, text="a" * (LONGEST_TEXT + 1)))
    assert isinstance(outcome, Rejected)
    assert "1400" in outcome.reason
    assert not outcome.suppress
    assert len(server.requests) == 1


async def test_a_script_that_escaping_makes_too_long_is_refused_before_the_call(http: httpx.AsyncClient) -> None:
    async with serving(CREATED) as server:
        message = dataclasses.replace(MESSAGE, text="&" * LONGEST_TEXT)
        outcome = await BY_TWILIO.connect(http, server.url).send(message)
    assert isinstance(outcome, Rejected)
    assert server.requests == []


@given(st.text(st.characters(), max_size=200), st.text(max_size=30))
def test_a_script_is_xml_that_says_the_same_whatever_the_text(text: str, url: str) -> None:
    url = f"https://shop.example/?a=1&b={spoken(url)}"
    (gather,) = ET.fromstring(twiml(spoken(text), "fr-FR", url))
    assert (gather[0].text or "") == spoken(text)
    assert gather.attrib["action"] == url
    assert len(gather) == 1


@given(st.text(st.characters()))
def test_what_is_spoken_is_one_line_that_stays_as_it_is(text: str) -> None:
    said = spoken(text)
    assert spoken(said) == said
    assert len(said.splitlines()) <= 1


@pytest.mark.parametrize(
    ("locale", "name", "language"),
    [
        ("fr-FR", "Lea", "fr"),
        ("fr-BE", "Lea", "fr"),
        ("it-IT", "Bianca", "it"),
        ("pt-PT", "Ines", "pt-pt"),
        ("pt-AO", "Ines", "pt-pt"),
        ("pt-BR", "Camila", "pt-br"),
        ("en-GB", "Amy", "en-gb"),
        ("en-US", "Joanna", "en"),
        ("de-DE", "Amy", "en-gb"),
        ("", "Amy", "en-gb"),
    ],
)
def test_each_locale_has_its_voice(locale: str, name: str, language: str) -> None:
    assert (voice_of(locale).name, voice_of(locale).language) == (name, language)


def test_the_voices_and_languages_are_known_to_infobips_own_client() -> None:
    from infobip_api_client.models.call_voice import CallVoice
    from infobip_api_client.models.calls_language import CallsLanguage

    for locale in ("fr-FR", "it-IT", "pt-PT", "pt-BR", "en-GB", "en-US"):
        assert CallVoice(voice_of(locale).name)
        assert CallsLanguage(voice_of(locale).language)
        assert voice_of(locale).locale == locale


@pytest.mark.parametrize("locale", ["fr-FR", "it-IT", "pt-PT", "pt-BR", "en-GB", "en-US"])
def test_every_call_ends_by_saying_which_key_stops_calls_in_its_language(locale: str) -> None:
    language = locale[:2]
    assert language in LANGUAGES
    text = with_stop("Message.", language, locale)
    assert text.startswith("Message. ")
    assert [char for char in text if char.isdigit()] == [STOP_DIGIT]


def test_brazilians_hear_it_as_it_is_said_in_brazil() -> None:
    assert with_stop("", "pt", "pt-BR") != with_stop("", "pt", "pt-PT")


@pytest.mark.parametrize(
    ("report", "stopped"),
    [
        ({"voiceCall": {"dtmfCodes": "9"}}, True),
        ({"voiceCall": {"dtmfCodes": "3, 9"}}, True),
        ({"dtmfCodes": "9"}, True),  # version 1 of the report
        ({"voiceCall": {"dtmfCodes": "1"}}, False),
        ({"voiceCall": {"dtmfCodes": ""}}, False),
        ({"voiceCall": {"dtmfCodes": None}}, False),
        ({"voiceCall": {}}, False),
        ({"voiceCall": "9"}, False),
        ({"dtmfCodes": 9}, False),
        ({}, False),
    ],
)
def test_the_key_that_stops_calls_is_read_from_infobips_report(report: dict[str, Any], *, stopped: bool) -> None:
    assert infobip_voice.pressed_stop(report) is stopped


@pytest.mark.parametrize(
    ("form", "stopped"),
    [({"Digits": "9", "CallSid": "CA1"}, True), ({"Digits": "1"}, False), ({"Digits": ""}, False), ({}, False)],
)
def test_the_key_that_stops_calls_is_read_from_what_twilio_posts(form: dict[str, str], *, stopped: bool) -> None:
    assert twilio_voice.pressed_stop(form) is stopped


def test_the_script_is_the_one_that_twilios_own_client_writes() -> None:
    from twilio.twiml.voice_response import VoiceResponse

    response = VoiceResponse()
    gather = response.gather(num_digits=1, action="https://shop.example/?a=1&b=2", method="POST")
    gather.say("Zoé & co < 3", voice="Polly.Lea", language="fr-FR")
    ours = twiml("Zoé & co < 3", "fr-FR", "https://shop.example/?a=1&b=2")
    assert ET.canonicalize(ours) == ET.canonicalize(str(response))
