"""Versions that an earlier program took: they go on as they are; one that cannot be read stands in nobody's way."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from journeys.plan import Plan
from storage import entry_runs, plans
from storage.plans import Plans
from tests.integration.test_plan_life import BODY, PLAN, WORDS, api
from tests.support import HOUR, TestShop

__all__ = ["api"]

NOON = datetime(2027, 1, 8, 11, tzinfo=UTC)
NEWS: dict[str, Any] = {
    "name": "news",
    "sticking_point": "Nobody hears of what is new",
    "key": "customer",
    "entry": {"schedule": {"time": "10:00", "timezone": "Europe/Paris"}},
    "audience": {"consented": ["email"]},
    "re_entry": "1h",
    "purpose": "marketing",
    "longest_life": "2d",
    "steps": [{"id": "first", "send": {"message": "first", "channels": {"first": ["email"]}}}],
}
LIFE = "longest_life: a journey lives 1m at least and 366d at most"


async def keep(shop: TestShop, plan: dict[str, Any], version: int = 1) -> None:
    """Have a version stand in the database, whatever it says."""
    await shop.parts.pool.execute(
        "insert into plan_versions (shop, plan, version, content, messages, content_hash, published_at)"
        " values ($1, $2, $3, $4, $5, $6, $7)",
        shop.shop,
        plan["name"],
        version,
        json.dumps(plan),
        json.dumps({"languages": WORDS}),
        f"{plan['name']}-{version}",
        NOON - timedelta(days=2),
    )
    await shop.parts.pool.executemany(
        "insert into asked_events (shop, name) values ($1, $2) on conflict do nothing",
        [(shop.shop, name) for name in plan["entry"].get("events", ())],
    )


async def started(shop: TestShop) -> list[str]:
    """Name the plan of each journey."""
    rows = await shop.parts.pool.fetch("select plan from journeys where shop = $1 order by plan", shop.shop)
    return [row["plan"] for row in rows]


def unreadable(plan: dict[str, Any]) -> dict[str, Any]:
    return {**plan, "name": "b-broken", "from_another_time": True}


async def beside(shop: TestShop) -> TestShop:
    """Open another shop on the same database."""
    other = TestShop(shop.parts)
    await other.open()
    return other


async def test_a_schedule_that_cannot_be_read_keeps_no_other_from_beginning_in_any_shop(shop: TestShop) -> None:
    other, known = await beside(shop), Plans()
    for one in (shop, other):
        await keep(one, {**NEWS, "name": "a-news"})
        await keep(one, unreadable(NEWS))
        await keep(one, {**NEWS, "name": "c-news"})
    with capture_logs() as log:
        assert await entry_runs.open_due(shop.parts.pool, known, NOON) == 4
        assert await entry_runs.open_due(shop.parts.pool, known, NOON + HOUR) == 0
    begun = await shop.parts.pool.fetch("select shop, plan from entry_runs where state = 'running'")
    assert {tuple(run) for run in begun} == {(one.shop, plan) for one in (shop, other) for plan in ("a-news", "c-news")}
    # Each is logged once, however often it is looked for.
    assert sorted((line["event"], line["shop"], line["plan"], line["version"]) for line in log) == sorted(
        ("a plan cannot be read", one.shop, "b-broken", 1) for one in (shop, other)
    )


async def test_a_moment_that_cannot_be_told_keeps_no_other_from_beginning(
    shop: TestShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await beside(shop)
    await keep(shop, NEWS)
    await keep(other, NEWS)
    told = entry_runs._new_moments  # noqa: SLF001 what goes wrong in it cannot be foreseen

    async def breaks(pool: Any, version: Any, now: datetime) -> list[datetime]:
        if version.shop == shop.shop:
            raise OverflowError
        return await told(pool, version, now)

    monkeypatch.setattr(entry_runs, "_new_moments", breaks)
    with capture_logs() as log:
        assert await entry_runs.open_due(shop.parts.pool, Plans(), NOON) == 1
    assert [(line["shop"], line["problem"]) for line in log] == [(shop.shop, "OverflowError")]


async def test_a_schedule_whose_version_of_then_cannot_be_read_begins_with_its_next_moment(shop: TestShop) -> None:
    await keep(shop, {**unreadable(NEWS), "name": "news"})
    await keep(shop, NEWS, version=2)
    await shop.parts.pool.execute("update plan_versions set published_at = $1 where version = 2", NOON)
    assert await entry_runs.open_due(shop.parts.pool, Plans(), NOON + HOUR) == 0
    assert await entry_runs.open_due(shop.parts.pool, Plans(), NOON + timedelta(days=1)) == 1


async def test_a_plan_that_cannot_be_read_keeps_no_event_out_and_may_be_mended_or_stopped(
    shop: TestShop, api: httpx.AsyncClient
) -> None:
    await keep(shop, unreadable(PLAN))
    await keep(shop, {**unreadable({**NEWS, "entry": {"events": ["Product Viewed"], "within": "1h"}}), "name": "c"})
    await shop.identify()
    with capture_logs() as log:
        await shop.fill("c-1")
        await shop.take(shop.event("Product Viewed", product_id="p-1"))
        await shop.fill("c-2")
    assert await started(shop) == ["cart-recovery", "cart-recovery"]
    assert sorted(line["plan"] for line in log if line["event"] == "a plan cannot be read") == ["b-broken", "c"]
    paused = (await api.post("/plans/pause")).json()["items"]
    assert [(one["plan"], one["paused"]) for one in paused] == [
        ("b-broken", True),
        ("c", True),
        ("cart-recovery", True),
    ]
    assert (await api.post("/plans/b-broken/archive")).json()["archived"]
    mended = {"plan": {**PLAN, "name": "b-broken"}, "messages": WORDS}
    assert (await api.put("/plans/b-broken", json=mended, headers={"If-Match": '"b-broken-1"'})).status_code == 200
    assert (await api.post("/plans/b-broken/publish")).json()["version"] == 2
    assert (await api.get("/plans/b-broken")).status_code == 200


@pytest.mark.parametrize("life", ["400d", "30s"])
async def test_a_version_of_an_earlier_program_goes_on_and_is_not_published_again(
    shop: TestShop, api: httpx.AsyncClient, life: str
) -> None:
    await keep(shop, {**PLAN, "longest_life": life})
    await shop.identify()
    await shop.fill("c-1")
    assert await started(shop) == ["cart-recovery", "tents"]
    shown = await api.get("/plans/tents")
    assert shown.json()["content"]["plan"]["longest_life"] == life
    again = {**BODY, "plan": {**PLAN, "longest_life": life}}
    saved = await api.put("/plans/tents", json=again, headers={"If-Match": shown.headers["etag"]})
    assert {"level": "error", "sentence": LIFE} in saved.json()["findings"]
    draft = (await api.get("/plans/tents")).json()["draft"]
    assert (draft["plan"]["longest_life"], {"level": "error", "sentence": LIFE} in draft["findings"]) == (life, True)
    refused = await api.post("/plans/tents/publish")
    assert (refused.status_code, {"field": "plan", "problem": LIFE} in refused.json()["errors"]) == (422, True)
    mended = await api.put("/plans/tents", json=BODY, headers={"If-Match": saved.headers["etag"]})
    assert mended.status_code == 200
    assert (await api.post("/plans/tents/publish")).json()["version"] == 2
    back = await api.post("/plans/tents/rollback", json={"to": 1})
    assert (back.status_code, back.json()["title"]) == (422, "Version 1 cannot be published again")
    assert {"field": "plan", "problem": LIFE} in back.json()["errors"]
    assert [one["version"] for one in (await api.get("/plans/tents")).json()["versions"]] == [2, 1]


async def test_a_moment_that_has_passed_keeps_no_version_from_being_published_again(
    shop: TestShop, api: httpx.AsyncClient
) -> None:
    for life in ("2d", "3d"):
        once = {**NEWS, "entry": {"at": "2026-01-08T09:00:00+00:00"}, "longest_life": life}
        messages = json.dumps({"languages": WORDS})
        await plans.publish(shop.parts.pool, shop.shop, Plan.model_validate(once), messages)
    assert (await api.post("/plans/news/rollback", json={"to": 1})).json()["version"] == 3


async def test_a_version_as_deep_as_json_can_be_read_goes_on_and_is_shown(
    shop: TestShop, api: httpx.AsyncClient
) -> None:
    steps: list[dict[str, Any]] = [{"id": "innermost", "wait": "1h"}]
    for number in range(48):
        steps = [{"id": f"b-{number}", "branch": [{"if": {"open_cart": True}, "then": steps}]}]
    deep = {**copy.deepcopy(PLAN), "steps": steps}
    await keep(shop, deep)
    await shop.identify()
    await shop.fill("c-1")
    assert await started(shop) == ["cart-recovery", "tents"]
    shown = await api.get("/plans/tents")
    assert shown.json()["content"]["text"]
    refused = await api.put("/plans/tents", json={**BODY, "plan": deep}, headers={"If-Match": shown.headers["etag"]})
    assert (refused.status_code, refused.json()["errors"]) == (
        422,
        [{"field": "plan", "problem": "steps: 49 stand in one another, and 10 may; start another plan for some"}],
    )
