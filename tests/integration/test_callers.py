"""Who may tell events, by which key, from where."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from api import known_keys, tracking
from api.known_keys import KnownKeys
from storage import shops
from tests.integration.calls import Keys, added
from tests.support import TestShop

BASIC, BEARER = 'Basic realm="relance"', "Bearer"


@pytest_asyncio.fixture
async def door(api: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """The API, called with no key but what a test gives."""
    assert isinstance(api.auth, Keys)
    api.auth = httpx.Auth()
    yield api


@pytest_asyncio.fixture
async def keys(shop: TestShop) -> dict[str, str]:
    """A key of each kind, one of another shop, one that was revoked, and one that never was."""
    pool = shop.parts.pool
    await shops.create(pool, "other", "Another shop")
    made = {
        "write": await shops.create_key(pool, shop.shop, "write", "w"),
        "api": await shops.create_key(pool, shop.shop, "api", "a"),
        "other": await shops.create_key(pool, "other", "write", "o"),
        "revoked": await shops.create_key(pool, shop.shop, "write", "revoked"),
    }
    (gone,) = (key for key in await shops.list_keys(pool, shop.shop) if key.label == "revoked")
    assert await shops.revoke_key(pool, gone.key_id)
    return made | {"unknown": "write_that_never_was", "odd": "\ud800", "long": "k" * 10_000}


def basic(key: str) -> dict[str, str]:
    return {"Authorization": httpx.BasicAuth(key, "")._auth_header}  # noqa: SLF001 as httpx says it


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def call(path: str, **more: Any) -> dict[str, Any]:
    event = {"type": "track", **added()}
    return ({"batch": [event]} if path == "batch" else event) | more


async def told(shop: TestShop) -> list[tuple[str, bool]]:
    rows = await shop.parts.pool.fetch("select shop, content from events order by received_at")
    return [(row["shop"], row["content"]["from_backend"]) for row in rows]


@pytest.mark.parametrize("path", ["track", "batch"])
async def test_a_write_key_tells_as_anybody_may(
    door: httpx.AsyncClient, shop: TestShop, keys: dict[str, str], path: str
) -> None:
    for headers, body in ((basic(keys["write"]), call(path)), ({}, call(path, writeKey=keys["write"]))):
        assert (await door.post(f"/v1/{path}", json=body, headers=headers)).status_code == 200
    assert await told(shop) == [(shop.shop, False)] * 2


@pytest.mark.parametrize("path", ["track", "batch"])
async def test_an_api_key_tells_as_the_shops_backend(
    door: httpx.AsyncClient, shop: TestShop, keys: dict[str, str], path: str
) -> None:
    for headers in (basic(keys["api"]), bearer(keys["api"])):
        assert (await door.post(f"/v1/{path}", json=call(path), headers=headers)).status_code == 200
    assert await told(shop) == [(shop.shop, True)] * 2


async def test_the_headers_key_wins_over_the_bodys(
    door: httpx.AsyncClient, shop: TestShop, keys: dict[str, str]
) -> None:
    body = call("track", writeKey=keys["other"])
    assert (await door.post("/v1/track", json=body, headers=basic(keys["write"]))).status_code == 200
    assert await told(shop) == [(shop.shop, False)]


@pytest.mark.parametrize("path", ["track", "batch"])
@pytest.mark.parametrize(
    ("headers", "key", "challenge"),
    [
        pytest.param(None, None, BEARER, id="no key"),
        pytest.param(None, "unknown", BEARER, id="a made-up key in the body"),
        pytest.param(None, "revoked", BEARER, id="a revoked key in the body"),
        pytest.param(None, "odd", BEARER, id="half a character in the body"),
        pytest.param(None, "api", BEARER, id="an API key in the body"),
        pytest.param("unknown", "write", BASIC, id="a made-up key in the header, a good one in the body"),
        pytest.param("revoked", None, BASIC, id="a revoked key in the header"),
        pytest.param("long", None, BASIC, id="a key of 10 KB"),
    ],
)
async def test_no_other_key_tells_anything(
    door: httpx.AsyncClient,
    shop: TestShop,
    keys: dict[str, str],
    path: str,
    headers: str | None,
    key: str | None,
    challenge: str,
) -> None:
    body = call(path, **({"writeKey": keys[key]} if key else {}))
    answer = await door.post(f"/v1/{path}", content=json.dumps(body), headers=basic(keys[headers]) if headers else {})
    assert (answer.status_code, answer.json()["title"]) == (401, "No valid write key")
    # A page's visitor must not be asked for a password because the page has a wrong key.
    assert answer.headers["WWW-Authenticate"] == challenge
    assert await told(shop) == []


@pytest.mark.parametrize("key", [7, None, [], {}, ""])
async def test_a_write_key_that_is_no_text_is_refused(door: httpx.AsyncClient, key: Any) -> None:
    assert (await door.post("/v1/track", json=call("track", writeKey=key))).status_code == 401


async def test_a_wrong_key_in_the_header_is_refused_before_the_body_is_read(
    door: httpx.AsyncClient, keys: dict[str, str]
) -> None:
    answer = await door.post("/v1/track", content=b"{", headers=basic(keys["unknown"]))
    assert answer.status_code == 401


# Keys are remembered for a moment


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


async def test_a_revoked_key_is_refused_once_the_memory_is_over(shop: TestShop) -> None:
    clock = Clock()
    known = KnownKeys(clock)
    pool = shop.parts.pool
    secret = await shops.create_key(pool, shop.shop, "write", "test")
    found = await known.find(pool, secret)
    assert found is not None
    assert await shops.revoke_key(pool, found.key_id)
    clock.seconds += known_keys.KEPT_FOR - 0.001
    assert await known.find(pool, secret) == found
    clock.seconds += 0.001
    assert await known.find(pool, secret) is None
    assert await known.find(pool, secret) is None


async def test_a_key_that_is_made_after_it_was_asked_for_is_good_at_once(shop: TestShop) -> None:
    known = KnownKeys(Clock())
    assert await known.find(shop.parts.pool, "write_soon") is None
    await shops.create_key(shop.parts.pool, shop.shop, "write", "test", "write_soon")
    found = await known.find(shop.parts.pool, "write_soon")
    assert found is not None
    assert (found.shop, found.kind) == (shop.shop, "write")


async def test_made_up_keys_fill_no_memory(shop: TestShop) -> None:
    known = KnownKeys(Clock())
    for number in range(50):
        assert await known.find(shop.parts.pool, f"write_{number}") is None
    assert known._known == {}  # noqa: SLF001 the memory


async def test_the_memory_has_an_end(shop: TestShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_keys, "_MOST", 3)
    known = KnownKeys(Clock())
    for number in range(10):
        secret = await shops.create_key(shop.parts.pool, shop.shop, "write", f"key {number}")
        assert await known.find(shop.parts.pool, secret)
        assert len(known._known) <= 3  # noqa: SLF001 the memory


# From pages of any origin


@pytest.mark.parametrize("path", sorted(tracking.DOORS))
async def test_a_page_of_any_origin_may_ask_and_call(door: httpx.AsyncClient, keys: dict[str, str], path: str) -> None:
    page = {"Origin": "https://shop.example.com"}
    asks = page | {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-retry-count",
    }
    allowed = await door.options(path, headers=asks)
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in allowed.headers
    named = set(allowed.headers["Access-Control-Allow-Headers"].lower().replace(" ", "").split(","))
    assert named >= {"authorization", "content-type", "x-retry-count"}
    answer = await door.post(path, content=b"{}", headers=page | basic(keys["write"]))
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Expose-Headers"] == "Retry-After"


async def test_pages_may_not_steer_journeys(door: httpx.AsyncClient, keys: dict[str, str]) -> None:
    page = {"Origin": "https://shop.example.com"}
    answer = await door.get("/v1/journeys", headers=page | bearer(keys["api"]))
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    asks = page | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    assert (await door.options("/v1/journeys", headers=asks)).status_code == 405


async def test_a_library_is_told_where_to_send_to(door: httpx.AsyncClient, keys: dict[str, str]) -> None:
    answer = await door.get(f"/v1/projects/{keys['write']}/settings", headers={"Origin": "https://shop.example.com"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    # Of tests/support.py: https://relance.example.com
    told_to = {"apiKey": keys["write"], "apiHost": "relance.example.com/v1", "protocol": "https"}
    assert answer.json()["integrations"] == {"Segment.io": told_to}


@pytest.mark.parametrize("key", ["api", "unknown", "revoked"])
async def test_a_library_with_another_key_is_told_nothing(
    door: httpx.AsyncClient, keys: dict[str, str], key: str
) -> None:
    answer = await door.get(f"/v1/projects/{keys[key]}/settings")
    assert (answer.status_code, answer.json()["title"]) == (404, "No such write key")
