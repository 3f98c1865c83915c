"""What an e-mail by Infobip says, as a server hears it and as Infobip's specification and own client have it."""

from __future__ import annotations

import dataclasses
import json
from email import message_from_string
from email.policy import default
from email.utils import parseaddr

import httpx
import pytest
from infobip_api_client.models.email_request import EmailRequest
from infobip_api_client.models.email_response import EmailResponse
from jsonschema import Draft202012Validator

from channels.base import Accepted, Outgoing, Rejected
from tests.integration.loopback import Answer
from tests.integration.mailserver import Mailbox, client, mail_port, mail_server, newest
from tests.integration.specifications import fields, misspelt, schema_of, without_what_we_left_out
from tests.internet_accounts import EMAIL, EMAIL_TO, MAIL, TAKEN, heard, outcome_of
from tests.telephone_accounts import REPORTS

MESSAGES = {
    "everything": MAIL,
    "text": Outgoing(send_id="send-1", to=EMAIL_TO, text="Bonjour", subject="Bonjour"),
    "not marketing": dataclasses.replace(MAIL, unsubscribe=None),
    "no html": dataclasses.replace(MAIL, html=None),
}
every_message = pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())


def validator() -> Draft202012Validator:
    return Draft202012Validator(schema_of("infobip-email.json", EMAIL.path, "application/json"))


@every_message
async def test_infobips_specification_allows_what_is_sent(http: httpx.AsyncClient, message: Outgoing) -> None:
    validator().validate(await heard(http, EMAIL, message))


async def test_any_field_misspelt_is_caught(http: httpx.AsyncClient) -> None:
    body = await heard(http, EMAIL, MAIL)
    paths = list(fields(body))
    assert len(paths) > 20
    for way, changed in misspelt(body, paths):
        assert not validator().is_valid(changed), way


@every_message
async def test_infobips_own_client_reads_it_and_would_send_the_same(http: httpx.AsyncClient, message: Outgoing) -> None:
    body = await heard(http, EMAIL, message)
    read = EmailRequest.from_dict(body)
    assert read is not None
    assert without_what_we_left_out(json.loads(read.to_json()), body) == body


async def test_an_answer_that_infobips_own_client_would_read_is_an_acceptance(http: httpx.AsyncClient) -> None:
    said = {"id": 7, "groupId": 1, "groupName": "PENDING", "name": "PENDING_ENROUTE", "description": "sent"}
    answer = EmailResponse.from_dict({"messages": [{"messageId": "send-1", "destination": EMAIL_TO, "status": said}]})
    assert answer is not None
    outcome, _ = await outcome_of(http, EMAIL, MAIL, Answer(200, answer.to_json().encode()))
    assert outcome == Accepted("send-1")


async def test_an_email_says_from_whom_to_whom_and_what_under_our_own_id_with_tracking_off(
    http: httpx.AsyncClient,
) -> None:
    body = await heard(http, EMAIL, MAIL)
    headers = json.loads(body["messages"][0]["content"].pop("headers"))
    assert body == {
        "messages": [
            {
                "sender": '"La Boutique, Zoé & Cie" <news@shop.example>',
                "destinations": [
                    {"to": [{"destination": EMAIL_TO, "messageId": "send-1"}], "replyTo": "help@shop.example"}
                ],
                "content": {"subject": MAIL.subject, "text": MAIL.text, "html": MAIL.html},
                "options": {"validityPeriod": {"amount": 4 * 3600, "timeUnit": "SECONDS"}},
                "webhooks": {"delivery": {"url": REPORTS}},
            }
        ],
        "options": {
            "tracking": {"track": False, "trackOpens": False, "trackClicks": False, "trackingUrl": REPORTS},
        },
    }
    assert headers == {
        "List-Unsubscribe": "<https://relance.example.com/u/abc>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


async def test_marketing_has_the_headers_that_it_has_by_smtp_and_other_mail_has_none(http: httpx.AsyncClient) -> None:
    body = await heard(http, EMAIL, MAIL)
    by_infobip = json.loads(body["messages"][0]["content"]["headers"])
    mailbox = Mailbox()
    async with mail_port(mail_server(mailbox)) as port:
        await client(port).send(MAIL)
    by_smtp = newest(mailbox)
    assert by_infobip == {name: by_smtp[name] for name in by_infobip}
    other = await heard(http, EMAIL, dataclasses.replace(MAIL, unsubscribe=None))
    assert "headers" not in other["messages"][0]["content"]


@pytest.mark.parametrize("name", ["La Boutique", 'Zoé "la" <boutique>, SA', "", "a\r\nBcc: b@x.example"])
async def test_whatever_the_senders_name_is_the_address_stays_the_shops(http: httpx.AsyncClient, name: str) -> None:
    account = dataclasses.replace(EMAIL, says={**EMAIL.says, "sender_name": name})
    said = (await heard(http, account, MAIL))["messages"][0]["sender"]
    assert parseaddr(said) == (" ".join(name.split()), "news@shop.example")
    assert message_from_string(f"From: {said}\n\n", policy=default)["From"].addresses[0].domain == "shop.example"


async def test_a_subject_is_one_line_of_at_most_a_thousand_characters(http: httpx.AsyncClient) -> None:
    content = (await heard(http, EMAIL, dataclasses.replace(MAIL, subject="a\r\nb " + "x" * 2_000)))["messages"][0]
    assert content["content"]["subject"] == ("a b " + "x" * 2_000)[:1_000]


@pytest.mark.parametrize("to", ["a@x.example, b@x.example", "Zoé <zoe@x.example>", "nobody"])
async def test_what_is_no_mailbox_is_refused_before_the_call(http: httpx.AsyncClient, to: str) -> None:
    outcome, server = await outcome_of(http, EMAIL, dataclasses.replace(MAIL, to=to), TAKEN)
    assert outcome == Rejected("the address is not a mailbox")
    assert server.requests == []
