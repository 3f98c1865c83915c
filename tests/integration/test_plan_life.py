"""The life of a plan over HTTP: drafts, versions, archive, and what is no plan."""

from __future__ import annotations

import asyncio
import copy
from copy import deepcopy
from dataclasses import replace
from typing import Any

import httpx
import pytest

from api.plan_bodies import MAX_PLAN_BODY
from storage.database import connect
from tests.integration.calls import with_api_key
from tests.integration.plan_calls import api, refused_with
from tests.support import PATIENCE, TestShop, cart_recovery, plan_file

__all__ = ["api"]

PLAN = cart_recovery().model_dump(mode="json", by_alias=True) | {"name": "tents"}
WORDS = plan_file().messages.model_dump(mode="json")["languages"]
BODY: dict[str, Any] = {"plan": PLAN, "messages": WORDS}


def with_steps(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"plan": {**PLAN, "steps": list(steps), **more}, "messages": WORDS}


async def test_advice_keeps_no_draft_from_being_published(api: httpx.AsyncClient) -> None:
    words = deepcopy(WORDS)
    words["en"]["first"]["sms"]["text"] += " And so on." * 30
    saved = await api.put("/plans/tents", json={**BODY, "messages": words})
    assert {one["level"] for one in saved.json()["findings"]} == {"advice"}
    assert (await api.post("/plans/tents/publish")).json()["version"] == 1


async def test_a_draft_is_saved_published_changed_and_compared(api: httpx.AsyncClient) -> None:
    saved = await api.put("/plans/tents", json=BODY)
    assert (saved.status_code, saved.json()["findings"]) == (200, [])
    [tents] = [one for one in (await api.get("/plans")).json()["items"] if one["name"] == "tents"]
    assert (tents["version"], tents["draft_saved_at"] is None) == (None, False)
    published = (await api.post("/plans/tents/publish")).json()
    assert (published["version"], f'"{published["content_hash"]}"') == (1, saved.headers["etag"])
    assert (await api.post("/plans/tents/publish")).status_code == 409
    shown = await api.get("/plans/tents")
    assert shown.json()["content"]["plan"] == PLAN
    assert shown.json()["content"]["messages"] == WORDS
    assert shown.json()["content"]["mermaid"].startswith("flowchart TD\n")
    changed = {**BODY, "plan": {**PLAN, "longest_life": "4d"}}
    assert (await api.put("/plans/tents", json=changed, headers={"If-Match": shown.headers["etag"]})).is_success
    assert (await api.post("/plans/tents/publish")).json()["version"] == 2
    diff = (await api.get("/plans/tents/diff")).json()
    assert (diff["from"], diff["to"]) == (1, 2)
    assert [one["sentence"] for one in diff["changes"]] == ["header: longest_life: 3d → 4d"]
    assert (await api.post("/plans/tents/rollback", json={"to": 1})).json()["version"] == 3
    versions = (await api.get("/plans/tents")).json()["versions"]
    assert [one["version"] for one in versions] == [3, 2, 1]
    assert versions[0]["content_hash"] == versions[2]["content_hash"]
    assert (await api.get("/plans/tents", params={"version": 2})).json()["content"]["plan"]["longest_life"] == "4d"


async def test_two_editors_do_not_overwrite_each_other(api: httpx.AsyncClient) -> None:
    first = await api.put("/plans/tents", json=BODY)
    seen = {"If-Match": first.headers["etag"]}
    assert (await api.put("/plans/tents", json=BODY)).status_code == 428
    other = {**BODY, "plan": {**PLAN, "priority": 2}}
    assert (await api.put("/plans/tents", json=other, headers=seen)).status_code == 200
    late = await api.put("/plans/tents", json={**BODY, "plan": {**PLAN, "priority": 5}}, headers=seen)
    assert (late.status_code, late.json()["title"]) == (412, "The plan was edited meanwhile")
    assert (await api.post("/plans/tents/publish", headers=seen)).status_code == 412
    assert (await api.get("/plans/tents")).json()["draft"]["plan"]["priority"] == 2
    assert (await api.put("/plans/other", json=BODY, headers=seen)).status_code == 422
    assert (await api.put("/plans/cart-recovery", json=BODY)).status_code == 422


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"plan", "messages"}),
        ({"plan": [], "messages": {}}, {"plan"}),
        ({"plan": "x", "messages": 3}, {"plan", "messages"}),
        ({**BODY, "more": 1}, {"more"}),
        (with_steps({"id": "back", "wait": "-2h"}), {"plan.steps[0].wait"}),
        (with_steps({"id": "x", "wait": "1h"}, {"id": "Y", "wait": 3}), {"plan.steps[1].id", "plan.steps[1].wait"}),
        (with_steps({"id": "x", "dance": "tango"}), {"plan.steps[0]"}),
        (with_steps({"id": "x", "wait": "1h"}, {"id": "x", "wait": "1h"}), {"plan"}),
        ({**BODY, "plan": {**PLAN, "name": "other"}}, {"plan.name"}),
        ({**BODY, "messages": {"en": {"first": {"sms": {}}}}}, {"messages.en.first.sms.text"}),
    ],
)
async def test_what_is_no_plan_is_refused_with_every_field_that_is_wrong(
    api: httpx.AsyncClient, body: dict[str, Any], fields: set[str]
) -> None:
    answer = await api.put("/plans/tents", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert {error["field"] for error in answer.json()["errors"]} == fields
    assert all(error["problem"] for error in answer.json()["errors"])
    assert (await api.get("/plans/tents")).status_code == 404


async def test_publishing_takes_one_connection_at_a_time(shop: TestShop, database_url: str) -> None:
    one = await connect(database_url, max_size=1)
    narrow = TestShop(replace(shop.parts, pool=one), shop.shop)
    async with with_api_key(narrow, "http://api/v1") as api:
        assert (await api.put("/plans/tents", json=BODY)).status_code == 200
        # What holds one and wants another waits for itself.
        async with asyncio.timeout(PATIENCE.total_seconds()):
            assert (await api.post("/plans/tents/publish")).json()["version"] == 1
    await one.close()


async def test_a_draft_with_something_that_never_happens_is_kept_and_not_published(api: httpx.AsyncClient) -> None:
    exit_, wait = {"id": "gone", "exit": "enough"}, {"id": "later", "wait": "1h"}
    saved = await api.put("/plans/tents", json={**with_steps(exit_, wait), "messages": {"en": {}}})
    assert [one["level"] for one in saved.json()["findings"]] == ["error", "advice"]
    answer = await api.post("/plans/tents/publish")
    assert (answer.status_code, answer.json()["title"]) == (422, "The draft cannot be published")
    assert "step later: never reached, for gone always leaves the journey" in answer.json()["detail"]
    assert (await api.get("/plans/tents")).json()["draft"]["plan"]["steps"] == [exit_, wait]


async def test_a_plan_that_no_journey_can_carry_is_not_published_and_a_bigger_one_not_taken(
    api: httpx.AsyncClient,
) -> None:
    send = PLAN["steps"][2]
    big = with_steps(*({**copy.deepcopy(send), "id": f"s-{number}"} for number in range(8_000)))
    assert (await api.put("/plans/tents", json=big)).status_code == 200
    answer = await api.post("/plans/tents/publish")
    assert answer.status_code == 422
    assert "a journey carries 512 KB at most" in answer.json()["detail"]
    huge = await api.put("/plans/huge", content=b'{"plan": "' + b"x" * (10 * 1024 * 1024) + b'"}')
    assert (huge.status_code, MAX_PLAN_BODY < 10 * 1024 * 1024) == (413, True)
    deep = await api.put("/plans/deep", content=b'{"plan": ' + b"[" * 100_000)
    assert deep.status_code == 400


async def test_an_archived_plan_starts_nothing_and_what_runs_goes_on(api: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.identify()
    running = await shop.fill("c-1")
    state = (await api.post("/plans/cart-recovery/archive")).json()
    assert (state["archived"], state["paused"]) == (True, False)
    await shop.take(shop.event("Product Added", person="bob", cart_id="c-2", product_id="p-1", price=4, quantity=1))
    listed = (await api.get("/journeys")).json()["items"]
    assert [one["id"] for one in listed] == [running.id]
    answer = await api.post("/journeys", json={"plan": "cart-recovery", "key": "c-2"})
    assert answer.status_code == 409
    assert answer.json()["detail"] == "key: the plan is archived, and starts no journeys until it is unarchived"
    [one] = (await api.get("/plans")).json()["items"]
    assert (one["archived_at"] is None, one["running"]) == (False, 1)
    assert (await shop.journey("c-1")).status == "running"
    assert (await api.post("/plans/cart-recovery/unarchive")).json()["archived"] is False
    assert (await api.post("/journeys", json={"plan": "cart-recovery", "key": "c-2"})).status_code == 201


@pytest.mark.parametrize(
    ("verb", "back", "flag"), [("pause", "resume", "paused"), ("archive", "unarchive", "archived")]
)
async def test_all_plans_are_paused_or_archived_and_go_on_at_once(
    api: httpx.AsyncClient, verb: str, back: str, flag: str
) -> None:
    # One that is called as the call is, and one that has a draft only.
    for name in (verb, "a-draft"):
        await api.put(f"/plans/{name}", json={**BODY, "plan": {**PLAN, "name": name}})
    await api.post(f"/plans/{verb}/publish")
    names = sorted(["cart-recovery", verb])
    for _ in range(2):
        told = (await api.post(f"/plans/{verb}")).json()["items"]
        assert [(one["plan"], one[flag]) for one in told] == [(name, True) for name in names]
    assert (await api.post(f"/plans/{verb}/{back}")).json()[flag] is False
    stands = {one["name"]: one[f"{flag}_at"] is not None for one in (await api.get("/plans")).json()["items"]}
    assert stands == {"a-draft": False, "cart-recovery": True, verb: False}
    told = (await api.post(f"/plans/{back}")).json()["items"]
    assert [(one["plan"], one[flag]) for one in told] == [(name, False) for name in names]
    assert (await api.get(f"/plans/{verb}")).json()["version"] == 1


async def test_all_plans_of_a_shop_that_has_none_and_without_a_key(api: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.parts.pool.execute("delete from plan_versions where shop = $1", shop.shop)
    assert (await api.post("/plans/pause")).json() == {"items": []}
    assert (await api.post("/plans/pause", headers={"Authorization": "Bearer wrong"})).status_code == 401


async def test_journeys_are_moved_after_a_dry_run_has_told_where_to(api: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.identify()
    await shop.fill("c-1")
    body = {"plan": {**PLAN, "name": "cart-recovery", "longest_life": "4d"}, "messages": WORDS}
    seen = {"If-Match": (await api.get("/plans/cart-recovery")).headers["etag"]}
    assert (await api.put("/plans/cart-recovery", json=body, headers=seen)).status_code == 200
    assert (await api.post("/plans/cart-recovery/publish")).json()["version"] == 2
    order: dict[str, Any] = {"to": 2, "keys": ["c-1", "nope"]}
    told = (await api.post("/plans/cart-recovery/migrate", json={**order, "dry_run": True})).json()
    assert [(one["left"], one["step"], one["problem"]) for one in told["journeys"]] == [("leaves", "leaves", None)]
    assert told["missing"] == ["nope"]
    assert (await shop.journey("c-1")).plan_version == 1
    assert (await api.post("/plans/cart-recovery/migrate", json=order)).json()["journeys"] == told["journeys"]
    assert (await shop.journey("c-1")).plan_version == 2
    nowhere = await api.post("/plans/cart-recovery/migrate", json={**order, "at": "nowhere"})
    assert (nowhere.status_code, nowhere.json()["title"]) == (422, "There is no such step")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/plans/nothing", 404),
        ("GET", "/plans/cart-recovery?version=9", 404),
        ("GET", "/plans/cart-recovery?version=0", 422),
        ("GET", "/plans/cart-recovery/diff?from=1&to=7", 404),
        ("GET", "/plans/nothing/diff", 404),
        ("POST", "/plans/nothing/publish", 404),
        ("POST", "/plans/cart-recovery/publish", 409),
        ("POST", "/plans/nothing/archive", 404),
    ],
)
async def test_what_is_not_there_is_said(api: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    assert await refused_with(api, method, path) == status


async def test_plans_are_listed_page_by_page(api: httpx.AsyncClient) -> None:
    for name in ("a-tent", "z-tent"):
        await api.put(f"/plans/{name}", json={**BODY, "plan": {**PLAN, "name": name}})
    first = (await api.get("/plans", params={"limit": 2})).json()
    assert ([one["name"] for one in first["items"]], first["next_cursor"]) == (
        ["a-tent", "cart-recovery"],
        "cart-recovery",
    )
    rest = (await api.get("/plans", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert ([one["name"] for one in rest["items"]], rest["next_cursor"]) == (["z-tent"], None)


@pytest.mark.parametrize("depth", [11, 52, 100])
async def test_a_plan_that_is_too_deep_is_refused_before_it_is_kept(api: httpx.AsyncClient, depth: int) -> None:
    steps: list[dict[str, Any]] = [{"id": "innermost", "wait": "1h"}]
    for number in range(depth - 1):
        steps = [{"id": f"b-{number}", "branch": [{"if": {"open_cart": True}, "then": steps}]}]
    answer = await api.put("/plans/tents", json={**BODY, "plan": {**BODY["plan"], "steps": steps}})
    assert answer.status_code == 422
    assert (await api.get("/plans/tents")).status_code == 404
