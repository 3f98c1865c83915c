"""The tracking doors: whatever is sent, good events are taken and bad ones are named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.events import KINDS, Name
from storage import shops
from tests.integration.calls import added
from tests.support import ITEM, TestShop


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
        pytest.param("track", b"[" * 100_000, 400, "stand too deep", id="very deep"),
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
    *("total", "checkout_id", "email_verified", "send_id", "reason", "price", "suppress"),
]
AROUND = [
    *("type", "userId", "anonymousId", "messageId", "timestamp", "originalTimestamp", "sentAt", "event", "name"),
    *("properties", "traits", "context", "previousId", "groupId", "writeKey"),
]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([FIRST, LAST, 10**400, "1e-20000"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner),
    max_leaves=12,
)


@given(
    kind=st.sampled_from(KINDS),
    event=st.sampled_from([*Name, "Balloon Popped"]),
    properties=st.dictionaries(st.sampled_from(WORDS), JSON),
    around=st.dictionaries(st.sampled_from(AROUND), JSON),
    key=st.sampled_from(["write", "api"]),
)
async def test_whatever_an_event_holds_it_is_taken_or_named_and_the_next_one_is_taken(
    api: httpx.AsyncClient, shop: TestShop, kind: str, event: str, properties: Any, around: Any, key: str
) -> None:
    odd = {"type": kind, "userId": "ann", "event": event, "properties": properties, "traits": properties} | around
    good = {"type": "track", "userId": "bob", "event": "Balloon Popped"}
    secret = await shops.create_key(shop.parts.pool, shop.shop, key, "test")
    answer = await api.post("/v1/batch", content=json.dumps({"batch": [odd, good]}), auth=(secret, ""))
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


@pytest.mark.parametrize("field", ["userId", "anonymousId"])
async def test_an_empty_id_is_none_as_libraries_for_phones_send_it(
    api: httpx.AsyncClient, shop: TestShop, field: str
) -> None:
    known = {"userId": "ann", "anonymousId": "device-9"} | {field: ""}
    message = {"type": "screen", "name": "", "messageId": "", **known}
    results = (await api.post("/v1/batch", json={"batch": [message, message]})).json()["results"]
    assert [result["status"] for result in results] == ["new", "new"]
    rows = await shop.parts.pool.fetch("select name, content from events")
    assert {(row["name"], row["content"]["user_id"], row["content"]["anonymous_id"]) for row in rows} == {
        ("screen", known["userId"] or None, known["anonymousId"] or None)
    }
    nobody = (await api.post("/v1/page", json={"userId": "", "anonymousId": ""})).json()
    assert nobody["errors"][0]["field"] == "userId"


async def test_a_name_that_is_nearly_right_is_taken_and_noted(api: httpx.AsyncClient) -> None:
    batch = [{"type": "track", **added(), "event": name} for name in ("product added", "Product Added")]
    results = (await api.post("/v1/batch", json={"batch": batch})).json()["results"]
    assert [result["status"] for result in results] == ["new", "new"]
    assert [result["note"] for result in results] == [
        "did you mean 'Product Added'? This name has no effect on carts",
        None,
    ]
    assert (await api.post("/v1/track", json=batch[0])).json()["results"][0]["note"] == results[0]["note"]
