"""The HTTP API, on the real Postgres."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from api import app
from api.state import Services
from journeys.events import Name
from journeys.offers import Offer
from storage import journeys, offers, shops
from tests.support import ITEM, TestShop


async def temporal_is_down() -> bool:
    return False


@pytest_asyncio.fixture
async def api(shop: TestShop) -> AsyncIterator[httpx.AsyncClient]:
    """The API without Temporal, as the shop's backend and an operator see it."""
    parts = shop.parts
    services = Services(parts.pool, parts.plans, parts.following, parts.links, parts.clock, temporal_is_down)
    transport = httpx.ASGITransport(app.build(services), raise_app_exceptions=False)
    write = await shops.create_key(parts.pool, shop.shop, "write", "test")
    read = await shops.create_key(parts.pool, shop.shop, "api", "test")
    async with httpx.AsyncClient(transport=transport, base_url="http://relance") as client:
        client.auth = Keys(write, read)
        yield client


class Keys(httpx.Auth):
    """The write key for events, the API key for everything else."""

    def __init__(self, write: str, api: str) -> None:
        self.write, self.api = httpx.BasicAuth(write, ""), api

    def auth_flow(self, request: httpx.Request) -> Any:
        if request.url.path in {"/v1/track", "/v1/identify", "/v1/page", "/v1/batch"}:
            yield from self.write.auth_flow(request)
            return
        request.headers["Authorization"] = f"Bearer {self.api}"
        yield request


def added(cart: str = "c-1", **more: Any) -> dict[str, Any]:
    return {
        "userId": "ann",
        "event": "Product Added",
        "properties": {**ITEM, "cart_id": cart, "currency": "EUR"},
    } | more


async def start(api: httpx.AsyncClient, cart: str = "c-1") -> str:
    assert (await api.post("/v1/track", json=added(cart))).status_code == 200
    items = (await api.get("/v1/journeys", params={"key": cart})).json()["items"]
    return str(items[0]["id"])


async def test_an_event_that_was_answered_with_200_is_seen_at_once(api: httpx.AsyncClient, shop: TestShop) -> None:
    journey = await start(api)
    assert journey == f"cart-recovery:{shop.shop}:c-1:1"
    found = (await api.get(f"/v1/journeys/{journey}")).json()
    fields = "id plan plan_version shop customer key status stage outcome started_at ended_at next_at"
    assert set(fields.split()) <= set(found)
    assert (found["status"], found["stage"], found["customer"]) == ("running", "leaves", "ann")


async def test_the_story_tells_what_came_in_what_was_decided_and_what_comes_next(api: httpx.AsyncClient) -> None:
    journey = await start(api)
    order = {"userId": "ann", "event": "Order Completed", "properties": {"order_id": "o-1", "cart_id": "c-1"}}
    story = (await api.get(f"/v1/journeys/{journey}")).json()["story"]
    assert [(line["kind"], line["what"]) for line in story] == [
        ("event", "Product Added"),
        ("decision", "started"),
        ("next", "goes on at step leaves"),
    ]
    await api.post("/v1/track", json=order)
    story = (await api.get(f"/v1/journeys/{journey}")).json()["story"]
    assert [(line["what"], line["why"]) for line in story][-2:] == [
        ("Order Completed", "cart c-1, order o-1"),
        ("ended: converted", "ordered: o-1"),
    ]


async def test_a_bad_event_in_a_batch_is_named_and_the_others_are_taken(api: httpx.AsyncClient) -> None:
    bad = {**added("c-2"), "type": "track", "properties": {**ITEM, "cart_id": "c-2", "price": -1}}
    batch = [{**added("c-1"), "type": "track"}, bad, 7, {**added("c-3"), "type": "track"}]
    answer = await api.post("/v1/batch", json={"batch": batch})
    assert answer.status_code == 200
    assert [(r["status"], r["field"]) for r in answer.json()["results"]] == [
        ("new", None),
        ("rejected", "properties.price"),
        ("rejected", "event"),
        ("new", None),
    ]
    journeys = (await api.get("/v1/journeys")).json()["items"]
    assert {journey["key"] for journey in journeys} == {"c-1", "c-3"}


async def test_a_message_id_that_came_before_is_told_as_a_duplicate(api: httpx.AsyncClient) -> None:
    message = added(messageId="m-1")
    statuses = [(await api.post("/v1/track", json=message)).json()["results"][0]["status"] for _ in range(2)]
    assert statuses == ["new", "duplicate"]


NOW = datetime.now(UTC)
FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z"


def nested(levels: int) -> Any:
    return {"a": nested(levels - 1)} if levels else 1


@pytest.mark.parametrize(
    ("path", "body", "status", "detail"),
    [
        pytest.param("track", b"{", 400, "cannot be read as JSON", id="malformed JSON"),
        pytest.param("track", b"\xff\xfe", 400, "cannot be read as JSON", id="not UTF-8"),
        pytest.param("track", b"[]", 422, "must be a JSON object", id="a list"),
        pytest.param("track", b"[" * 100_000, 400, "cannot be read as JSON", id="very deep"),
        pytest.param("track", {**added(), "context": nested(40)}, 422, "32 levels deep", id="deep"),
        pytest.param("identify", {"userId": "a", "traits": nested(300)}, 422, "32 levels deep", id="deeper"),
        pytest.param("track", {"event": "x"}, 422, "userId", id="nobody"),
        pytest.param("track", {"userId": "a"}, 422, "name of the event", id="no event"),
        pytest.param("track", {"userId": {}, "event": "x"}, 422, "userId", id="an object as id"),
        pytest.param("track", {"userId": "x" * 10_000, "event": "x"}, 422, "at most 256", id="an id of 10 KB"),
        pytest.param("track", {"userId": "a\x00", "event": "x"}, 422, "NUL", id="a NUL character"),
        pytest.param("track", b'{"userId": "\\ud800", "event": "x"}', 422, "surrogate", id="a lone surrogate"),
        pytest.param("track", {**added(), "timestamp": "2026-01-01T00:00:00"}, 422, "with a zone", id="no zone"),
        pytest.param(
            "track", {**added(), "timestamp": "9999-12-31T23:59:59-23:59"}, 422, "timestamp", id="no such time"
        ),
        pytest.param("track", {**added(), "timestamp": FIRST, "sentAt": LAST}, 422, "years from sentAt", id="ages ago"),
        pytest.param("track", {**added(), "timestamp": LAST, "sentAt": FIRST}, 422, "years from sentAt", id="ages on"),
        pytest.param(
            "track", {**added(), "timestamp": (NOW + timedelta(days=3)).isoformat()}, 422, "future", id="the future"
        ),
        pytest.param(
            "track", {**added(), "properties": {**ITEM, "cart_id": "c", "price": "x"}}, 422, "price", id="price"
        ),
        pytest.param(
            "track", {**added(), "properties": {**ITEM, "cart_id": "c", "quantity": -1}}, 422, "quantity", id="quantity"
        ),
        pytest.param(
            "track",
            {**added(), "properties": {**ITEM, "cart_id": "c", "currency": "€"}},
            422,
            "ISO 4217",
            id="currency",
        ),
        pytest.param("track", {**added(), "properties": {"x": "y" * 40_000}}, 422, "32 KB", id="a large event"),
        pytest.param("track", b'{"a": "' + b"x" * 1_000_000 + b'"}', 413, "500 KB", id="1 MB"),
        pytest.param("batch", {"batch": 1}, 422, "list of events", id="no batch"),
        pytest.param("identify", {"userId": "a", "traits": {"consent": 1}}, 422, "traits.consent", id="consent"),
        pytest.param(
            "identify", {"userId": "a", "traits": {"consent": {"sms": "maybe"}}}, 422, "traits.consent.sms", id="word"
        ),
        *(
            pytest.param(
                "identify",
                {"userId": "a", "traits": {"consent": {"sms": {"granted": True, "at": at}}}},
                422,
                "traits.consent.sms.at: must be ISO 8601",
                id=f"consent at {at}",
            )
            for at in ("0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00", 1_700_000_000)
        ),
    ],
)
async def test_bad_input_gets_a_problem_document_that_says_what_to_change(
    api: httpx.AsyncClient, path: str, body: Any, status: int, detail: str
) -> None:
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = await api.post(f"/v1/{path}", **sent)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert detail in problem["detail"]


WORDS = [
    *("cart_id", "order_id", "product_id", "price", "quantity", "currency", "discount", "tax", "cart_url", "products"),
    *("consent", "sms", "email", "granted", "purpose", "text", "at", "locale", "phone"),
]
AROUND = ["type", "userId", "anonymousId", "messageId", "timestamp", "sentAt", "event", "name", "properties", "traits"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([FIRST, LAST, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner),
    max_leaves=12,
)


@given(
    kind=st.sampled_from(["track", "identify", "page"]),
    event=st.sampled_from([*Name, "Balloon Popped"]),
    properties=st.dictionaries(st.sampled_from(WORDS), JSON),
    around=st.dictionaries(st.sampled_from(AROUND), JSON),
)
async def test_whatever_an_event_holds_it_is_taken_or_named_and_the_next_one_is_taken(
    api: httpx.AsyncClient, kind: str, event: str, properties: Any, around: Any
) -> None:
    odd = {"type": kind, "userId": "ann", "event": event, "properties": properties, "traits": properties} | around
    good = {"type": "track", "userId": "bob", "event": "Balloon Popped"}
    answer = await api.post("/v1/batch", content=json.dumps({"batch": [odd, good]}))
    assert answer.status_code == 200
    assert [result["status"] in {"new", "duplicate", "rejected"} for result in answer.json()["results"]] == [True, True]
    assert answer.json()["results"][1]["status"] == "new"


async def test_our_own_mistake_with_one_event_keeps_no_other_out(api: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.parts.pool.execute(
        "create function fail() returns trigger language plpgsql as $$ begin"
        " if new.message_id = 'm-2' then raise exception 'x'; end if; return new; end $$"
    )
    await shop.parts.pool.execute("create trigger fail before insert on events for each row execute function fail()")
    batch = [{"type": "track", **added(f"c-{n}"), "messageId": f"m-{n}"} for n in (1, 2, 3)]
    assert (await api.post("/v1/batch", json={"batch": batch})).status_code == 500
    await shop.parts.pool.execute("drop trigger fail on events")
    results = (await api.post("/v1/batch", json={"batch": batch})).json()["results"]
    assert [result["status"] for result in results] == ["duplicate", "new", "duplicate"]


@pytest.mark.parametrize(
    "text", ["gid://shopify/Cart/1", "jane@example.com", "'; drop table carts; --", "{{7*7}}", "💥"]
)
async def test_any_text_is_a_fine_id(api: httpx.AsyncClient, text: str) -> None:
    message = added(text, userId=text, messageId=text)
    assert (await api.post("/v1/track", json=message)).status_code == 200
    items = (await api.get("/v1/journeys", params={"key": text})).json()["items"]
    assert [(item["key"], item["customer"]) for item in items] == [(text, text)]
    assert text not in items[0]["id"]


async def test_an_unknown_event_is_kept_and_starts_nothing(api: httpx.AsyncClient, shop: TestShop) -> None:
    answer = await api.post(
        "/v1/track", json={"userId": "ann", "event": "Balloon Popped", "properties": {"cart_id": "c"}}
    )
    assert answer.status_code == 200
    assert await shop.parts.pool.fetchval("select name from events") == "Balloon Popped"
    assert (await api.get("/v1/journeys")).json() == {"items": [], "next_cursor": None}


async def test_keys_open_only_their_own_doors(api: httpx.AsyncClient, shop: TestShop) -> None:
    write = await shops.create_key(shop.parts.pool, shop.shop, "write", "")
    read = await shops.create_key(shop.parts.pool, shop.shop, "api", "")
    api.auth = httpx.BasicAuth(read, "")
    assert (await api.post("/v1/track", json=added())).status_code == 401
    api.auth = httpx.Auth()
    assert (await api.get("/v1/journeys", headers={"Authorization": f"Bearer {write}"})).status_code == 401
    assert (await api.get("/v1/journeys")).status_code == 401


async def test_a_revoked_key_opens_nothing(api: httpx.AsyncClient, shop: TestShop) -> None:
    for key in await shops.list_keys(shop.parts.pool, shop.shop):
        assert await shops.revoke_key(shop.parts.pool, key.key_id)
    assert (await api.get("/v1/journeys")).status_code == 401


async def test_another_shop_sees_nothing_of_a_journey(api: httpx.AsyncClient, shop: TestShop) -> None:
    journey = await start(api)
    other = TestShop(shop.parts)
    await other.open()
    key = await shops.create_key(shop.parts.pool, other.shop, "api", "")
    api.auth = httpx.Auth()
    headers = {"Authorization": f"Bearer {key}"}
    assert (await api.get(f"/v1/journeys/{journey}", headers=headers)).status_code == 404
    assert (await api.post(f"/v1/journeys/{journey}/cancel", headers=headers)).status_code == 404
    assert (await api.get("/v1/journeys", headers=headers)).json()["items"] == []


async def test_pages_follow_one_another_without_gap_or_repetition(api: httpx.AsyncClient) -> None:
    for number in range(5):
        await start(api, f"c-{number}")
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/v1/journeys", params=params)).json()
        seen += [item["key"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"c-{number}" for number in reversed(range(5))]


def made_up(cursor: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "e30=", "bnVsbA==", "WzEsMl0=", "WyI5OTk5LTEyLTMxVDIzOjU5OjU5LTIzOjU5IiwgIngiXQ=="),
        *(made_up([NOW.isoformat(), last]) for last in ("\0", "\ud800", 7, None)),
    ],
)
async def test_a_cursor_that_was_made_up_is_refused(api: httpx.AsyncClient, cursor: str) -> None:
    assert (await api.get("/v1/journeys", params={"cursor": cursor})).status_code == 400


async def test_pausing_resuming_and_cancelling_change_what_is_shown(api: httpx.AsyncClient) -> None:
    journey = await start(api)
    for _ in range(2):
        paused = (await api.post(f"/v1/journeys/{journey}/pause")).json()
        assert (paused["status"], paused["next_at"]) == ("paused", None)
    last = (await api.get(f"/v1/journeys/{journey}")).json()["story"][-1]
    assert (last["kind"], last["what"]) == ("next", "waits until it is resumed")
    assert last["why"].startswith(("1:59:", "2:00:00"))
    assert last["why"].endswith(" left of step leaves")
    assert (await api.post(f"/v1/journeys/{journey}/resume")).json()["status"] == "running"
    cancelled = (await api.post(f"/v1/journeys/{journey}/cancel", json={"reason": "asked by telephone"})).json()
    assert (cancelled["status"], cancelled["outcome"], cancelled["reason"]) == (
        "ended",
        "cancelled",
        "asked by telephone",
    )
    for command in ("pause", "resume", "cancel"):
        assert (await api.post(f"/v1/journeys/{journey}/{command}")).status_code == 409


async def ended_cart(api: httpx.AsyncClient, cart: str) -> None:
    """A cart that the shop has told of and no plan follows: its only event is not one that starts anything."""
    message = {**added(cart), "event": "Product Added", "timestamp": (NOW - timedelta(hours=20)).isoformat()}
    assert (await api.post("/v1/track", json=message)).status_code == 200


async def test_a_journey_can_be_started_by_hand_once(api: httpx.AsyncClient) -> None:
    await ended_cart(api, "c-1")
    body = {"plan": "cart-recovery", "key": "c-1"}
    first = await api.post("/v1/journeys", json=body, headers={"Idempotency-Key": "k-1"})
    again = await api.post("/v1/journeys", json=body, headers={"Idempotency-Key": "k-1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await api.post("/v1/journeys", json=body)).status_code == 409
    other = await api.post("/v1/journeys", json={**body, "key": "c-2"}, headers={"Idempotency-Key": "k-1"})
    assert other.status_code == 422


async def test_many_calls_with_one_key_start_one_journey(api: httpx.AsyncClient) -> None:
    await ended_cart(api, "c-1")
    body, headers = {"plan": "cart-recovery", "key": "c-1"}, {"Idempotency-Key": "k"}
    answers = await asyncio.gather(*(api.post("/v1/journeys", json=body, headers=headers) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len((await api.get("/v1/journeys")).json()["items"]) == 1
    repeated = await api.post("/v1/journeys", json=body, headers=headers)
    assert repeated.status_code == 201


async def test_a_start_whose_answer_could_not_be_kept_has_not_happened(api: httpx.AsyncClient, shop: TestShop) -> None:
    await ended_cart(api, "c-1")
    body, headers = {"plan": "cart-recovery", "key": "c-1"}, {"Idempotency-Key": "k"}
    pool = shop.parts.pool
    await pool.execute(
        "create function fail() returns trigger language plpgsql as $$ begin raise exception 'x'; end $$"
    )
    await pool.execute("create trigger fail before update on idempotency for each row execute function fail()")
    assert (await api.post("/v1/journeys", json=body, headers=headers)).status_code == 500
    assert (await api.get("/v1/journeys")).json()["items"] == []
    await pool.execute("drop trigger fail on idempotency")
    assert (await api.post("/v1/journeys", json=body, headers=headers)).status_code == 201


async def test_an_offer_is_found_by_its_code_and_by_its_person(api: httpx.AsyncClient, shop: TestShop) -> None:
    journey = await start(api)
    offer = Offer(kind="free_shipping", deadline=NOW + timedelta(days=1))
    async with shop.parts.pool.acquire() as db:
        made = await offers.make(db, await journeys.get(db, journey), "second", offer, NOW)
    found = (await api.get(f"/v1/offers/{made.code.lower()}")).json()
    assert (found["code"], found["state"], found["journey"]) == (made.code, "issued", journey)
    assert (await api.get("/v1/offers", params={"customer": "ann"})).json() == {"items": [found], "next_cursor": None}
    assert (await api.get("/v1/offers", params={"customer": "bob"})).json()["items"] == []
    used = await api.post(f"/v1/offers/{made.code}/redeem", json={"order_id": "o-1"})
    assert (used.status_code, used.json()["state"], used.json()["redeemed_by"]) == (200, "redeemed", "o-1")
    assert (await api.post(f"/v1/offers/{made.code}/redeem", json={"order_id": "o-2"})).status_code == 409
    for nobodys in ("AAAA", "%00", "a'--", "é"):
        assert (await api.get(f"/v1/offers/{nobodys}")).status_code == 404


@pytest.mark.parametrize("path", ["/v1/journeys", "/v1/offers/A/redeem", "/v1/journeys/j/cancel"])
async def test_a_body_that_is_no_json_is_told_alike_everywhere(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.post(path, content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["title"]) == (400, "The body is not JSON")


@pytest.mark.parametrize(
    ("body", "status"),
    [({"plan": "x", "key": "c"}, 404), ({"plan": "cart-recovery", "key": "x"}, 409), ({"plan": "cart-recovery"}, 422)],
)
async def test_what_cannot_be_started_is_refused(api: httpx.AsyncClient, body: dict[str, str], status: int) -> None:
    answer = await api.post("/v1/journeys", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    ("code", "status"),
    [("40P01", 503), ("57014", 503), ("57P01", 503), ("53300", 503), ("08006", 503), ("P0001", 500)],
    ids=["deadlock", "timeout", "shutdown", "too many connections", "connection lost", "our mistake"],
)
async def test_trouble_of_the_database_is_told_as_passing_and_nothing_of_a_row_is_said(
    api: httpx.AsyncClient, shop: TestShop, code: str, status: int
) -> None:
    await shop.parts.pool.execute(
        "create function fail() returns trigger language plpgsql as $$ begin"
        f" raise exception 'Key (email)=(jane@example.com)' using errcode = '{code}'; end $$"
    )
    await shop.parts.pool.execute("create trigger fail before insert on events for each row execute function fail()")
    for path, body in (("/v1/track", added()), ("/v1/batch", {"batch": [{"type": "track", **added()}]})):
        answer = await api.post(path, json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert ("Retry-After" in answer.headers) is (status == 503)
        assert "jane" not in answer.text
    await shop.parts.pool.execute("drop trigger fail on events")
    assert (await api.post("/v1/track", json=added())).json()["results"][0]["status"] == "new"


async def test_readiness_says_that_temporal_is_down_and_events_are_taken_all_the_same(api: httpx.AsyncClient) -> None:
    await start(api)
    ready = await api.get("/readyz")
    assert ready.status_code == 200
    assert (ready.json()["temporal"], ready.json()["outbox"]["waiting"]) == ("down", 1)
    assert (await api.get("/healthz")).json() == {"status": "ok"}


async def test_the_signed_link_brings_the_cart_back_on_any_device(api: httpx.AsyncClient, shop: TestShop) -> None:
    await start(api)
    token = shop.parts.links.token(shop.shop, "c-1")
    redirect = await api.get(f"/c/{token}")
    assert redirect.status_code == 302
    assert redirect.headers["location"] == f"https://shop.example.com/cart?relance={token}"
    lines = (await api.get(f"/c/{token}", headers={"Accept": "application/json"})).json()
    assert (lines["cart_id"], [item["name"] for item in lines["items"]]) == ("c-1", ["Teapot"])
    assert (await api.get(f"/c/{token[:-2]}xx")).status_code == 404


async def test_every_route_is_in_the_openapi_document(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    assert {"/v1/track", "/v1/identify", "/v1/page", "/v1/batch", "/v1/journeys", "/v1/journeys/{journey}"} <= set(
        paths
    )
    assert (await api.get("/docs")).status_code == 200


async def test_every_error_is_documented_as_the_problem_document_it_is(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        for route in methods.values():
            errors = {code: answer for code, answer in route["responses"].items() if code >= "400"}
            assert {"401", "422", "503"} <= set(errors) or not path.startswith("/v1/")
            if path.startswith("/v1/"):
                assert {tuple(answer["content"]) for answer in errors.values()} == {("application/problem+json",)}
