"""What the clients send, checked against the providers' own specifications and the providers' own clients.

Every object is closed, so that a misspelt field is caught.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from infobip_api_client.models.calls_advanced_body import CallsAdvancedBody
from infobip_api_client.models.messages_api_request import MessagesApiRequest
from infobip_api_client.models.sms_request import SmsRequest
from jsonschema import Draft202012Validator
from twilio.http.response import Response
from twilio.rest import Client

from channels.base import Outgoing
from journeys.facts import Channel
from tests.integration.loopback import Answer, serving
from tests.integration.specifications import fields, misspelt, schema_of, without_what_we_left_out
from tests.telephone_accounts import INFOBIP, MESSAGE, SECRET, SID, TWILIO, TelephoneAccount

PLAIN = Outgoing(send_id="send-1", to=MESSAGE.to, text="Bonjour")
MESSAGES = {
    "everything": MESSAGE,
    "text": PLAIN,
    "text and button": dataclasses.replace(MESSAGE, cards=()),
    "one picture": dataclasses.replace(MESSAGE, cards=MESSAGE.cards[:1]),
    "template": dataclasses.replace(MESSAGE, template="cart_1", parameters=("Zoé", "149,00 €")),
    "bare template": dataclasses.replace(PLAIN, template="cart_1"),
}
every_message = pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
every_infobip = pytest.mark.parametrize("account", INFOBIP, ids=str)
every_twilio = pytest.mark.parametrize(
    "account",
    [*TWILIO, dataclasses.replace(TWILIO[0], says={"sender": "MG" + "b" * 32})],
    ids=["sms", "mms", "voice", "service"],
)
INFOBIP_SPECS = {
    "/sms/3/messages": ("infobip-sms.json", SmsRequest),
    "/messages-api/1/messages": ("infobip-messages-api.json", MessagesApiRequest),
    "/tts/3/advanced": ("infobip-voice.json", CallsAdvancedBody),
}


def infobip_validator(account: TelephoneAccount) -> Draft202012Validator:
    name, _ = INFOBIP_SPECS[account.path]
    return Draft202012Validator(schema_of(name, account.path, "application/json"))


def twilio_schema(account: TelephoneAccount) -> dict[str, Any]:
    path = account.path.replace(SID, "{AccountSid}")
    return schema_of("twilio-api-v2010.json", path, "application/x-www-form-urlencoded")


async def sent(http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing) -> bytes:
    async with serving(Answer(500)) as server:
        await account.connect(http, server.url).send(message)
    (request,) = server.requests
    return request.body


def typed(form: dict[str, list[str]], schema: dict[str, Any]) -> dict[str, Any]:
    """Read a form as its schema means it: repeated fields are lists, and numbers are numbers."""
    kinds = {name: field.get("type") for name, field in schema["properties"].items()}
    read: dict[str, Any] = {}
    for name, values in form.items():
        if kinds.get(name) == "array":
            read[name] = values
            continue
        (value,) = values
        read[name] = int(value) if kinds.get(name) == "integer" else value
    return read


# Infobip


@every_message
@every_infobip
async def test_infobips_specification_allows_what_is_sent(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing
) -> None:
    infobip_validator(account).validate(json.loads(await sent(http, account, message)))


@every_message
@every_infobip
async def test_infobips_own_client_reads_what_is_sent_and_would_send_the_same(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing
) -> None:
    body = json.loads(await sent(http, account, message))
    _, model = INFOBIP_SPECS[account.path]
    theirs = json.loads(model.from_dict(body).to_json())  # type: ignore[attr-defined]
    assert without_what_we_left_out(theirs, body) == body


@pytest.mark.parametrize("name", ["everything", "one picture", "text and button", "template"])
@every_infobip
async def test_any_field_misspelt_for_infobip_is_caught(
    http: httpx.AsyncClient, account: TelephoneAccount, name: str
) -> None:
    body = json.loads(await sent(http, account, MESSAGES[name]))
    validator = infobip_validator(account)
    paths = [path for path in fields(body) if not str(path[-1]).isdigit()]  # a parameter of a template has any name
    assert len(paths) > 8
    for way, changed in misspelt(body, paths):
        is_of_template = way[-3:-1] == ("content", "body") and "template" in body["messages"][0]
        assert is_of_template or not validator.is_valid(changed), way


# Twilio


@every_message
@every_twilio
async def test_twilios_specification_allows_what_is_sent(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing
) -> None:
    schema = twilio_schema(account)
    form = parse_qs((await sent(http, account, message)).decode(), strict_parsing=True)
    Draft202012Validator(schema).validate(typed(form, schema))


@every_twilio
async def test_any_field_misspelt_for_twilio_is_caught(http: httpx.AsyncClient, account: TelephoneAccount) -> None:
    schema = twilio_schema(account)
    form = typed(parse_qs((await sent(http, account, MESSAGE)).decode(), strict_parsing=True), schema)
    for field in form:
        changed = {name + ("s" if name == field else ""): value for name, value in form.items()}
        assert not Draft202012Validator(schema).is_valid(changed), field


class _Heard:
    """Stands where Twilio's own client would speak to Twilio, and keeps what it says."""

    def __init__(self) -> None:
        self.form: dict[str, Any] = {}
        self.url = ""

    def request(self, _method: str, uri: str, *, data: dict[str, Any], **_: Any) -> Response:
        self.url, self.form = uri, data
        return Response(201, "{}")


@every_message
@every_twilio
async def test_twilios_own_client_would_send_the_same(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing
) -> None:
    ours = parse_qs((await sent(http, account, message)).decode(), strict_parsing=True)
    heard = _Heard()
    client = Client(SID, SECRET, http_client=heard)
    said = {_in_python(name): values if name == "MediaUrl" else values[0] for name, values in ours.items()}
    create = client.calls.create if account.channel is Channel.VOICE else client.messages.create
    create(**said)
    theirs = {name: value if isinstance(value, list) else [str(value)] for name, value in heard.form.items()}
    assert theirs == ours
    assert heard.url == f"https://api.twilio.com{account.path}"


def _in_python(name: str) -> str:
    """Write a field's name as Twilio's client for Python does."""
    snake = "".join(f"_{char.lower()}" if char.isupper() else char for char in name).removeprefix("_")
    return "from_" if snake == "from" else snake
