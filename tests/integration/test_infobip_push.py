"""What an app push by Infobip says, as a server hears it and as Infobip's specification has it.

Infobip's own client for Python has no models of its push API.
"""

from __future__ import annotations

import dataclasses

import httpx
import pytest
from jsonschema import Draft202012Validator

from channels.base import Card, Outgoing
from channels.infobip_push import LONGEST_TEXT, LONGEST_TITLE
from tests.integration.specifications import fields, misspelt, schema_of
from tests.internet_accounts import APP, PUSH, PUSHED, heard
from tests.telephone_accounts import REPORTS

MESSAGES = {
    "everything": PUSHED,
    "text": Outgoing(send_id="send-1", to=APP, text="Bonjour"),
    "title": dataclasses.replace(PUSHED, cards=(), link=None),
    "too long": dataclasses.replace(PUSHED, text="x" * 5_000, subject="x" * 60),
}
every_message = pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())


def validator() -> Draft202012Validator:
    return Draft202012Validator(schema_of("infobip-push.json", PUSH.path, "application/json"))


@every_message
async def test_infobips_specification_allows_what_is_sent(http: httpx.AsyncClient, message: Outgoing) -> None:
    validator().validate(await heard(http, PUSH, message))


async def test_any_field_misspelt_is_caught(http: httpx.AsyncClient) -> None:
    body = await heard(http, PUSH, PUSHED)
    paths = [path for path in fields(body) if "customPayload" not in path[:-1]]  # the app's own, of any name
    assert len(paths) > 15
    for way, changed in misspelt(body, paths):
        assert not validator().is_valid(changed), way


async def test_a_push_goes_to_the_registration_with_title_text_picture_link_and_our_id(http: httpx.AsyncClient) -> None:
    assert await heard(http, PUSH, PUSHED) == {
        "messages": [
            {
                "sender": "F5E6B95AFBEDEC42",
                "destinations": [{"type": "REGISTRATION", "pushRegistrationId": APP, "messageId": "send-1"}],
                "content": {
                    "type": "IMAGE",
                    "title": "La Boutique",
                    "text": PUSHED.text,
                    "url": "https://cdn.example/tente.jpg",
                },
                "options": {
                    "customPayload": {"send_id": "send-1", "link": PUSHED.link},
                    "validityPeriod": {"amount": 4 * 3600, "timeUnit": "SECONDS"},
                },
                "webhooks": {"delivery": {"url": REPORTS}},
            }
        ]
    }


async def test_a_push_without_a_picture_or_a_title_is_a_text(http: httpx.AsyncClient) -> None:
    for cards in ((), (Card("Tente"),)):
        body = await heard(http, PUSH, dataclasses.replace(PUSHED, subject=None, cards=cards))
        assert body["messages"][0]["content"] == {"type": "TEXT", "text": PUSHED.text}


async def test_a_title_and_a_text_that_are_too_long_end_at_a_word(http: httpx.AsyncClient) -> None:
    body = await heard(http, PUSH, dataclasses.replace(PUSHED, subject="panier " * 20, text="panier " * 800))
    content = body["messages"][0]["content"]
    assert content["title"].endswith("panier…")
    assert content["text"].endswith("panier…")
    assert len(content["title"]) <= LONGEST_TITLE
    assert LONGEST_TEXT - 10 < len(content["text"]) <= LONGEST_TEXT
