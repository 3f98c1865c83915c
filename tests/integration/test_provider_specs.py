"""What the clients send, checked against the providers' own specifications.

Their schemas allow unknown fields; here every object is closed, so that a misspelt field is caught.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from jsonschema import Draft202012Validator
from pydantic import SecretStr

from channels.base import Outgoing
from channels.infobip import InfobipSms
from channels.twilio import TwilioSms
from tests.integration.loopback import Answer, serving

SPECS = Path(__file__).parents[2].parent / "shared" / "specs"
MESSAGE = Outgoing(send_id="send-1", to="+33612345678", text="Bonjour")
INFOBIP = ("infobip-sms.json", "/sms/3/messages", "application/json")
TWILIO = (
    "twilio-api-v2010.json",
    "/2010-04-01/Accounts/{AccountSid}/Messages.json",
    "application/x-www-form-urlencoded",
)


def close(schema: Any, spec: dict[str, Any]) -> Any:
    """Resolve the references and forbid fields that the schema does not name."""
    if isinstance(schema, list):
        return [close(part, spec) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if reference := schema.get("$ref"):
        return close(spec["components"]["schemas"][reference.rpartition("/")[2]], spec)
    closed = _merged({key: close(value, spec) for key, value in schema.items()})
    if "properties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed


def _merged(schema: dict[str, Any]) -> dict[str, Any]:
    """Draw the parts of an ``allOf`` into one object; closed one by one, none would allow the others' fields."""
    parts = schema.pop("allOf", [])
    for part in parts:
        schema["properties"] = {**schema.get("properties", {}), **part["properties"]}
        schema["required"] = [*schema.get("required", []), *part.get("required", [])]
    return schema


def validator(name: str, path: str, media: str) -> Draft202012Validator:
    file = SPECS / name
    if not file.exists():
        pytest.skip(f"{file.name} is not here")
    spec = json.loads(file.read_text())
    schema = spec["paths"][path]["post"]["requestBody"]["content"][media]["schema"]
    return Draft202012Validator(close(schema, spec))


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


async def infobip_body(http: httpx.AsyncClient) -> dict[str, Any]:
    async with serving(Answer(500)) as server:
        provider = InfobipSms(http, base_url=server.url, api_key=SecretStr("key"), sender="Boutique")
        await provider.send(MESSAGE)
    body: dict[str, Any] = json.loads(server.requests[0].body)
    return body


async def twilio_form(http: httpx.AsyncClient, sender: str) -> dict[str, str]:
    async with serving(Answer(500)) as server:
        provider = TwilioSms(
            http,
            account_sid="AC" + "a" * 32,
            auth_token=SecretStr("token"),
            sender=sender,
            status_callback="https://shop.example/receipt",
            base_url=server.url,
        )
        await provider.send(MESSAGE)
    return dict(parse_qsl(server.requests[0].body.decode(), strict_parsing=True))


async def test_infobips_specification_allows_what_is_sent(http: httpx.AsyncClient) -> None:
    validator(*INFOBIP).validate(await infobip_body(http))


@pytest.mark.parametrize(
    "path", [("messages", 0, "sender"), ("messages", 0, "destinations", 0, "messageId"),
             ("messages", 0, "content", "text"), ("options", "tracking", "shortenUrl")]
)  # fmt: skip
async def test_a_field_misspelt_for_infobip_is_caught(http: httpx.AsyncClient, path: tuple[str | int, ...]) -> None:
    body = await infobip_body(http)
    holder: Any = body
    for key in path[:-1]:
        holder = holder[key]
    holder[f"{path[-1]}s"] = holder.pop(path[-1])
    assert not validator(*INFOBIP).is_valid(body)


@pytest.mark.parametrize("sender", ["+33700000000", "MG" + "b" * 32])
async def test_twilios_specification_allows_what_is_sent(http: httpx.AsyncClient, sender: str) -> None:
    validator(*TWILIO).validate(await twilio_form(http, sender))


@pytest.mark.parametrize(
    ("sender", "field"),
    [("+33700000000", "From"), ("+33700000000", "StatusCallback"), ("MG" + "b" * 32, "MessagingServiceSid")],
)
async def test_a_field_misspelt_for_twilio_is_caught(http: httpx.AsyncClient, sender: str, field: str) -> None:
    form = await twilio_form(http, sender)
    form[f"{field}s"] = form.pop(field)
    assert not validator(*TWILIO).is_valid(form)
