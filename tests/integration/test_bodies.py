"""Bodies as libraries send them: packed, as plain text, to short addresses, and those that are meant to do harm."""

from __future__ import annotations

import gzip
import json
import re
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest

from api import app
from api.hooks import route as hooks
from api.taking import MAX_BODY
from journeys.events import MAX_EVENT_BYTES
from tests.integration.calls import Keys, added
from tests.support import ITEM, TestShop

if TYPE_CHECKING:
    from api.state import Services

TRACK = {"type": "track", **added()}
MB = 1024 * 1024
PACKED = {"Content-Encoding": "gzip"}


@pytest.fixture(autouse=True)
def only_the_write_key(api: httpx.AsyncClient) -> None:
    assert isinstance(api.auth, Keys)
    api.auth = api.auth.write


async def names(shop: TestShop) -> list[tuple[str, str]]:
    return [(row["kind"], row["name"]) for row in await shop.parts.pool.fetch("select kind, name from events")]


def event(kind: str) -> dict[str, Any]:
    return {"type": kind, "userId": "ann", "event": "Cart Viewed", "name": "Tents", "groupId": "g", "previousId": "d"}


@pytest.mark.parametrize(
    ("short", "kind"),
    [("t", "track"), ("i", "identify"), ("p", "page"), ("s", "screen"), ("g", "group"), ("a", "alias")],
)
async def test_a_call_by_one_letter_is_that_call(api: httpx.AsyncClient, shop: TestShop, short: str, kind: str) -> None:
    # Whatever type the body claims.
    answer = await api.post(f"/v1/{short}", json={**event(kind), "type": "track"})
    assert answer.status_code == 200
    assert [found for found, _ in await names(shop)] == [kind]


@pytest.mark.parametrize("path", ["batch", "b", "import"])
async def test_a_batch_by_any_of_its_addresses_is_taken(api: httpx.AsyncClient, shop: TestShop, path: str) -> None:
    answer = await api.post(f"/v1/{path}", json={"batch": [event("track"), event("page")]})
    assert answer.json()["success"] is True
    assert sorted(await names(shop)) == [("page", "Tents"), ("track", "Cart Viewed")]


async def test_the_short_addresses_are_not_in_the_documentation(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    assert "/v1/batch" in paths
    assert not paths.keys() & {f"/v1/{short}" for short in ("t", "i", "p", "s", "g", "a", "b", "import")}


@pytest.mark.parametrize("media_type", ["text/plain", "text/plain; charset=utf-8", "application/json", None])
async def test_json_is_read_whatever_it_is_called(
    api: httpx.AsyncClient, shop: TestShop, media_type: str | None
) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    assert (await api.post("/v1/track", content=json.dumps(TRACK), headers=headers)).status_code == 200
    assert len(await names(shop)) == 1


@pytest.mark.parametrize("coding", ["gzip", "GZIP"])
async def test_a_packed_body_is_unpacked(api: httpx.AsyncClient, shop: TestShop, coding: str) -> None:
    body = gzip.compress(json.dumps({"batch": [TRACK]}).encode())
    assert (await api.post("/v1/batch", content=body, headers={"Content-Encoding": coding})).status_code == 200
    assert await names(shop) == [("track", "Product Added")]


GZIP = gzip.compress(json.dumps(TRACK).encode())


@pytest.mark.parametrize(
    ("body", "coding", "status", "detail"),
    [
        pytest.param(gzip.compress(b" " * 50 * MB), "gzip", 413, "500 KB", id="a bomb of 50 MB"),
        pytest.param(gzip.compress(gzip.compress(b" " * 50 * MB)), "gzip", 400, "JSON", id="a bomb in a bomb"),
        pytest.param(gzip.compress(b'"' + b"x" * MAX_BODY), "gzip", 413, "500 KB", id="a byte too much"),
        pytest.param(GZIP[:-3], "gzip", 400, "not a whole gzip file", id="half a file"),
        pytest.param(GZIP[:-6] + b"\0\0\0\0" + GZIP[-2:], "gzip", 400, "not a whole gzip file", id="another checksum"),
        pytest.param(GZIP + GZIP, "gzip", 400, "not a whole gzip file", id="two files"),
        pytest.param(json.dumps(TRACK).encode(), "gzip", 400, "not a whole gzip file", id="not packed"),
        pytest.param(b"", "gzip", 400, "not a whole gzip file", id="nothing"),
        pytest.param(zlib.compress(b"{}"), "deflate", 415, "gzip", id="deflate"),
        pytest.param(b"x", "br", 415, "gzip", id="brotli"),
        pytest.param(GZIP, "gzip, gzip", 415, "gzip", id="twice"),
    ],
)
async def test_a_body_that_cannot_be_unpacked_is_refused(
    api: httpx.AsyncClient, shop: TestShop, body: bytes, coding: str, status: int, detail: str
) -> None:
    answer = await api.post("/v1/track", content=body, headers={"Content-Encoding": coding})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert detail in answer.json()["detail"]
    assert await names(shop) == []


async def test_a_bomb_takes_no_memory(api: httpx.AsyncClient) -> None:
    bomb = gzip.compress(b" " * 50 * MB)
    tracemalloc.start()
    try:
        answer = await api.post("/v1/track", content=bomb, headers=PACKED)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status_code == 413
    assert most < 10 * MB


def sized(size: int) -> bytes:
    """An event of so many bytes, as compact JSON."""
    message = {**TRACK, "properties": {**ITEM, "cart_id": "c-1", "more": ""}}
    missing = size - len(json.dumps(message, separators=(",", ":")))
    message["properties"] |= {"more": "x" * missing}
    return json.dumps(message).encode()


@pytest.mark.parametrize(("size", "status"), [(MAX_EVENT_BYTES, 200), (MAX_EVENT_BYTES + 1, 422)])
async def test_an_event_has_at_most_32_kb(api: httpx.AsyncClient, size: int, status: int) -> None:
    assert (await api.post("/v1/track", content=sized(size))).status_code == status


async def test_what_a_batch_says_once_does_not_count_for_the_size_of_its_events(api: httpx.AsyncClient) -> None:
    largest = {"type": "track", **TRACK, "properties": {**ITEM, "cart_id": "c-1", "more": ""}}
    largest["properties"]["more"] = "x" * (MAX_EVENT_BYTES - len(json.dumps(largest, separators=(",", ":"))))
    said = {"sentAt": "2026-03-10T10:20:00Z", "context": {"locale": "fr-FR"}}
    answer = await api.post("/v1/batch", json={"batch": [largest], **said})
    assert [result["status"] for result in answer.json()["results"]] == ["new"]


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY, 200), (MAX_BODY + 1, 413)])
@pytest.mark.parametrize("packed", [False, True])
async def test_a_batch_has_at_most_500_kb(api: httpx.AsyncClient, size: int, status: int, packed: bool) -> None:  # noqa: FBT001
    body = json.dumps({"batch": [TRACK], "more": ""})
    body = body.replace('"more": ""', f'"more": "{"x" * (size - len(body))}"')
    sent = gzip.compress(body.encode()) if packed else body.encode()
    answer = await api.post("/v1/batch", content=sent, headers=PACKED if packed else {})
    assert answer.status_code == status


LONG = "x" * 10_000
BAD = [
    pytest.param('"a balloon"', "event", id="no object"),
    pytest.param('{"type": "page", "userId": "ann", "name": "\\u0000"}', "event", id="a NUL character"),
    pytest.param('{"type": "page", "userId": "ann", "name": "\\ud800"}', "event", id="a lone surrogate"),
    pytest.param(
        '{"type": "page", "userId": "ann", "properties": ' + '{"a":' * 40 + "1" + "}" * 41, "event", id="deep"
    ),
    pytest.param(f'{{"type": "page", "userId": "{LONG}"}}', "userId", id="a user id of 10 KB"),
    pytest.param(
        f'{{"type": "page", "userId": "ann", "messageId": "{LONG}"}}', "messageId", id="a message id of 10 KB"
    ),
    pytest.param(f'{{"type": "page", "userId": "ann", "name": "{LONG * 4}"}}', "event", id="40 KB"),
    pytest.param('{"type": "balloon", "userId": "ann"}', "type", id="another type"),
]


@pytest.mark.parametrize(("bad", "field"), BAD)
async def test_a_bad_event_in_the_middle_of_a_batch_is_named_and_the_others_are_taken(
    api: httpx.AsyncClient, shop: TestShop, bad: str, field: str
) -> None:
    good = [json.dumps({"type": "page", "userId": "ann", "messageId": f"m-{number}"}) for number in range(4)]
    body = f'{{"batch": [{", ".join([*good[:2], bad, *good[2:]])}]}}'
    results = (await api.post("/v1/batch", content=body)).json()["results"]
    assert [(found["status"], found["field"]) for found in results] == [
        ("new", None),
        ("new", None),
        ("rejected", field),
        ("new", None),
        ("new", None),
    ]
    assert len(await names(shop)) == 4


POSTS = sorted(path for path, calls in app.build(cast("Services", None)).openapi()["paths"].items() if "post" in calls)


@pytest.mark.parametrize("path", POSTS)
async def test_no_endless_body_is_read_to_its_end_whoever_calls(api: httpx.AsyncClient, path: str) -> None:
    came = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal came
        while came < 4 * hooks.MAX_BODY:
            came += 64 * 1024
            yield b"x" * 64 * 1024

    for header in ({}, {"Authorization": "Bearer nobody"}):
        came = 0
        answer = await api.post(
            re.sub(r"{\w+}", "standard", path), content=endless(), headers=header, auth=httpx.Auth()
        )
        # What is wrong with the address is said before the body is looked at; to a person, on a page.
        assert answer.status_code in {401, 404, 413, 422}
        assert path.startswith("/u/") or answer.headers["Content-Type"] == "application/problem+json"
        assert came <= hooks.MAX_BODY + 64 * 1024


async def test_a_batch_may_say_once_on_what_device_its_events_happened(api: httpx.AsyncClient, shop: TestShop) -> None:
    pages = [{"type": "page", "userId": "ann"}, {"type": "page", "userId": "bob", "context": {"locale": "it-IT"}}]
    device = {"locale": "fr-FR", "timezone": "Europe/Paris", "ip": "192.0.2.1"}
    answer = await api.post("/v1/batch", json={"batch": pages, "context": device})
    assert answer.json()["success"] is True
    kept = await shop.parts.pool.fetch("select customer_id, locale, timezone from customers order by 1")
    assert [tuple(row) for row in kept] == [("ann", "fr-FR", "Europe/Paris"), ("bob", "it-IT", "Europe/Paris")]
    assert not await shop.parts.pool.fetchval("select count(*) from events where content::text like '%192.0%'")


async def test_a_batchs_context_is_not_counted_for_each_of_its_events(api: httpx.AsyncClient) -> None:
    body = {"batch": [TRACK], "context": {"locale": "fr-FR", "library": "x" * MAX_EVENT_BYTES}}
    assert (await api.post("/v1/batch", json=body)).json()["results"][0]["status"] == "new"


async def test_an_events_own_device_and_its_batchs_are_both_heard(api: httpx.AsyncClient, shop: TestShop) -> None:
    own = {"type": "page", "userId": "ann", "context": {"device": {"type": "ios", "token": "own"}}}
    shared = {"locale": "fr-FR", "device": {"type": "android", "token": "shared"}}
    await api.post("/v1/batch", json={"batch": [own, {"type": "page", "userId": "bob"}], "context": shared})
    kept = await shop.parts.pool.fetch("select told_by, address from devices order by 1")
    assert [tuple(row) for row in kept] == [("ann", "own"), ("bob", "shared")]
    languages = await shop.parts.pool.fetch("select customer_id, locale from customers order by 1")
    assert [tuple(row) for row in languages] == [("ann", "fr-FR"), ("bob", "fr-FR")]


@pytest.mark.parametrize("locale", ["fr\x00", "\ud800"])
async def test_a_batchs_context_that_cannot_be_kept_keeps_no_event_out(
    api: httpx.AsyncClient, shop: TestShop, locale: str
) -> None:
    body = {"batch": [{"type": "page", "userId": "ann"}], "context": {"locale": locale, "timezone": "Europe/Paris"}}
    assert (await api.post("/v1/batch", content=json.dumps(body))).json()["results"][0]["status"] == "new"
    kept = await shop.parts.pool.fetchrow("select locale, timezone from customers")
    assert tuple(kept or ()) == (None, "Europe/Paris")
