"""What pages tell by themselves: the door for them, what it refuses, and the script that uses it."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from api import app, capture
from storage import shops
from tests.integration.calls import added
from tests.support import TestShop, without_temporal

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "api" / "static" / "capture.js"
MOST_BYTES = 3_000
PAGE = {"type": "page", "anonymousId": "device-1", "name": "/tents"}
PROOF = {
    "granted": True,
    "text": "Yes, remind me by SMS",
    "at": "2026-03-01T10:15:00.000Z",
    "page": "https://shop.example.com/checkout",
}


def identify(**consent: Any) -> dict[str, Any]:
    traits = {"phone": "+33639980001", "consent": consent}
    return {"type": "identify", "anonymousId": "device-1", "traits": traits}


@pytest_asyncio.fixture
async def write_key(shop: TestShop) -> str:
    return await shops.create_key(shop.parts.pool, shop.shop, "write", "pages")


@pytest_asyncio.fixture
async def page(shop: TestShop, write_key: str) -> Any:
    """A page of the shop: it brings its write key in the body, as text."""
    transport = httpx.ASGITransport(app.build(without_temporal(shop.parts)), raise_app_exceptions=False)

    async def tell(*messages: Any, as_type: str = "text/plain;charset=UTF-8", **more: Any) -> httpx.Response:
        body = {"writeKey": write_key, "batch": [*messages]} | more
        headers = {"Content-Type": as_type, "Origin": "https://shop.example.com"}
        return await client.post("/v1/capture", content=json.dumps(body), headers=headers)

    async with httpx.AsyncClient(transport=transport, base_url="http://relance") as client:
        yield tell


def became(answer: httpx.Response) -> list[tuple[str, str | None]]:
    assert answer.status_code == 200, answer.text
    return [(result["status"], result["field"]) for result in answer.json()["results"]]


# What is taken


@pytest.mark.parametrize("as_type", ["text/plain;charset=UTF-8", "application/json"])
async def test_a_page_tells_what_it_shows_and_what_lies_in_the_cart(page: Any, shop: TestShop, as_type: str) -> None:
    answer = await page(PAGE, {"type": "track", **added()}, as_type=as_type)
    assert became(answer) == [("new", None), ("new", None)]
    assert (await shop.journey("c-1")).status == "running"
    assert await shop.parts.pool.fetchval("select count(*) from events") == 2
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_the_same_message_counts_once(page: Any) -> None:
    message = {**PAGE, "messageId": "m-1"}
    assert became(await page(message)) == [("new", None)]
    assert became(await page(message)) == [("duplicate", None)]


async def test_a_wrong_clock_is_corrected_by_sent_at(page: Any) -> None:
    ahead = {**PAGE, "timestamp": "2100-01-01T00:00:00Z"}
    assert became(await page(ahead)) == [("rejected", "timestamp")]
    assert became(await page(ahead, sentAt="2100-01-01T00:00:02Z")) == [("new", None)]


async def test_a_yes_is_kept_with_its_words_its_moment_and_its_page(page: Any, shop: TestShop) -> None:
    assert became(await page(identify(sms=PROOF))) == [("new", None)]
    kept = await shop.parts.pool.fetchrow(
        "select c.channel, c.purpose, c.granted, c.wording, c.at, e.content from consents c"
        " join events e using (shop, message_id)"
    )
    assert kept
    assert (kept["channel"], kept["purpose"], kept["granted"]) == ("sms", "marketing", True)
    assert kept["wording"] == "Yes, remind me by SMS (https://shop.example.com/checkout)"
    assert kept["at"].isoformat() == "2026-03-01T10:15:00+00:00"
    assert kept["content"]["traits"]["consent"] == {"sms": PROOF}


# What is refused


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(True, id="no proof"),
        pytest.param({"granted": True}, id="an empty proof"),
        *(pytest.param({**PROOF, field: None}, id=f"no {field}") for field in ("text", "at", "page")),
        pytest.param({**PROOF, "text": " \n"}, id="no words"),
        pytest.param({**PROOF, "page": "checkout"}, id="no page"),
        pytest.param({**PROOF, "page": "javascript:alert(1)"}, id="no address of a page"),
        pytest.param({**PROOF, "granted": "yes"}, id="a word for yes"),
        pytest.param({**PROOF, "at": "yesterday"}, id="no moment"),
        pytest.param([{**PROOF, "purpose": "service"}, {"granted": True}], id="no proof of one of two"),
    ],
)
async def test_a_yes_without_its_proof_is_refused_and_nothing_of_it_is_kept(
    page: Any, shop: TestShop, given: Any
) -> None:
    answer = await page(identify(sms=given), PAGE)
    (refused, field), other = became(answer)
    assert refused == "rejected"
    assert field is not None
    assert field.startswith("traits.consent.sms")
    assert re.search("proof|must be", answer.json()["results"][0]["problem"])
    assert other == ("new", None)
    assert await shop.parts.pool.fetchval("select count(*) from events") == 1
    assert await shop.parts.pool.fetchval("select count(*) from consents") == 0


async def test_a_yes_to_each_purpose_brings_its_own_proof(page: Any, shop: TestShop) -> None:
    given = [{**PROOF, "purpose": "service"}, {"granted": False, "purpose": "marketing"}]
    assert became(await page(identify(sms=given))) == [("new", None)]
    rows = await shop.parts.pool.fetch("select purpose, granted from consents order by purpose")
    assert [tuple(row) for row in rows] == [("marketing", False), ("service", True)]


async def test_a_yes_to_a_channel_that_is_not_there_yet_needs_its_proof_as_well(page: Any) -> None:
    assert became(await page(identify(whatsapp=True))) == [("rejected", "traits.consent.whatsapp")]
    assert became(await page(identify(whatsapp=PROOF))) == [("new", None)]


@pytest.mark.parametrize("no", [False, {"granted": False}, {**PROOF, "granted": False}])
async def test_a_no_counts_however_it_is_told(page: Any, shop: TestShop, no: Any) -> None:
    await page(identify(sms=PROOF))
    assert became(await page(identify(sms=no if no is False else {**no, "at": "2026-03-01T10:16:00Z"}))) == [
        ("new", None)
    ]
    assert await shop.parts.pool.fetchval("select granted from consents") is False


@pytest.mark.parametrize(
    "message",
    [
        {"type": "alias", "userId": "ann", "previousId": "bob"},
        {"type": "group", "userId": "ann", "groupId": "staff"},
        {"type": "screen", "userId": "ann"},
        {"type": "delete", "userId": "ann"},
        {"userId": "ann"},
    ],
)
async def test_a_page_may_not_say_who_is_who_besides(page: Any, message: dict[str, Any]) -> None:
    answer = await page(message, PAGE)
    assert became(answer) == [("rejected", "type"), ("new", None)]


async def test_a_bad_event_is_named_and_the_others_are_taken(page: Any) -> None:
    assert became(await page(PAGE, 7, {"type": "page"}, {**PAGE, "anonymousId": "x" * 10_000}, PAGE)) == [
        ("new", None),
        ("rejected", "event"),
        ("rejected", "userId"),
        ("rejected", "anonymousId"),
        ("new", None),
    ]


@pytest.mark.parametrize("key", ["write_wrong", "", None, 7, {"a": 1}, "\ud800", "x\x00"])
async def test_a_wrong_key_is_told_to_the_page_and_the_visitor_is_asked_for_no_password(
    page: Any, shop: TestShop, key: Any
) -> None:
    answer = await page(PAGE, writeKey=key)
    assert answer.status_code == 401
    assert "data-write-key" in answer.json()["detail"]
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert await shop.parts.pool.fetchval("select count(*) from events") == 0


async def test_an_api_key_opens_nothing_here(page: Any, shop: TestShop) -> None:
    key = await shops.create_key(shop.parts.pool, shop.shop, "api", "back office")
    assert (await page(PAGE, writeKey=key)).status_code == 401


@pytest.mark.parametrize(
    ("body", "headers", "status", "detail"),
    [
        pytest.param(b"{", {}, 400, "cannot be read as JSON", id="malformed JSON"),
        pytest.param(b"", {}, 400, "cannot be read as JSON", id="nothing"),
        pytest.param(b"[" * 100_000, {}, 400, "stand too deep", id="very deep"),
        pytest.param(b"[]", {}, 422, "must be a JSON object", id="a list"),
        pytest.param({"batch": {}}, {}, 422, "must be a list", id="no list"),
        pytest.param({}, {}, 422, "must be a list", id="no batch"),
        pytest.param({"batch": [PAGE] * 5_001}, {}, 413, "at most 5000", id="too many"),
        pytest.param({"batch": [], "x": "x" * 512_000}, {}, 413, "500 KB", id="too large"),
        pytest.param(gzip.compress(b"x" * 10**7), {"Content-Encoding": "gzip"}, 413, "500 KB", id="a gzip bomb"),
        pytest.param(b"{}", {"Content-Encoding": "br"}, 415, "gzip", id="packed in another way"),
    ],
)
async def test_a_bad_body_gets_a_problem_document_that_the_page_can_read(
    api: httpx.AsyncClient, write_key: str, body: Any, headers: dict[str, str], status: int, detail: str
) -> None:
    content = body if isinstance(body, bytes) else json.dumps({"writeKey": write_key, **body})
    answer = await api.post("/v1/capture", content=content, headers={"Origin": "https://a.example", **headers})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert detail in answer.json()["detail"]
    assert answer.headers["access-control-allow-origin"] == "*"


# Other origins


async def test_a_browser_that_asks_first_may_send_json_without_cookies(api: httpx.AsyncClient) -> None:
    asked = {
        "Origin": "https://shop.example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = await api.options("/v1/capture", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert "content-type" in answer.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/journeys", "/v1/offers/redeem", "/v1/capture/more"])
async def test_what_takes_no_events_is_not_open_to_pages_of_other_origins(api: httpx.AsyncClient, path: str) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for answer in (await api.options(path, headers=asked), await api.post(path, headers=asked, json={})):
        assert "access-control-allow-origin" not in answer.headers


# The script


async def test_the_script_is_served_to_any_page_and_asked_for_anew_only_when_it_changed(api: httpx.AsyncClient) -> None:
    answer = await api.get("/v1/capture.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "max-age" in answer.headers["cache-control"]
    assert answer.content == capture.SNIPPET
    again = await api.get("/v1/capture.js", headers={"If-None-Match": f"W/{answer.headers['etag']}"})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]
    assert (await api.get("/v1/capture.js", headers={"If-None-Match": '"other"'})).status_code == 200


def test_the_script_is_smaller_than_3_kb_and_depends_on_nothing() -> None:
    assert len(capture.SNIPPET) < MOST_BYTES
    assert b"import" not in capture.SNIPPET
    assert b"http" not in capture.SNIPPET


def test_the_script_that_is_served_was_made_of_its_source_as_it_is_now() -> None:
    made_of = capture.SNIPPET.splitlines()[0].decode().split()[-1]
    assert made_of == hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12], "run make snippet"


def test_the_script_comes_along_wherever_the_program_is_installed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert SOURCE.parent.name + "/*" in settings["tool"]["setuptools"]["package-data"]["api"]
