"""Plans with a schedule over HTTP: published where their moment is still to come, and how their runs went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from storage import entry_runs, paused_plans, plans
from tests.integration.plan_calls import api
from tests.support import HOUR, MINUTE, TestShop, plan_file

__all__ = ["api"]

PLAN: dict[str, Any] = {
    "name": "news",
    "sticking_point": "Nobody hears of what is new",
    "key": "customer",
    "entry": {"schedule": {"time": "10:00", "timezone": "Europe/Paris"}, "per_hour": 600},
    "audience": {"consented": ["email"]},
    "re_entry": "1h",
    "purpose": "marketing",
    "longest_life": "2d",
    "steps": [{"id": "first", "send": {"message": "first", "channels": {"first": ["email"]}}}],
}
WORDS = plan_file().messages.model_dump(mode="json")["languages"]
DAY = timedelta(days=1)
NOON = datetime(2027, 1, 8, 11, tzinfo=UTC)


async def test_a_moment_that_has_passed_is_told_in_a_draft_and_not_published(api: httpx.AsyncClient) -> None:
    at = (datetime.now(UTC) - MINUTE).isoformat()
    saved = await api.put("/plans/news", json={"plan": {**PLAN, "entry": {"at": at}}, "messages": WORDS})
    [finding] = [one for one in saved.json()["findings"] if one["level"] == "error"]
    assert "has passed, so nobody would enter" in finding["sentence"]
    answer = await api.post("/plans/news/publish")
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        f"The draft cannot be published: plan: {finding['sentence']}",
    )
    later = {**PLAN, "entry": {"at": f"{datetime.now(UTC) + 6 * HOUR:%Y-%m-%dT%H:%M:%S}+05:30"}}
    seen = {"If-Match": saved.headers["etag"]}
    await api.put("/plans/news", json={"plan": later, "messages": WORDS}, headers=seen)
    assert (await api.post("/plans/news/publish")).status_code == 200
    shown = (await api.get("/plans/news")).json()["content"]
    assert shown["plan"]["entry"] == {"per_hour": 3000, **later["entry"]}
    assert shown["text"][1].startswith("starts at: ")


async def test_what_is_wrong_with_a_schedule_is_told_by_its_field(api: httpx.AsyncClient) -> None:
    schedule = {"time": "10:00", "timezone": "Europe/Pariss"}
    body = {"plan": {**PLAN, "entry": {"schedule": schedule, "per_hour": 0}}, "messages": WORDS}
    errors = (await api.put("/plans/news", json=body)).json()["errors"]
    assert {error["field"] for error in errors} == {"plan.entry.schedule.timezone", "plan.entry.per_hour"}


async def test_the_runs_of_a_plan_are_listed_newest_first_page_by_page(api: httpx.AsyncClient, shop: TestShop) -> None:
    await api.put("/plans/news", json={"plan": PLAN, "messages": WORDS})
    await api.post("/plans/news/publish")
    pool = shop.parts.pool
    await pool.execute("update plan_versions set published_at = $1 where plan = 'news'", NOON - 3 * DAY)
    assert (await api.get("/plans/news/runs")).json() == {"items": [], "next_cursor": None}
    await entry_runs.open_due(pool, plans.Plans(), NOON)
    await paused_plans.pause(pool, shop.shop, "news", NOON)
    first = (await api.get("/plans/news/runs", params={"limit": 2})).json()
    rest = (await api.get("/plans/news/runs", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    items = first["items"] + rest["items"]
    assert (len(first["items"]), rest["next_cursor"]) == (2, None)
    assert [(one["due_at"], one["state"]) for one in items] == [
        ("2027-01-08T09:00:00Z", "paused"),
        ("2027-01-07T09:00:00Z", "missed"),
        ("2027-01-06T09:00:00Z", "missed"),
    ]
    assert items[1] == {
        "due_at": "2027-01-07T09:00:00Z",
        "version": 1,
        "state": "missed",
        "reason": "more than 6 hours had passed",
        "entered": 0,
        "passed_over": 0,
        "ended_at": "2027-01-08T11:00:00Z",
    }


async def test_a_plan_that_is_not_there_has_no_runs_and_a_cursor_is_taken_from_the_page_before(
    api: httpx.AsyncClient,
) -> None:
    assert (await api.get("/plans/nothing/runs")).status_code == 404
    assert (await api.get("/plans/cart-recovery/runs")).json() == {"items": [], "next_cursor": None}
    assert (await api.get("/plans/cart-recovery/runs", params={"cursor": "x"})).status_code == 400
