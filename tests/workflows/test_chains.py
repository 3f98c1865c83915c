"""Plans that start each other: refused where they are published, and where one is there anyway it comes round once."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from temporalio.testing import ActivityEnvironment

from activities.contracts import DoInput
from activities.doing import Doing
from journeys.plan import Plan
from journeys.play import Stage
from storage import archived_plans, commands, plans, story
from storage.journeys import Journey
from storage.plans import CircularStartError
from tests.support import HOUR, Engine, TestShop
from tests.workflows.keyed import OF_ORDERS, OF_PEOPLE, finished, journeys_of, order, publish

GONE = {"id": "gone", "exit": "done"}
WORDS: dict[str, Any] = {"en": {}}
ROUND = "it starts itself again: b → a → b; take one of these starts out"


def starting(name: str) -> dict[str, str]:
    return {"id": f"starts-{name}", "start": name}


# Where it is published


async def test_a_circle_is_refused_whatever_publishes_it_and_archived_plans_count(shop: TestShop) -> None:
    await publish(shop, OF_PEOPLE, starting("b"), GONE, name="a")
    await publish(shop, OF_PEOPLE, GONE, name="b")
    await archived_plans.archive(shop.parts.pool, shop.shop, "a", shop.begins)
    with pytest.raises(CircularStartError, match=ROUND):
        await publish(shop, OF_PEOPLE, starting("a"), GONE, name="b")
    await publish(shop, OF_PEOPLE, GONE, name="a")
    await publish(shop, OF_PEOPLE, starting("a"), GONE, name="b")


async def test_of_two_that_are_published_at_once_and_start_each_other_one_is_refused(shop: TestShop) -> None:
    found = await asyncio.gather(
        publish(shop, OF_PEOPLE, starting("b"), GONE, name="a"),
        publish(shop, OF_PEOPLE, starting("a"), GONE, name="b"),
        return_exceptions=True,
    )
    assert {isinstance(one, Plan): isinstance(one, CircularStartError) for one in found} == {True: False, False: True}


async def test_over_http_a_draft_says_it_and_is_not_published(shop: TestShop, api: httpx.AsyncClient) -> None:
    await publish(shop, OF_PEOPLE, GONE, name="b")
    await publish(shop, OF_PEOPLE, starting("b"), GONE, name="a")
    etag = (await api.get("/v1/plans/b")).headers["etag"]
    draft = {"plan": {**OF_PEOPLE, "name": "b", "steps": [starting("a"), GONE]}, "messages": WORDS}
    saved = await api.put("/v1/plans/b", json=draft, headers={"If-Match": etag})
    assert saved.json()["findings"] == [{"level": "error", "sentence": ROUND}]
    refused = await api.post("/v1/plans/b/publish")
    assert (refused.status_code, refused.json()["errors"]) == (422, [{"field": "plan", "problem": ROUND}])
    assert (await api.get("/v1/plans/b")).json()["version"] == 1


async def test_over_http_an_old_version_that_closes_a_circle_is_not_published_again(
    shop: TestShop, api: httpx.AsyncClient
) -> None:
    await publish(shop, OF_PEOPLE, starting("a"), GONE, name="b")
    await publish(shop, OF_PEOPLE, GONE, name="b")
    await publish(shop, OF_PEOPLE, starting("b"), GONE, name="a")
    refused = await api.post("/v1/plans/b/rollback", json={"to": 1})
    assert (refused.status_code, refused.json()["errors"]) == (422, [{"field": "plan", "problem": ROUND}])


# Where one is there anyway


async def circle(shop: TestShop) -> None:
    """Have two plans start each other at once, as an older release let them be published."""
    for name, other in (("b", "a"), ("a", "b")):
        await publish(shop, OF_PEOPLE, GONE, name=name, re_entry="1s")
        plan = Plan.model_validate(
            {**OF_PEOPLE, "name": name, "re_entry": "1s", "steps": [{"id": "w", "wait": "1h"}, starting(other)]}
        )
        await shop.parts.pool.execute(
            "update plan_versions set content = $3 where shop = $1 and plan = $2",
            shop.shop,
            name,
            plans.content_of(plan, "")[0],
        )


async def why_not(shop: TestShop, journey: Journey, step: str) -> str | None:
    return {line.what: line.why for line in await story.tell(shop.parts.pool, journey)}.get(step)


async def test_plans_that_start_each_other_come_round_once_and_the_story_says_why(engine: Engine) -> None:
    shop = engine.shop
    await circle(shop)
    await shop.identify()
    async with shop.parts.pool.acquire() as db, db.transaction():
        version = await shop.parts.plans.newest_of(db, shop.shop, "a")
        first = await commands.start(db, shop.parts.following, version, "ann", shop.begins)
    assert isinstance(first, Journey)
    assert (await finished(engine, first)).outcome == "finished"
    [second] = await journeys_of(shop, "b")
    assert await why_not(shop, first, "starts-b: starts b") == second.id
    assert await why_not(shop, second, "started by a journey") == first.id
    assert (await finished(engine, second)).outcome == "finished"
    assert await why_not(shop, second, "starts-a: starts a") == "not started: it would come round again: a → b → a"
    assert [len(await journeys_of(shop, name)) for name in ("a", "b")] == [1, 1]


async def test_a_journey_that_keeps_an_old_version_closes_no_circle_either(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify()
    await publish(shop, {**OF_ORDERS, "name": "a"}, {"id": "w", "wait": "1h"}, starting("b"))
    await order(shop)
    [first] = await journeys_of(shop, "a")
    await publish(shop, {**OF_ORDERS, "name": "a"}, GONE)
    await publish(shop, {**OF_ORDERS, "name": "b"}, starting("a"), entry={"events": ["X"], "within": "1h"})
    await finished(engine, first)
    [second] = await journeys_of(shop, "b")
    await finished(engine, second)
    assert await why_not(shop, second, "starts-a: starts a") == "not started: it would come round again: a → b → a"


async def test_a_start_that_is_done_again_changes_nothing_of_the_chain(shop: TestShop) -> None:
    await shop.identify()
    await publish(shop, OF_PEOPLE, GONE, name="b")
    await publish(shop, {**OF_ORDERS, "name": "a"}, starting("b"))
    await order(shop)
    [first] = await journeys_of(shop, "a")
    at = shop.begins + HOUR
    stage = Stage(step="starts-b", since=at, life_ends=at + HOUR)
    doing = Doing(shop.parts.pool, shop.parts.plans, shop.parts.following, shop.parts.clock)
    for _ in range(2):
        await ActivityEnvironment().run(doing.do, DoInput(journey=first.id, stage=stage, at=at))
    [second] = await journeys_of(shop, "b")
    assert await why_not(shop, second, "started by a journey") == first.id
