"""The HTTP API on the real Postgres: journeys, offers, keys, links, errors and its own document."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from journeys.facts import Channel
from journeys.offers import Offer
from storage import journeys, offers, provider_health, reconcile, shops
from tests.integration.calls import added, start
from tests.support import PATIENCE, WAITING_FOR_A_LOCK, TestShop, until


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


NOW = datetime.now(UTC)


async def test_a_write_key_steers_no_journey(api: httpx.AsyncClient, shop: TestShop) -> None:
    write = await shops.create_key(shop.parts.pool, shop.shop, "write", "")
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
        *(made_up(["2027-01-01T00:00:00+00:00", last]) for last in ("\0", "\ud800", 7, None)),
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
    assert 201 in {answer.status_code for answer in answers} <= {201, 409}
    assert len((await api.get("/v1/journeys")).json()["items"]) == 1
    repeated = await api.post("/v1/journeys", json=body, headers=headers)
    assert repeated.status_code == 201


async def test_while_a_start_runs_others_with_its_key_are_told_to_come_again_and_hold_nobody_up(
    api: httpx.AsyncClient, shop: TestShop
) -> None:
    await ended_cart(api, "c-1")
    body, headers = {"plan": "cart-recovery", "key": "c-1"}, {"Idempotency-Key": "k"}
    async with shop.parts.pool.acquire() as db:
        held = db.transaction()
        await held.start()
        await db.execute("select from customers for update")
        first = asyncio.create_task(api.post("/v1/journeys", json=body, headers=headers))
        await until(lambda: shop.parts.pool.fetchval(WAITING_FOR_A_LOCK))
        async with asyncio.timeout(PATIENCE.total_seconds()):
            others = await asyncio.gather(*(api.post("/v1/journeys", json=body, headers=headers) for _ in range(20)))
        another = await api.post("/v1/journeys", json={**body, "plan": "none"}, headers={"Idempotency-Key": "k-2"})
        assert not first.done()
        await held.rollback()
    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in others} == {(409, "1")}
    assert others[0].json()["title"] == "The first call still runs"
    assert another.status_code == 404
    begun = await first
    again = await api.post("/v1/journeys", json=body, headers=headers)
    assert (begun.status_code, again.status_code, again.json()) == (201, 201, begun.json())
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_the_document_tells_that_a_start_may_have_to_come_again(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    conflict = paths["/v1/journeys"]["post"]["responses"]["409"]
    assert conflict["headers"]["Retry-After"]["required"] is False
    assert "headers" not in paths["/v1/journeys/{journey}/cancel"]["post"]["responses"]["409"]


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
        made = await offers.make(db, await journeys.get(db, journey), "second", offer, NOW, offers.new_code())
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


async def test_a_body_that_is_nested_too_deep_is_told_as_that(api: httpx.AsyncClient) -> None:
    answer = await api.put("/v1/plans/deep", content=b'{"plan": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert (answer.status_code, answer.json()["title"]) == (400, "The body is nested too deep")


async def test_a_wrong_method_is_told_all_that_the_address_has(api: httpx.AsyncClient) -> None:
    for path, methods in (("/v1/journeys", "GET, POST"), ("/v1/journeys/j/pause", "POST"), ("/healthz", "GET")):
        answer = await api.delete(path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, methods)


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


async def test_readiness_names_the_provider_that_fails_for_everybody_and_is_ready_all_the_same(
    api: httpx.AsyncClient, shop: TestShop
) -> None:
    now = datetime.now(UTC)
    for _ in range(provider_health.OPENS_AFTER):
        assert (await api.get("/readyz")).json()["providers_down"] == []
        await provider_health.failed(shop.parts.pool, shop.shop, Channel.SMS, "infobip", "HTTP 401", now)
    ready = await api.get("/readyz")
    assert (ready.status_code, ready.json()["providers_down"]) == (200, ["infobip (sms)"])


async def test_what_was_repaired_is_told_by_readiness_and_counted_for_prometheus(
    api: httpx.AsyncClient, shop: TestShop
) -> None:
    await shop.fill()
    pool = shop.parts.pool
    await pool.execute("delete from outbox")
    await pool.execute("update journeys set next_at = now() - interval '11 minutes'")
    assert (await api.get("/readyz")).json()["repaired"] == {"last_day": 0}
    assert "relance_journeys_overdue 1.0" in (await api.get("/metrics")).text
    assert await reconcile.start_again(pool, (await shop.journey()).id)
    assert (await api.get("/readyz")).json()["repaired"] == {"last_day": 1}
    told = (await api.get("/metrics")).text
    assert 'relance_repairs_total{what="start_lost"} 1.0' in told
    assert 'relance_repairs_total{what="workflow_terminated"} 0.0' in told
    lines = (await api.get(f"/v1/journeys/{(await shop.journey()).id}")).json()["story"]
    assert ("repaired: started again", "its workflow had never started") in [(x["what"], x["why"]) for x in lines]


async def test_readiness_and_metrics_tell_what_waits_for_temporal_for_how_long_and_what_is_parked(
    api: httpx.AsyncClient, shop: TestShop
) -> None:
    await start(api)
    await shop.parts.pool.execute("update outbox set wanted_at = now() - interval '1 hour'")
    await shop.parts.pool.execute(
        "insert into outbox (journey, parked_at, wanted_at) select journey, now(), '2020-01-01' from outbox"
    )
    stands = (await api.get("/readyz")).json()["outbox"]
    assert (stands["waiting"], stands["parked"]) == (1, 1)
    assert 3600 <= stands["oldest_seconds"] < 3660
    lines = (await api.get("/metrics")).text.splitlines()
    assert {"relance_outbox_waiting 1.0", "relance_outbox_parked 1.0"} <= set(lines)
    [oldest] = [line for line in lines if line.startswith("relance_outbox_oldest_seconds ")]
    assert 3600 <= float(oldest.split()[1]) < 3660


async def test_the_signed_link_brings_the_cart_back_on_any_device(api: httpx.AsyncClient, shop: TestShop) -> None:
    await start(api)
    token = shop.parts.links.token(shop.shop, "c-1")
    redirect = await api.get(f"/c/{token}")
    assert redirect.status_code == 302
    assert redirect.headers["location"] == f"https://shop.example.com/cart?relance={token}"
    lines = (await api.get(f"/c/{token}", headers={"Accept": "application/json"})).json()
    assert (lines["cart_id"], [item["name"] for item in lines["items"]]) == ("c-1", ["Teapot"])
    assert (await api.get(f"/c/{token[:-2]}xx")).status_code == 404


async def test_the_document_and_its_page_are_served(api: httpx.AsyncClient) -> None:
    assert "/v1/track" in (await api.get("/openapi.json")).json()["paths"]
    assert (await api.get("/docs")).status_code == 200


@pytest.mark.parametrize("path", ["journeys", "tasks/x/complete", "offers/x/redeem", "plans/cart-recovery/test"])
@pytest.mark.parametrize("length", ["told", "untold"])
async def test_a_body_that_is_too_large_is_a_problem_as_any_other(
    api: httpx.AsyncClient, path: str, length: str
) -> None:
    async def piecewise() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000

    content = b" " * 100_000 if length == "told" else piecewise()
    answer = await api.post(f"/v1/{path}", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert answer.json()["title"] == "Content Too Large"
