"""What the clients send, checked against the providers' own specifications and the providers' own clients.

Their schemas allow unknown fields; here every object is closed, so that a misspelt field is caught.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
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
from tests.telephone_accounts import INFOBIP, MESSAGE, SECRET, SID, TWILIO, TelephoneAccount

SPECS = Path(__file__).parents[2].parent / "shared" / "specs"
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


def close(schema: Any, spec: dict[str, Any], *, inherited: bool = False) -> Any:
    """Resolve the references, choose by discriminators, and forbid fields that the schema does not name."""
    if isinstance(schema, list):
        return [close(part, spec) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if reference := schema.get("$ref"):
        return close(spec["components"]["schemas"][reference.rpartition("/")[2]], spec, inherited=inherited)
    if "discriminator" in schema and not inherited:
        return {"oneOf": list(_kinds(schema["discriminator"], spec))}
    parts = [close(part, spec, inherited=True) for part in schema.get("allOf", [])]
    closed = _merged({key: close(value, spec) for key, value in schema.items() if key != "allOf"}, parts)
    if "properties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed


def _kinds(discriminator: dict[str, Any], spec: dict[str, Any]) -> Iterator[Any]:
    """Give each schema of a mapping, for its own value of the field that tells them apart."""
    for value, reference in discriminator["mapping"].items():
        kind = close({"$ref": reference}, spec)
        kind["properties"] = {**kind["properties"], discriminator["propertyName"]: {"const": value}}
        yield kind


def _merged(schema: dict[str, Any], parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Draw the parts of an ``allOf`` into one object; closed one by one, none would allow the others' fields."""
    for part in parts:
        schema["properties"] = {**schema.get("properties", {}), **part["properties"]}
        schema["required"] = [*schema.get("required", []), *part.get("required", [])]
    return schema


def schema_of(name: str, path: str, media: str) -> dict[str, Any]:
    file = SPECS / name
    if not file.exists():
        pytest.skip(f"{file.name} is not here")
    spec = json.loads(file.read_text())
    schema = spec["paths"][path]["post"]["requestBody"]["content"][media]["schema"]
    closed: dict[str, Any] = close(schema, spec)
    return closed


def infobip_validator(account: TelephoneAccount) -> Draft202012Validator:
    name, _ = INFOBIP_SPECS[account.path]
    return Draft202012Validator(schema_of(name, account.path, "application/json"))


def twilio_schema(account: TelephoneAccount) -> dict[str, Any]:
    path = account.path.replace(SID, "{AccountSid}")
    return schema_of("twilio-api-v2010.json", path, "application/x-www-form-urlencoded")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


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
    assert _without_what_we_left_out(theirs, body) == body


def _without_what_we_left_out(theirs: Any, ours: Any) -> Any:
    """Drop the defaults that Infobip's client writes out. What it does not know it drops itself."""
    if isinstance(ours, dict):
        return {key: _without_what_we_left_out(theirs[key], value) for key, value in ours.items() if key in theirs}
    if isinstance(ours, list):
        return [_without_what_we_left_out(*pair) for pair in zip(theirs, ours, strict=True)]
    return theirs


def fields(body: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every field of a document, by the keys that lead there."""
    if isinstance(body, list):
        for index, part in enumerate(body):
            yield from fields(part, (*path, index))
    elif isinstance(body, dict):
        for key, value in body.items():
            yield (*path, key)
            yield from fields(value, (*path, key))


@pytest.mark.parametrize("name", ["everything", "one picture", "text and button", "template"])
@every_infobip
async def test_any_field_misspelt_for_infobip_is_caught(
    http: httpx.AsyncClient, account: TelephoneAccount, name: str
) -> None:
    body = json.loads(await sent(http, account, MESSAGES[name]))
    validator = infobip_validator(account)
    paths = [path for path in fields(body) if not str(path[-1]).isdigit()]  # a parameter of a template has any name
    assert len(paths) > 8
    for *way, last in paths:
        changed = copy.deepcopy(body)
        holder: Any = changed
        for key in way:
            holder = holder[key]
        holder[f"{last}s"] = holder.pop(last)
        is_of_template = way[-2:] == ["content", "body"] and "template" in body["messages"][0]
        assert is_of_template or not validator.is_valid(changed), (*way, last)


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
