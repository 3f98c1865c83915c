"""What a provider's answer, or its silence, makes of a message: the same by every channel of the telephone."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import httpx
import pytest

from channels.base import Accepted, Outcome, Rejected, Released, Unknown
from journeys.facts import Channel
from tests.integration.loopback import Answer, Break, Loopback, Silence, closed_port, serving
from tests.telephone_accounts import INFOBIP, MESSAGE, SECRET, SID, TO, TWILIO, TelephoneAccount

ALL = [*INFOBIP, *TWILIO]
every = pytest.mark.parametrize("account", ALL, ids=str)


def infobip(status: int, group: str) -> Answer:
    said = {"id": status, "groupName": group, "description": f"about {TO}"}
    return Answer(200, json.dumps({"messages": [{"status": said}]}).encode())


def twilio(code: int) -> Answer:
    return Answer(400, json.dumps({"code": code, "message": f"about {TO}"}).encode())


def taken(account: TelephoneAccount) -> Answer:
    return infobip(26, "PENDING") if account.provider == "infobip" else Answer(201, b'{"sid": "XX1"}')


async def outcome_of(
    http: httpx.AsyncClient, account: TelephoneAccount, reply: Answer | Break | Silence
) -> tuple[Outcome, Loopback]:
    async with serving(reply) as server:
        return await account.connect(http, server.url).send(MESSAGE), server


@every
async def test_what_is_taken_is_accepted_at_the_right_address_with_the_login(
    http: httpx.AsyncClient, account: TelephoneAccount
) -> None:
    outcome, server = await outcome_of(http, account, taken(account))
    assert outcome == Accepted("send-1" if account.provider == "infobip" else "XX1")
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", account.path)
    basic = base64.b64encode(f"{SID}:{SECRET}".encode()).decode()
    proof = f"App {SECRET}" if account.provider == "infobip" else f"Basic {basic}"
    assert request.headers["authorization"] == proof


@pytest.mark.parametrize("account", INFOBIP, ids=str)
@pytest.mark.parametrize("status", [10, 14, 52])
async def test_a_number_that_infobip_will_never_reach_is_suppressed(
    http: httpx.AsyncClient, account: TelephoneAccount, status: int
) -> None:
    outcome, _ = await outcome_of(http, account, infobip(status, "REJECTED"))
    assert isinstance(outcome, Rejected)
    assert outcome.suppress
    assert TO[1:] not in outcome.reason


@pytest.mark.parametrize("account", INFOBIP, ids=str)
@pytest.mark.parametrize("status", [6, 11, 12, 13, 20, 83])
async def test_what_is_no_fault_of_the_number_suppresses_nothing_at_infobip(
    http: httpx.AsyncClient, account: TelephoneAccount, status: int
) -> None:
    outcome, _ = await outcome_of(http, account, infobip(status, "REJECTED"))
    assert isinstance(outcome, Rejected)
    assert not outcome.suppress


@pytest.mark.parametrize("account", TWILIO, ids=str)
@pytest.mark.parametrize("code", [21211, 21217, 21610, 21614])
async def test_a_number_that_twilio_will_never_reach_is_suppressed(
    http: httpx.AsyncClient, account: TelephoneAccount, code: int
) -> None:
    outcome, _ = await outcome_of(http, account, twilio(code))
    assert isinstance(outcome, Rejected)
    assert outcome.suppress
    assert TO[1:] not in outcome.reason


@pytest.mark.parametrize("account", TWILIO, ids=str)
@pytest.mark.parametrize("code", [21214, 21215, 21216, 21219, 21608, 21612, 21617, 0])
async def test_what_is_no_fault_of_the_number_suppresses_nothing_at_twilio(
    http: httpx.AsyncClient, account: TelephoneAccount, code: int
) -> None:
    outcome, _ = await outcome_of(http, account, twilio(code))
    assert isinstance(outcome, Rejected)
    assert not outcome.suppress


@every
async def test_a_rate_limit_releases_the_message_for_the_seconds_it_names(
    http: httpx.AsyncClient, account: TelephoneAccount
) -> None:
    outcome, _ = await outcome_of(http, account, Answer(429, headers={"Retry-After": "7"}))
    assert isinstance(outcome, Released)
    assert outcome.retry_after == timedelta(seconds=7)


@every
@pytest.mark.parametrize("status", [401, 403, 404, 307])
async def test_what_is_wrong_with_the_account_releases_the_message(
    http: httpx.AsyncClient, account: TelephoneAccount, status: int
) -> None:
    outcome, _ = await outcome_of(http, account, Answer(status))
    assert isinstance(outcome, Released)
    assert "check" in outcome.reason


@every
@pytest.mark.parametrize("status", [408, 500, 503])
async def test_a_failing_provider_leaves_the_message_unknown(
    http: httpx.AsyncClient, account: TelephoneAccount, status: int
) -> None:
    outcome, _ = await outcome_of(http, account, Answer(status))
    assert isinstance(outcome, Unknown)


@every
@pytest.mark.parametrize("reply", [Break(), Break(b"HTTP/1.1 200 OK\r\nContent-Le"), Answer(202, b"<html>")], ids=str)
async def test_an_answer_that_is_lost_or_cannot_be_read_leaves_the_message_unknown_and_nothing_is_repeated(
    http: httpx.AsyncClient, account: TelephoneAccount, reply: Answer | Break
) -> None:
    outcome, server = await outcome_of(http, account, reply)
    assert isinstance(outcome, Unknown)
    assert len(server.requests) == 1


@every
async def test_a_refused_connection_releases_the_message(http: httpx.AsyncClient, account: TelephoneAccount) -> None:
    with closed_port() as port:
        outcome = await account.connect(http, f"http://127.0.0.1:{port}").send(MESSAGE)
    assert isinstance(outcome, Released)


@every
async def test_a_client_knows_its_channel_and_whether_it_may_be_called_again(
    http: httpx.AsyncClient, account: TelephoneAccount
) -> None:
    client = account.connect(http, "http://127.0.0.1")
    assert (client.name, client.channel) == (account.provider, account.channel)
    assert client.idempotent == (account.provider == "infobip" and account.channel is not Channel.VOICE)


@every
async def test_nothing_personal_and_no_secret_is_shown_or_logged(
    http: httpx.AsyncClient, account: TelephoneAccount, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"), caplog.at_level("DEBUG", "httpx"):
        await outcome_of(http, account, taken(account))
    assert caplog.records
    shown = caplog.text + repr(vars(account.connect(http, "http://127.0.0.1")))
    assert not [part for part in (TO[1:], "Zoé", "panier", SECRET) if part in shown.replace("relance=", "")]
