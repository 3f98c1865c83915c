"""Infobip's client against a server on this machine."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from pydantic import SecretStr

from channels.base import Accepted, Outgoing, Rejected, Released, Unknown
from channels.infobip import InfobipAccount, InfobipSms
from channels.infobip_api import InfobipApi
from channels.senders import Senders
from tests.integration.loopback import Answer, Break, Loopback, Silence, closed_port, full_backlog, listening, serving
from tests.support import PATIENCE

MESSAGE = Outgoing(send_id="send-1", to="+33612345678", text="Bonjour Zoé, votre panier vous attend")
KEY = "key-of-the-shop"
SHORT = timedelta(seconds=0.4)


def client(http: httpx.AsyncClient, url: str, timeout: timedelta = timedelta(seconds=10)) -> InfobipSms:
    return InfobipSms(InfobipApi(http, base_url=url, api_key=SecretStr(KEY), timeout=timeout), Senders("Boutique"))


def status(number: int, group: str) -> Answer:
    said = {"id": number, "groupName": group, "description": f"about {MESSAGE.to}"}
    return Answer(200, json.dumps({"messages": [{"messageId": MESSAGE.send_id, "status": said}]}).encode())


def names_nobody(reason: str) -> bool:
    return not any(part in reason for part in (MESSAGE.to[1:], "Zoé", "panier", KEY))


async def heard(http: httpx.AsyncClient) -> Loopback:
    async with serving(status(26, "PENDING")) as server:
        await client(http, server.url).send(MESSAGE)
    return server


async def test_a_message_that_infobip_takes_is_accepted_under_our_own_id(http: httpx.AsyncClient) -> None:
    async with serving(status(26, "PENDING")) as server:
        assert await client(http, server.url).send(MESSAGE) == Accepted("send-1")


async def test_the_call_carries_the_key_our_id_and_no_shortening(http: httpx.AsyncClient) -> None:
    request = (await heard(http)).requests[0]
    assert request.target == "/sms/3/messages"
    assert request.headers["authorization"] == f"App {KEY}"
    assert json.loads(request.body) == {
        "messages": [
            {
                "sender": "Boutique",
                "destinations": [{"to": "33612345678", "messageId": "send-1"}],
                "content": {"text": MESSAGE.text},
            }
        ],
        "options": {"tracking": {"shortenUrl": False}},
    }


async def test_the_settings_of_an_account_reach_the_call(http: httpx.AsyncClient) -> None:
    async with serving(status(26, "PENDING")) as server:
        account = InfobipAccount.model_validate({"base_url": server.url, "api_key": KEY, "sender": "Autre"})
        await account.connect(http).send(MESSAGE)
    assert server.requests[0].headers["authorization"] == f"App {KEY}"
    assert json.loads(server.requests[0].body)["messages"][0]["sender"] == "Autre"


async def test_the_sender_the_report_and_the_validity_reach_the_call(http: httpx.AsyncClient) -> None:
    given = {"base_url": "", "api_key": KEY, "sender": "Boutique", "senders": {"US": "+18005550100", "FR": "36105"}}
    async with serving(status(26, "PENDING")) as server:
        settings = {**given, "base_url": server.url, "report_url": "https://shop.example/receipt"}
        provider = InfobipAccount.model_validate(settings).connect(http)
        await provider.send(dataclasses.replace(MESSAGE, expires_in=timedelta(hours=2)))
        await provider.send(dataclasses.replace(MESSAGE, to="+12025550123"))
        await provider.send(dataclasses.replace(MESSAGE, to="+393331234567"))
    first, *others = (json.loads(request.body)["messages"][0] for request in server.requests)
    assert first["options"] == {"validityPeriod": {"amount": 7200, "timeUnit": "SECONDS"}}
    assert first["webhooks"] == {"delivery": {"url": "https://shop.example/receipt"}}
    assert [m["sender"] for m in (first, *others)] == ["36105", "18005550100", "Boutique"]


@pytest.mark.parametrize(("given", "seconds"), [(timedelta(seconds=1), 10), (timedelta(days=9), 172_800)])
async def test_the_validity_stays_within_what_infobip_takes(
    http: httpx.AsyncClient, given: timedelta, seconds: int
) -> None:
    async with serving(status(26, "PENDING")) as server:
        await client(http, server.url).send(dataclasses.replace(MESSAGE, expires_in=given))
    options = json.loads(server.requests[0].body)["messages"][0]["options"]
    assert options["validityPeriod"]["amount"] == seconds


@pytest.mark.parametrize(
    ("transliterate", "text"), [(True, "La fenetre d'a cote"), (False, "La fenêtre d\u2019a côte")]
)
async def test_a_text_is_written_in_gsm_7_where_the_account_says_so(
    http: httpx.AsyncClient, text: str, *, transliterate: bool
) -> None:
    async with serving(status(26, "PENDING")) as server:
        settings = {"base_url": server.url, "api_key": KEY, "sender": "B", "transliterate": transliterate}
        provider = InfobipAccount.model_validate(settings).connect(http)
        await provider.send(dataclasses.replace(MESSAGE, text="La fenêtre d\u2019a côte"))
    assert json.loads(server.requests[0].body)["messages"][0]["content"]["text"] == text


async def test_a_base_url_may_end_with_a_slash(http: httpx.AsyncClient) -> None:
    async with serving(status(26, "PENDING")) as server:
        await client(http, server.url + "/").send(MESSAGE)
    assert server.requests[0].target == "/sms/3/messages"


async def test_a_repeated_message_counts_as_accepted_before(http: httpx.AsyncClient) -> None:
    async with serving(status(23, "REJECTED")) as server:
        assert await client(http, server.url).send(MESSAGE) == Accepted("send-1")


@pytest.mark.parametrize(
    ("number", "group", "words"),
    [
        (10, "REJECTED", "do-not-disturb"),
        (11, "REJECTED", "not registered"),
        (12, "REJECTED", "no credit"),
        (13, "REJECTED", "sender"),
        (14, "REJECTED", "blocklisted"),
        (52, "REJECTED", "not valid"),
        (6, "REJECTED", "status 6"),
        (9, "UNDELIVERABLE", "status 9"),
        (15, "EXPIRED", "status 15"),
    ],
)
async def test_a_refusal_by_status_is_for_good_and_names_nobody(
    http: httpx.AsyncClient, number: int, group: str, words: str
) -> None:
    async with serving(status(number, group)) as server:
        outcome = await client(http, server.url).send(MESSAGE)
    assert isinstance(outcome, Rejected)
    assert words in outcome.reason
    assert names_nobody(outcome.reason)
    assert outcome.suppress == (number in {10, 14, 52})  # those of the number itself


async def test_a_bad_request_is_refused_for_good_without_its_text(http: httpx.AsyncClient) -> None:
    async with serving(Answer(400, f'{{"errorCode": "E400", "description": "{MESSAGE.to}"}}'.encode())) as server:
        outcome = await client(http, server.url).send(MESSAGE)
    assert isinstance(outcome, Rejected)
    assert names_nobody(outcome.reason)


@pytest.mark.parametrize("code", [401, 403])
async def test_a_wrong_key_releases_the_message_and_tells_what_to_mend(http: httpx.AsyncClient, code: int) -> None:
    async with serving(Answer(code)) as server:
        outcome = await client(http, server.url).send(MESSAGE)
    assert isinstance(outcome, Released)
    assert "check its key" in outcome.reason


@pytest.mark.parametrize("code", [301, 307, 404])
async def test_a_wrong_address_of_the_provider_releases_the_message(http: httpx.AsyncClient, code: int) -> None:
    async with serving(Answer(code, headers={"Location": "https://elsewhere.example/"})) as server:
        outcome = await client(http, server.url).send(MESSAGE)
    assert isinstance(outcome, Released)
    assert "base_url" in outcome.reason


async def test_a_redirect_is_not_followed_even_where_the_http_client_follows_them() -> None:
    async with httpx.AsyncClient(follow_redirects=True) as http, serving(status(26, "PENDING")) as target:
        async with serving(Answer(307, headers={"Location": target.url})) as server:
            assert isinstance(await client(http, server.url).send(MESSAGE), Released)
        assert target.requests == []


async def test_a_rate_limit_releases_the_message_for_the_seconds_it_names(http: httpx.AsyncClient) -> None:
    async with serving(Answer(429, headers={"Retry-After": "120"})) as server:
        outcome = await client(http, server.url).send(MESSAGE)
    assert isinstance(outcome, Released)
    assert outcome.retry_after == timedelta(seconds=120)


async def test_a_rate_limit_releases_the_message_until_the_date_it_names(http: httpx.AsyncClient) -> None:
    until = datetime.now(UTC) + timedelta(minutes=10)
    async with serving(Answer(429, headers={"Retry-After": format_datetime(until, usegmt=True)})) as server:
        outcome = await client(http, server.url).send(MESSAGE)
    assert isinstance(outcome, Released)
    assert outcome.retry_after is not None
    assert timedelta(minutes=9) < outcome.retry_after <= timedelta(minutes=10)


@pytest.mark.parametrize("code", [408, 500, 502, 503, 504])
async def test_a_failing_provider_leaves_the_message_unknown(http: httpx.AsyncClient, code: int) -> None:
    async with serving(Answer(code)) as server:
        assert isinstance(await client(http, server.url).send(MESSAGE), Unknown)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{}", b'{"messages": []}', b'{"messages": [{}]}', b'{"messages": [{"status": {"id": 99}}]}'],
)
async def test_an_answer_that_cannot_be_read_leaves_the_message_unknown(http: httpx.AsyncClient, body: bytes) -> None:
    async with serving(Answer(200, body)) as server:
        assert isinstance(await client(http, server.url).send(MESSAGE), Unknown)


async def test_a_status_of_a_group_that_is_not_known_leaves_the_message_unknown(http: httpx.AsyncClient) -> None:
    async with serving(status(99, "NOVEL")) as server:
        assert isinstance(await client(http, server.url).send(MESSAGE), Unknown)


@pytest.mark.parametrize(
    "after", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
)
async def test_a_reset_after_the_request_was_read_leaves_the_message_unknown(
    http: httpx.AsyncClient, after: bytes
) -> None:
    async with serving(Break(after)) as server:
        assert isinstance(await client(http, server.url).send(MESSAGE), Unknown)
    assert len(server.requests) == 1


async def test_an_answer_in_an_encoding_that_is_broken_leaves_the_message_unknown(http: httpx.AsyncClient) -> None:
    async with serving(Answer(200, b"not gzip", {"Content-Encoding": "gzip"})) as server:
        assert isinstance(await client(http, server.url).send(MESSAGE), Unknown)


async def test_an_answer_that_takes_too_long_leaves_the_message_unknown(http: httpx.AsyncClient) -> None:
    async with serving(Silence()) as server:
        outcome = await client(http, server.url, SHORT).send(MESSAGE)
    assert outcome == Unknown("the provider did not answer in time")
    assert len(server.requests) == 1


async def test_an_answer_that_trickles_is_cut_off_at_the_limit_of_the_whole_call(http: httpx.AsyncClient) -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        # Each byte comes well within the limit, so that no wait for a single one ever ends the call.
        while not writer.is_closing():
            writer.write(b"X")
            await asyncio.sleep(SHORT.total_seconds() / 8)

    async with listening(trickle) as port, asyncio.timeout(PATIENCE.total_seconds()):
        outcome = await client(http, f"http://127.0.0.1:{port}", SHORT).send(MESSAGE)
    assert outcome == Unknown("the provider did not answer in time")


async def test_a_refused_connection_releases_the_message(http: httpx.AsyncClient) -> None:
    with closed_port() as port:
        assert isinstance(await client(http, f"http://127.0.0.1:{port}").send(MESSAGE), Released)


async def test_a_host_that_has_no_address_releases_the_message(http: httpx.AsyncClient) -> None:
    assert isinstance(await client(http, "http://nowhere.invalid").send(MESSAGE), Released)


async def test_a_connection_that_never_comes_about_releases_the_message(http: httpx.AsyncClient) -> None:
    with full_backlog() as port:
        assert isinstance(await client(http, f"http://127.0.0.1:{port}", SHORT).send(MESSAGE), Released)


async def test_a_tls_handshake_that_fails_releases_the_message(http: httpx.AsyncClient) -> None:
    async with serving(Answer(200)) as server:
        outcome = await client(http, server.url.replace("http:", "https:"), SHORT).send(MESSAGE)
    assert isinstance(outcome, Released)
    assert server.requests == []


async def test_a_message_that_waits_in_vain_for_a_free_connection_is_released() -> None:
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=1)) as http, serving(Silence()) as server:
        first = asyncio.create_task(client(http, server.url, PATIENCE).send(MESSAGE))
        await server.heard.wait()
        assert isinstance(await client(http, server.url, SHORT).send(MESSAGE), Released)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
    assert len(server.requests) == 1


async def test_the_client_does_not_show_its_key(http: httpx.AsyncClient) -> None:
    provider = client(http, "http://127.0.0.1")
    assert KEY not in repr(provider)
    assert KEY not in repr(vars(provider))


async def test_nothing_personal_and_no_secret_is_logged(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"), caplog.at_level("DEBUG", "httpx"):
        await heard(http)
    assert caplog.records
    assert names_nobody(caplog.text)
