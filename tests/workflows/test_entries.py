"""Entry by a schedule: everybody in the audience enters at the moment, and nobody else."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from activities.contracts import JOURNEY_QUEUE, LetIn
from journeys.plan import Plan
from storage import commands, entry_runs, sent, shops, story
from storage.journeys import Journey
from tests.support import HOUR, MINUTE, Engine
from tests.workflows.entering import (
    DAY,
    HEADER,
    NEWS,
    SECOND,
    TUESDAY,
    WEEK,
    Desk,
    SetClock,
    crowd,
    desk,
    make,
    publish,
    publish_for_now,
)
from tests.workflows.keyed import finished, journeys_of
from workflows.entries import EntriesWorkflow

__all__ = ["desk"]

# Who enters, and when


async def test_everybody_in_the_audience_enters_at_the_moment_and_nobody_else(desk: Desk) -> None:
    shop = desk.shop
    await publish(shop)
    await make(shop, "ann", "bob")
    await make(shop, "not-loyal", segments=("customer", "buyer"))
    await make(shop, "asked-not-to", consent={"email": False, "sms": True})
    await shop.identify("never-counted")
    await shops.create(shop.parts.pool, "another", "Another")
    await make(dataclasses.replace(shop, shop="another"), "of-another-shop")
    assert await desk.at(TUESDAY - SECOND) == []
    assert await desk.runs() == []
    assert await desk.at(TUESDAY) == ["ann", "bob"]
    assert await desk.at(TUESDAY + DAY) == ["ann", "bob"]
    [run] = await desk.runs()
    assert (run.due_at, run.version, run.state, run.entered, run.passed_over) == (TUESDAY, 1, "done", 2, 0)
    [journey, _] = await desk.journeys()
    assert (journey.started_at, journey.shop) == (TUESDAY, shop.shop)


async def test_all_of_the_audience_is_asked_of_each_person(desk: Desk) -> None:
    audience = {
        "segment": ["customer"],
        "customer": {"country": ["FR"]},
        "unless": {"event": {"name": "Order Completed", "within": "30d"}},
    }
    await publish(desk.shop, audience=audience)
    for person, country in (("ann", "FR"), ("bob", "IT"), ("eve", "FR")):
        await desk.shop.identify(person, country=country)
        await desk.shop.order(timedelta(0), None, person=person, order=f"o-{person}")
    # Counted as customers at the moment itself: what is kept of that is not asked for.
    long_ago = desk.shop.begins - 60 * DAY
    await desk.shop.parts.pool.execute("update events set at = $1 where customer_id = 'ann'", long_ago)
    await desk.shop.parts.pool.execute("update orders set at = $1 where customer_id = 'ann'", long_ago)
    moment = next_tuesday(desk.shop.begins)
    await desk.shop.parts.pool.execute("update plan_versions set published_at = $1", moment - DAY)
    assert await desk.at(moment) == ["ann"]
    [run] = await desk.runs()
    assert (run.entered, run.passed_over) == (1, 2)


def next_tuesday(after: datetime) -> datetime:
    plan = Plan.model_validate({**HEADER, "steps": [NEWS]})
    moment = plan.entry.next(after)  # type: ignore[union-attr]  # it has a schedule
    assert moment is not None
    return moment


async def run_once(engine: Engine) -> LetIn:
    """Let the schedule start its workflow once, and give how that went."""
    running = await engine.client.start_workflow(
        EntriesWorkflow.run, id=f"entries-{engine.shop.shop}", task_queue=JOURNEY_QUEUE
    )
    found: LetIn = await running.result()
    return found


async def test_people_enter_on_the_engine_by_the_schedules_workflow_and_are_sent_the_news(engine: Engine) -> None:
    shop = engine.shop
    moment = await publish_for_now(shop)
    await make(shop, "ann", "bob")
    assert await run_once(engine) == LetIn(entered=2)
    first, second = await journeys_of(shop)
    for journey in (first, second):
        assert (await finished(engine, journey)).outcome == "finished"
        [news] = await sent.of_journey(shop.parts.pool, journey.id)
        assert (news.step, news.channel, news.state) == ("news", "email", "accepted")
    told = [(line.what, line.why) for line in await story.tell(shop.parts.pool, first)]
    assert ("started", f"p version 1, by the plan's schedule of {moment:%Y-%m-%d %H:%M} UTC") in told


@pytest.mark.parametrize(("rests", "entered"), [(SECOND, 1), (55 * SECOND, 0)])
async def test_the_workflow_waits_for_a_run_that_rests_and_leaves_a_longer_rest_to_the_next_one(
    engine: Engine, rests: timedelta, entered: int
) -> None:
    shop = engine.shop
    now = datetime.now(UTC)
    await publish(shop, since=now - HOUR, entry={"at": (now - MINUTE).isoformat(), "per_hour": 60})
    await make(shop, "ann", "bob")
    await entry_runs.open_due(shop.parts.pool, shop.parts.plans, now)
    await shop.parts.pool.execute("update entry_runs set rests_until = $1", now + rests)
    with engine.env.with_time_skipping_disabled():
        found = await run_once(engine)
    assert found.entered == len(await journeys_of(shop)) == entered
    assert found.again_in is not None
    assert found.again_in > 50 * SECOND


async def test_the_gate_refuses_who_has_not_agreed_at_the_moment_of_sending(engine: Engine) -> None:
    shop = engine.shop
    await publish_for_now(shop, audience={"segment": ["loyal"]})
    await make(shop, "ann", consent={})
    desk = Desk(shop, SetClock(shop.begins))
    assert await desk.at(shop.begins) == ["ann"]
    [journey] = await desk.journeys()
    await finished(engine, journey)
    [news] = await sent.of_journey(shop.parts.pool, journey.id)
    assert (news.state, news.reason) == ("refused", "no consent to marketing by email")


async def test_a_share_of_those_who_enter_is_held_out(desk: Desk) -> None:
    await publish(desk.shop, holdout=50)
    await make(desk.shop, *crowd(40))
    await desk.at(TUESDAY)
    held_out = [journey.held_out for journey in await desk.journeys()]
    assert len(held_out) == 40
    assert 5 < sum(held_out) < 35


# Who was there before


async def test_at_each_moment_enters_who_may_again(desk: Desk) -> None:
    await publish(desk.shop)
    await make(desk.shop, "ann", "bob")
    assert await desk.at(TUESDAY) == ["ann", "bob"]
    await desk.end_journeys()
    assert await desk.at(TUESDAY + WEEK) == ["ann", "ann", "bob", "bob"]


@pytest.mark.parametrize("re_entry", ["never", "7d"])
async def test_who_may_not_enter_again_yet_is_passed_over(desk: Desk, re_entry: str) -> None:
    await publish(desk.shop, re_entry=re_entry)
    await make(desk.shop, "ann")
    await desk.at(TUESDAY)
    await desk.end_journeys()
    await make(desk.shop, "bob")
    assert await desk.at(TUESDAY + WEEK) == ["ann", "bob"]
    newest, _ = await desk.runs()
    assert (newest.entered, newest.passed_over) == (1, 1)


async def test_whose_journey_still_runs_is_passed_over(desk: Desk) -> None:
    await publish(desk.shop)
    await make(desk.shop, "ann")
    await desk.at(TUESDAY)
    assert await desk.at(TUESDAY + WEEK) == ["ann"]


async def test_who_was_started_by_hand_since_the_moment_is_passed_over(desk: Desk) -> None:
    shop = desk.shop
    await publish(shop, re_entry="1s")
    await make(shop, "ann")
    async with shop.parts.pool.acquire() as db, db.transaction():
        version = await shop.parts.plans.newest_of(db, shop.shop, "p")
        assert isinstance(await commands.start(db, shop.parts.following, version, "ann", TUESDAY), Journey)
    await desk.end_journeys(SECOND)
    assert await desk.at(TUESDAY + HOUR) == ["ann"]
