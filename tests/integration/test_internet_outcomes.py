"""What Infobip's answer, or its silence, makes of an e-mail and of a push: the same for both."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from channels import accounts
from channels.base import Accepted, Asked, Books, Outgoing, Rejected, Released, Unknown
from channels.infobip_api import InfobipApi
from channels.infobip_email import InfobipEmail
from channels.infobip_push import InfobipPush
from tests.integration.loopback import Answer, Break, Silence, closed_port, serving
from tests.internet_accounts import APP, EMAIL, EMAIL_TO, MAIL, PUSH, PUSHED, TAKEN, heard, outcome_of, status
from tests.telephone_accounts import SECRET, TelephoneAccount

NOW = datetime(2026, 3, 10, tzinfo=UTC)
each = pytest.mark.parametrize(("account", "message"), [(EMAIL, MAIL), (PUSH, PUSHED)], ids=["email", "app_push"])


def names_nobody(shown: str) -> bool:
    return not [part for part in (EMAIL_TO, APP, "votre panier", SECRET) if part in shown]


@each
async def test_the_call_carries_the_key_and_goes_to_the_right_address(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing
) -> None:
    _, server = await outcome_of(http, account, message, TAKEN)
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", account.path)
    assert request.headers["authorization"] == f"App {SECRET}"


@each
async def test_without_a_report_url_none_is_told(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing
) -> None:
    settings = json.loads(account.settings("https://x.api.infobip.com"))
    del settings["report_url"]
    async with serving(TAKEN) as server:
        client = accounts.read(account.channel, json.dumps({**settings, "base_url": server.url})).connect(http)
        await client.send(message)
    told = json.loads(server.requests[0].body)
    assert "webhooks" not in told["messages"][0]
    assert "trackingUrl" not in str(told)


@each
async def test_a_repeated_message_counts_as_accepted_before(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing
) -> None:
    outcome, _ = await outcome_of(http, account, message, status(23, "REJECTED"))
    assert outcome == Accepted("send-1")


@each
@pytest.mark.parametrize(
    ("number", "group", "suppress"),
    [(10, "REJECTED", True), (14, "REJECTED", True), (52, "REJECTED", True)]
    + [(number, "REJECTED", False) for number in (6, 11, 12, 13, 20)]
    + [(9, "UNDELIVERABLE", False), (15, "EXPIRED", False)],
)
async def test_a_refusal_by_status_is_for_good_and_only_the_addresss_own_suppress_it(
    http: httpx.AsyncClient,
    account: TelephoneAccount,
    message: Outgoing,
    number: int,
    group: str,
    *,
    suppress: bool,
) -> None:
    outcome, _ = await outcome_of(http, account, message, status(number, group))
    assert isinstance(outcome, Rejected)
    assert outcome.suppress == suppress
    assert names_nobody(outcome.reason)


@each
async def test_a_bad_request_is_refused_for_good_without_its_text(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing
) -> None:
    refusal = json.dumps({"errorCode": "E400", "description": EMAIL_TO, "violations": [{"property": APP}]}).encode()
    outcome, _ = await outcome_of(http, account, message, Answer(400, refusal))
    assert isinstance(outcome, Rejected)
    assert not outcome.suppress
    assert names_nobody(outcome.reason)


@each
async def test_a_rate_limit_releases_the_message_for_the_seconds_it_names(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing
) -> None:
    outcome, _ = await outcome_of(http, account, message, Answer(429, headers={"Retry-After": "7"}))
    assert isinstance(outcome, Released)
    assert outcome.retry_after == timedelta(seconds=7)


@each
@pytest.mark.parametrize("code", [401, 403, 404, 307])
async def test_what_is_wrong_with_the_account_releases_the_message(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing, code: int
) -> None:
    outcome, _ = await outcome_of(http, account, message, Answer(code))
    assert isinstance(outcome, Released)
    assert "check" in outcome.reason


@each
@pytest.mark.parametrize("code", [408, 500, 503])
async def test_a_failing_provider_leaves_the_message_unknown(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing, code: int
) -> None:
    outcome, _ = await outcome_of(http, account, message, Answer(code))
    assert isinstance(outcome, Unknown)


@each
@pytest.mark.parametrize(
    "reply",
    [
        Break(),
        Break(b"HTTP/1.1 200 OK\r\nContent-Le"),
        Answer(200, b"<html>"),
        Answer(200, b'{"messages": []}'),
        status(99, "NOVEL"),
    ],
    ids=str,
)
async def test_an_answer_that_is_lost_or_cannot_be_read_leaves_the_message_unknown_and_nothing_is_repeated(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing, reply: Answer | Break
) -> None:
    outcome, server = await outcome_of(http, account, message, reply)
    assert isinstance(outcome, Unknown)
    assert len(server.requests) == 1


async def test_an_answer_that_takes_too_long_leaves_the_message_unknown(http: httpx.AsyncClient) -> None:
    async with serving(Silence()) as server:
        api = InfobipApi(http, base_url=server.url, api_key=SecretStr(SECRET), timeout=timedelta(seconds=0.4))
        email = await InfobipEmail(api, sender="news@shop.example").send(MAIL)
        push = await InfobipPush(api, application_code="F5").send(PUSHED)
    assert email == push == Unknown("the provider did not answer in time")
    assert len(server.requests) == 2


@each
async def test_a_refused_connection_releases_the_message(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing
) -> None:
    with closed_port() as port:
        outcome = await account.connect(http, f"http://127.0.0.1:{port}").send(message)
    assert isinstance(outcome, Released)


@pytest.mark.parametrize(
    ("account", "path"), [(EMAIL, "/email/4/logs"), (PUSH, "/push/3/reports")], ids=["email", "app_push"]
)
@pytest.mark.parametrize(
    ("group", "number", "found"),
    [("DELIVERED", 5, Accepted), ("REJECTED", 6, Rejected), ("NOVEL", 99, type(None))],
)
async def test_a_send_is_looked_up_by_our_id(
    http: httpx.AsyncClient,
    account: TelephoneAccount,
    path: str,
    group: str,
    number: int,
    found: type,
) -> None:
    entries = [
        {"messageId": "send-2", "status": {"id": 5, "groupName": "DELIVERED"}},
        {"messageId": "send-1", "status": {"id": number, "groupName": group}},
    ]
    asked = Asked("send-1", MAIL.to, NOW, NOW)
    async with serving(Answer(200, json.dumps({"results": entries}).encode())) as server:
        client = account.connect(http, server.url)
        assert isinstance(client, Books)
        assert isinstance(await client.look_up(asked), found)
        server.reply = Answer(200, b'{"results": []}')
        assert await client.look_up(asked) is None
    assert server.requests[0].target == f"{path}?messageId=send-1"


@each
async def test_nothing_personal_and_no_secret_is_shown_or_logged(
    http: httpx.AsyncClient, account: TelephoneAccount, message: Outgoing, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"), caplog.at_level("DEBUG", "httpx"):
        await heard(http, account, message)
    assert caplog.records
    assert names_nobody(caplog.text + repr(vars(account.connect(http, "http://127.0.0.1"))))
