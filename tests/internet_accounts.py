"""An account at Infobip for e-mail and one for app push, each with the message that it sends."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import httpx

from channels.base import Accepted, Outcome, Outgoing
from journeys.facts import Channel
from tests.integration.loopback import Answer, Break, Loopback, Silence, serving
from tests.telephone_accounts import MESSAGE, TelephoneAccount

EMAIL_TO, APP = "zoe.martin@example.com", "5e2ae8b4-9d5c-4b5e-8a53-0a7f0d6f5b41"
EMAIL = TelephoneAccount(
    Channel.EMAIL,
    "infobip",
    "/email/4/messages",
    {"sender": "news@shop.example", "sender_name": "La Boutique, Zoé & Cie", "reply_to": "help@shop.example"},
)
PUSH = TelephoneAccount(Channel.APP_PUSH, "infobip", "/push/3/messages", {"application_code": "F5E6B95AFBEDEC42"})
MAIL = dataclasses.replace(
    MESSAGE,
    to=EMAIL_TO,
    subject="Zoé, votre panier",
    html="<p>Votre panier <b>vous attend</b></p>",
    unsubscribe="https://relance.example.com/u/abc",
)
PUSHED = dataclasses.replace(MESSAGE, to=APP)


def status(number: int, group: str) -> Answer:
    """An answer of Infobip."""
    said = {"id": number, "groupName": group, "description": f"about {EMAIL_TO}"}
    return Answer(200, json.dumps({"messages": [{"messageId": "send-1", "status": said}]}).encode())


TAKEN = status(26, "PENDING")


async def outcome_of(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing, reply: Answer | Break | Silence
) -> tuple[Outcome, Loopback]:
    """What a client makes of an answer, and what the server heard."""
    async with serving(reply) as server:
        return await account.connect(http, server.url).send(message), server


async def heard(http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing) -> dict[str, Any]:
    """The body of a call that is taken."""
    outcome, server = await outcome_of(http, account, message, TAKEN)
    assert outcome == Accepted("send-1")
    body: dict[str, Any] = json.loads(server.requests[0].body)
    return body
