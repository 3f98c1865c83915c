"""FCM's client against a server on this machine, and its request against Google's own discovery document."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from channels.base import Accepted, Card, Outcome, Outgoing, Rejected, Released, Unknown
from channels.fcm import Fcm, Tokens, body
from tests.integration.loopback import Answer, Break, Loopback, serving

KEY = rsa.generate_private_key(65537, 2048)
MESSAGE = Outgoing(
    send_id="send-1",
    to="token-of-the-app",
    text="Votre panier vous attend",
    subject="La Boutique",
    link="https://shop.example/l/abc",
    cards=(Card("Tente", image="https://cdn.example/tente.jpg"),),
    expires_in=timedelta(hours=4),
)
TOKEN = Answer(200, b'{"access_token": "at-1", "expires_in": 3600, "token_type": "Bearer"}')
SENT = Answer(200, b'{"name": "projects/p/messages/1"}')


def refused(status: int, code: str) -> Answer:
    return Answer(status, json.dumps({"error": {"code": status, "details": [{"errorCode": code}]}}).encode())


def client(http: httpx.AsyncClient, google: Loopback, fcm: Loopback) -> Fcm:
    tokens = Tokens(http, email="relance@p.example", private_key=KEY, address=google.url)
    return Fcm(http, tokens, project="p", api=fcm.url)


def misfits(value: Any, schema: dict[str, Any], known: dict[str, Any], path: str = "") -> list[str]:
    """List what a discovery document does not know, or knows as another type."""
    schema = known[schema["$ref"]] if "$ref" in schema else schema
    if not isinstance(value, dict):
        return [] if schema["type"] == "string" and isinstance(value, str) else [path]
    fields = schema.get("properties", {})
    rest = schema.get("additionalProperties")
    return [
        wrong
        for name, part in value.items()
        for wrong in (
            misfits(part, fields.get(name) or rest or {}, known, f"{path}.{name}")
            if name in fields or rest
            else [f"{path}.{name}"]
        )
    ]


def test_the_request_is_one_that_the_discovery_document_describes() -> None:
    text = (files("googleapiclient") / "discovery_cache" / "documents" / "fcm.v1.json").read_text()
    known = json.loads(text)["schemas"]
    assert misfits(body(MESSAGE), {"$ref": "SendMessageRequest"}, known) == []
    assert misfits({"message": {"tokn": "x"}}, {"$ref": "SendMessageRequest"}, known) == [".message.tokn"]


async def test_one_token_is_asked_for_and_serves_many_messages(http: httpx.AsyncClient) -> None:
    async with serving(TOKEN) as google, serving(SENT) as fcm:
        fcm_client = client(http, google, fcm)
        outcomes = await asyncio.gather(*(fcm_client.send(MESSAGE) for _ in range(5)))
    assert outcomes == [Accepted("projects/p/messages/1")] * 5
    (asked,) = google.requests
    (assertion,) = parse_qs(asked.body.decode())["assertion"]
    said = jwt.decode(assertion, KEY.public_key(), ["RS256"], audience=google.url)
    assert said["iss"] == "relance@p.example"
    assert {r.headers["authorization"] for r in fcm.requests} == {"Bearer at-1"}
    assert {r.target for r in fcm.requests} == {"/v1/projects/p/messages:send"}


async def test_a_refused_token_is_renewed_once(http: httpx.AsyncClient) -> None:
    async with serving(TOKEN) as google, serving(Answer(401)) as fcm:
        outcome = await client(http, google, fcm).send(MESSAGE)
    assert isinstance(outcome, Released)
    assert (len(google.requests), len(fcm.requests)) == (2, 2)


async def test_nothing_is_sent_without_a_token(http: httpx.AsyncClient) -> None:
    async with serving(Answer(400)) as google, serving(SENT) as fcm:
        assert isinstance(await client(http, google, fcm).send(MESSAGE), Released)
    assert fcm.requests == []


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        (
            refused(404, "UNREGISTERED"),
            Rejected("the app is no longer on the device (FCM: UNREGISTERED)", suppress=True),
        ),
        (refused(400, "INVALID_ARGUMENT"), Rejected("FCM refused the message (INVALID_ARGUMENT)")),
        (refused(403, "SENDER_ID_MISMATCH"), Rejected("FCM refused the message (SENDER_ID_MISMATCH)")),
        (
            Answer(429, headers={"Retry-After": "9"}),
            Released("the provider's rate limit is reached", timedelta(seconds=9)),
        ),
        (refused(503, "UNAVAILABLE"), Unknown("the provider failed (HTTP 503)")),
        (Answer(200, b"<html>"), Unknown("FCM's answer cannot be read")),
        (Break(), Unknown("the connection was lost before the provider's answer")),
    ],
)
async def test_each_answer_has_its_outcome(http: httpx.AsyncClient, reply: Answer | Break, wanted: Outcome) -> None:
    async with serving(TOKEN) as google, serving(reply) as fcm:
        assert await client(http, google, fcm).send(MESSAGE) == wanted
