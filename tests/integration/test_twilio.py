"""Twilio's client against a server on this machine."""

from __future__ import annotations

import base64
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from channels.base import Accepted, Card, Outgoing, Rejected, Released, Unknown
from channels.senders import Senders
from channels.twilio import TwilioAccount, TwilioMmsAccount, TwilioSms
from channels.twilio_api import TwilioApi
from tests.integration.loopback import Answer, Break, Silence, closed_port, full_backlog, serving

MESSAGE = Outgoing(send_id="send-1", to="+33612345678", text="Bonjour Zoé & co: votre panier + 10 %")
SID = "AC" + "a" * 32
SERVICE = "MG" + "b" * 32
TOKEN = "token-of-the-shop"
CREATED = Answer(201, json.dumps({"sid": "SM" + "c" * 32, "to": MESSAGE.to}).encode())
SHORT = timedelta(seconds=0.4)


def client(
    http: httpx.AsyncClient,
    url: str,
    *,
    sender: str = "+33700000000",
    status_callback: str | None = None,
    timeout: timedelta = timedelta(seconds=10),
) -> TwilioSms:
    api = TwilioApi(http, account_sid=SID, auth_token=SecretStr(TOKEN), base_url=url, timeout=timeout)
    return TwilioSms(api, Senders(sender), status_callback=status_callback)


def error(status: int, code: int) -> Answer:
    return Answer(status, json.dumps({"code": code, "message": f"about {MESSAGE.to}", "status": status}).encode())


def names_nobody(reason: str) -> bool:
    return not any(part in reason for part in (MESSAGE.to[1:], "Zoé", "panier", TOKEN))


async def form_of(
    http: httpx.AsyncClient, *, sender: str = "+33700000000", status_callback: str | None = None
) -> dict[str, list[str]]:
    async with serving(CREATED) as server:
        await client(http, server.url, sender=sender, status_callback=status_callback).send(MESSAGE)
    return parse_qs(server.requests[0].body.decode(), strict_parsing=True)


async def test_a_message_that_twilio_takes_is_accepted_under_its_sid(http: httpx.AsyncClient) -> None:
    async with serving(CREATED) as server:
        assert await client(http, server.url).send(MESSAGE) == Accepted("SM" + "c" * 32)


async def test_created_is_accepted_even_if_the_sid_cannot_be_read(http: httpx.AsyncClient) -> None:
    async with serving(Answer(201, b"<html>")) as server:
        assert await client(http, server.url).send(MESSAGE) == Accepted(None)


async def test_the_call_names_the_account_and_proves_it(http: httpx.AsyncClient) -> None:
    async with serving(CREATED) as server:
        await client(http, server.url).send(MESSAGE)
    request = server.requests[0]
    assert request.target == f"/2010-04-01/Accounts/{SID}/Messages.json"
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode() == f"{SID}:{TOKEN}"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_the_form_carries_the_text_whole(http: httpx.AsyncClient) -> None:
    assert await form_of(http) == {"To": [MESSAGE.to], "From": ["+33700000000"], "Body": [MESSAGE.text]}


async def test_the_settings_of_an_account_reach_the_call(http: httpx.AsyncClient) -> None:
    async with serving(CREATED) as server:
        account = TwilioAccount.model_validate(
            {
                "base_url": server.url,
                "account_sid": SID,
                "auth_token": TOKEN,
                "sender": SERVICE,
                "status_callback": "https://shop.example/receipt",
            }
        )
        assert isinstance(await account.connect(http).send(MESSAGE), Accepted)
    request = server.requests[0]
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode() == f"{SID}:{TOKEN}"
    form = parse_qs(request.body.decode())
    assert form["MessagingServiceSid"] == [SERVICE]
    assert form["StatusCallback"] == ["https://shop.example/receipt?send_id=send-1"]


async def test_a_messaging_service_takes_the_place_of_the_number(http: httpx.AsyncClient) -> None:
    form = await form_of(http, sender=SERVICE)
    assert form["MessagingServiceSid"] == [SERVICE]
    assert "From" not in form


async def test_each_country_has_its_sender_by_the_number_that_is_written_to(http: httpx.AsyncClient) -> None:
    senders = Senders("Boutique", {"US": "+18005550100", "FR": SERVICE})
    async with serving(CREATED) as server:
        api = TwilioApi(http, account_sid=SID, auth_token=SecretStr(TOKEN), base_url=server.url)
        for to in ("+12025550123", "+33612345678", "+393331234567"):
            await TwilioSms(api, senders).send(dataclasses.replace(MESSAGE, to=to, country="DE"))
    american, french, italian = (parse_qs(request.body.decode()) for request in server.requests)
    assert american["From"] == ["+18005550100"]
    assert french["MessagingServiceSid"] == [SERVICE]
    assert italian["From"] == ["Boutique"]


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(timedelta(hours=2), "7200"), (timedelta(0), "1"), (timedelta(days=9), "36000")],
)
async def test_the_validity_stays_within_what_twilio_takes(
    http: httpx.AsyncClient, given: timedelta, seconds: str
) -> None:
    async with serving(CREATED) as server:
        await client(http, server.url).send(dataclasses.replace(MESSAGE, expires_in=given))
    assert parse_qs(server.requests[0].body.decode())["ValidityPeriod"] == [seconds]


async def test_a_text_is_written_in_gsm_7_where_the_account_says_so(http: httpx.AsyncClient) -> None:
    async with serving(CREATED) as server:
        settings = {"base_url": server.url, "account_sid": SID, "auth_token": TOKEN, "sender": "B"}
        provider = TwilioAccount.model_validate({**settings, "transliterate": True}).connect(http)
        await provider.send(dataclasses.replace(MESSAGE, text="La fenêtre d\u2019à côté"))
    assert parse_qs(server.requests[0].body.decode())["Body"] == ["La fenetre d'à coté"]


async def test_an_mms_says_title_text_and_link_and_shows_up_to_ten_pictures(http: httpx.AsyncClient) -> None:
    cards = (Card(title="No picture"), *(Card(title="x", image=f"https://cdn.example/{n}.jpg?a&b") for n in range(12)))
    message = dataclasses.replace(MESSAGE, subject="Panier", link="https://shop.example/c/1", cards=cards)
    async with serving(CREATED) as server:
        settings = {"base_url": server.url, "account_sid": SID, "auth_token": TOKEN, "sender": SERVICE}
        provider = TwilioMmsAccount.model_validate(settings).connect(http)
        assert isinstance(await provider.send(message), Accepted)
        # Twilio shows pictures without words: what is not in the cart would look as if it were.
        await provider.send(dataclasses.replace(MESSAGE, related=cards[1:]))
    shown, plain = (parse_qs(request.body.decode(), strict_parsing=True) for request in server.requests)
    assert shown["MediaUrl"] == [f"https://cdn.example/{n}.jpg?a&b" for n in range(10)]
    assert shown["Body"] == [f"Panier\n{MESSAGE.text} https://shop.example/c/1"]
    assert plain["Body"] == [MESSAGE.text]
    assert "MediaUrl" not in plain


async def test_the_status_callback_carries_our_id_beside_what_it_had(http: httpx.AsyncClient) -> None:
    form = await form_of(http, status_callback="https://shop.example/v1/hooks/demo/twilio/receipt?token=t")
    address = urlsplit(form["StatusCallback"][0])
    assert address.path == "/v1/hooks/demo/twilio/receipt"
    assert parse_qs(address.query) == {"token": ["t"], "send_id": ["send-1"]}


@pytest.mark.parametrize("code", [21211, 21608, 21610, 21612, 21614])
@pytest.mark.parametrize("status", [400, 403])
async def test_an_error_of_the_recipient_is_for_good_and_names_nobody(
    http: httpx.AsyncClient, status: int, code: int
) -> None:
    async with serving(error(status, code)) as server:
        outcome = await client(http, server.url).send(MESSAGE)
    assert isinstance(outcome, Rejected)
    assert str(code) in outcome.reason
    assert names_nobody(outcome.reason)
    assert outcome.suppress == (code in {21211, 21610, 21614})  # nothing changes that


async def test_another_bad_request_is_refused_for_good_with_its_code_and_without_its_text(
    http: httpx.AsyncClient,
) -> None:
    async with serving(error(400, 21617)) as server:
        outcome = await client(http, server.url).send(MESSAGE)
    assert outcome == Rejected("Twilio refused the message (HTTP 400, error 21617)")


async def test_a_bad_request_in_another_form_is_refused_for_good(http: httpx.AsyncClient) -> None:
    async with serving(Answer(400, b"<html>")) as server:
        assert isinstance(await client(http, server.url).send(MESSAGE), Rejected)


async def test_a_full_queue_of_the_sender_releases_the_message(http: httpx.AsyncClient) -> None:
    async with serving(error(400, 21611)) as server:
        assert isinstance(await client(http, server.url).send(MESSAGE), Released)


@pytest.mark.parametrize(("status", "code"), [(401, 20003), (403, 20403), (404, 20404)])
async def test_an_error_of_the_account_releases_the_message_and_tells_what_to_mend(
    http: httpx.AsyncClient, status: int, code: int
) -> None:
    async with serving(error(status, code)) as server:
        outcome = await client(http, server.url).send(MESSAGE)
    assert isinstance(outcome, Released)
    assert "check" in outcome.reason


async def test_a_rate_limit_releases_the_message_for_the_seconds_it_names(http: httpx.AsyncClient) -> None:
    async with serving(Answer(429, headers={"Retry-After": "7"})) as server:
        outcome = await client(http, server.url).send(MESSAGE)
    assert isinstance(outcome, Released)
    assert outcome.retry_after == timedelta(seconds=7)


async def test_a_rate_limit_releases_the_message_until_the_date_it_names(http: httpx.AsyncClient) -> None:
    until = datetime.now(UTC) + timedelta(minutes=10)
    async with serving(Answer(429, headers={"Retry-After": format_datetime(until, usegmt=True)})) as server:
        outcome = await client(http, server.url).send(MESSAGE)
    assert isinstance(outcome, Released)
    assert outcome.retry_after is not None
    assert timedelta(minutes=9) < outcome.retry_after <= timedelta(minutes=10)


@pytest.mark.parametrize("answer", [error(500, 21211), Answer(502), Answer(503), Answer(200), Answer(202)])
async def test_a_failing_or_unheard_of_answer_leaves_the_message_unknown(
    http: httpx.AsyncClient, answer: Answer
) -> None:
    async with serving(answer) as server:
        assert isinstance(await client(http, server.url).send(MESSAGE), Unknown)


async def test_a_reset_after_the_request_was_read_leaves_the_message_unknown_and_is_not_repeated(
    http: httpx.AsyncClient,
) -> None:
    async with serving(Break()) as server:
        assert isinstance(await client(http, server.url).send(MESSAGE), Unknown)
    assert len(server.requests) == 1


async def test_an_answer_that_takes_too_long_leaves_the_message_unknown(http: httpx.AsyncClient) -> None:
    async with serving(Silence()) as server:
        assert isinstance(await client(http, server.url, timeout=SHORT).send(MESSAGE), Unknown)


async def test_a_refused_connection_releases_the_message(http: httpx.AsyncClient) -> None:
    with closed_port() as port:
        assert isinstance(await client(http, f"http://127.0.0.1:{port}").send(MESSAGE), Released)


async def test_a_connection_that_never_comes_about_releases_the_message(http: httpx.AsyncClient) -> None:
    with full_backlog() as port:
        assert isinstance(await client(http, f"http://127.0.0.1:{port}", timeout=SHORT).send(MESSAGE), Released)


async def test_nothing_personal_and_no_secret_is_shown_or_logged(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"), caplog.at_level("DEBUG", "httpx"):
        await form_of(http)
    assert caplog.records
    assert names_nobody(caplog.text)
    assert TOKEN not in repr(vars(client(http, "http://127.0.0.1")))
