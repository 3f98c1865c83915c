"""Entry by a schedule: what keeps people from entering, and what a new version changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from storage import archived_plans, paused_plans
from tests.support import HOUR, MINUTE
from tests.workflows.entering import (
    DAY,
    FIVE,
    NEWS,
    SECOND,
    TUESDAY,
    Desk,
    crowd,
    desk,
    let_in_five_of_nine,
    make,
    publish,
)

__all__ = ["desk"]

# What keeps people from entering


async def test_while_the_plan_is_paused_its_run_waits(desk: Desk) -> None:
    shop = desk.shop
    await publish(shop)
    await make(shop, "ann")
    await paused_plans.pause(shop.parts.pool, shop.shop, "p", TUESDAY - HOUR)
    assert await desk.at(TUESDAY) == []
    assert await desk.told() == [("paused", None)]
    await paused_plans.resume(shop.parts.pool, shop.shop, "p")
    assert await desk.at(TUESDAY + 5 * HOUR) == ["ann"]


async def test_a_run_that_stands_still_for_more_than_six_hours_is_stopped(desk: Desk) -> None:
    shop = desk.shop
    await let_in_five_of_nine(desk)
    await paused_plans.pause(shop.parts.pool, shop.shop, "p", TUESDAY)
    await desk.at(TUESDAY + 6 * HOUR)
    assert await desk.told() == [("paused", None)]
    await paused_plans.resume(shop.parts.pool, shop.shop, "p")
    assert len(await desk.at(TUESDAY + 6 * HOUR + SECOND)) == 5
    assert await desk.told() == [("stopped", "it had stood still for more than 6 hours")]


async def test_an_archived_plan_lets_nobody_in(desk: Desk) -> None:
    shop = desk.shop
    await publish(shop)
    await make(shop, "ann")
    await archived_plans.archive(shop.parts.pool, shop.shop, "p", TUESDAY - HOUR)
    assert await desk.at(TUESDAY) == []
    await archived_plans.unarchive(shop.parts.pool, shop.shop, "p")
    assert await desk.at(TUESDAY + HOUR) == []
    assert await desk.told() == [("missed", "the plan was archived")]


async def test_a_plan_that_is_archived_meanwhile_lets_nobody_else_in(desk: Desk) -> None:
    shop = desk.shop
    await let_in_five_of_nine(desk)
    await archived_plans.archive(shop.parts.pool, shop.shop, "p", TUESDAY)
    assert len(await desk.at(TUESDAY + MINUTE)) == 5
    assert await desk.told() == [("stopped", "the plan was archived")]


@pytest.mark.parametrize(("late", "people"), [(6 * HOUR, ["ann"]), (6 * HOUR + SECOND, [])])
async def test_a_moment_is_made_up_for_within_six_hours_and_then_noted_as_missed(
    desk: Desk, late: timedelta, people: list[str]
) -> None:
    await publish(desk.shop)
    await make(desk.shop, "ann")
    assert await desk.at(TUESDAY + late) == people
    told = ("done", None) if people else ("missed", "more than 6 hours had passed")
    assert await desk.told() == [told]


async def test_each_moment_that_was_missed_is_noted_and_the_last_is_made_up_for(desk: Desk) -> None:
    daily = {"schedule": {"time": "10:00", "timezone": "Europe/Paris"}}
    await publish(desk.shop, entry=daily, since=TUESDAY - HOUR)
    await make(desk.shop, "ann")
    assert await desk.at(TUESDAY + 3 * DAY + HOUR) == ["ann"]
    assert [state for state, _ in await desk.told()] == ["done", "missed", "missed", "missed"]


async def test_a_moment_before_the_plan_was_published_is_none_of_its(desk: Desk) -> None:
    await publish(desk.shop, since=TUESDAY + SECOND)
    await make(desk.shop, "ann")
    assert await desk.at(TUESDAY + MINUTE) == []
    assert await desk.runs() == []


async def test_a_moment_that_comes_while_the_one_before_goes_on_is_missed(desk: Desk) -> None:
    daily = {"schedule": {"time": "10:00", "timezone": "Europe/Paris"}, "per_hour": 60}
    await publish(desk.shop, entry=daily, since=TUESDAY - HOUR)
    await make(desk.shop, *crowd(4))
    await desk.at(TUESDAY)
    for hours in range(5, 24, 5):
        await desk.let_in(TUESDAY + hours * HOUR)
        await make(desk.shop, f"q{hours}")
    await desk.at(TUESDAY + DAY)
    newer, older = await desk.runs()
    assert (newer.state, newer.reason) == ("missed", "the run of the moment before still went on")
    assert (older.state, older.entered) == ("running", 6)


# Versions


WAIT = {"id": "wait", "wait": "1d"}
OTHERS: list[dict[str, Any]] = [
    {"schedule": {"time": "10:30", "on": ["tue"], "timezone": "Europe/Paris"}},
    {"at": "2027-03-01T10:00:00+01:00"},
    {"events": ["Product Viewed"], "within": "12h"},
]


async def test_a_run_goes_on_with_the_newest_version_that_has_its_moment(desk: Desk) -> None:
    await let_in_five_of_nine(desk)
    await publish(desk.shop, WAIT, NEWS, since=TUESDAY + SECOND, entry=FIVE)
    await desk.at(TUESDAY + MINUTE)
    versions = [journey.plan_version for journey in await desk.journeys()]
    assert sorted(versions) == [1] * 5 + [2] * 4
    [run] = await desk.runs()
    assert (run.state, run.version) == ("done", 2)


@pytest.mark.parametrize("entry", OTHERS)
async def test_a_newest_version_that_has_another_schedule_stops_the_run(desk: Desk, entry: dict[str, Any]) -> None:
    await let_in_five_of_nine(desk)
    await publish(desk.shop, since=TUESDAY + SECOND, entry=entry)
    assert len(await desk.at(TUESDAY + MINUTE)) == 5
    assert await desk.told() == [("stopped", "version 2 has another schedule")]


@pytest.mark.parametrize("entry", OTHERS)
async def test_a_moment_that_a_version_got_after_it_had_passed_is_none_of_its(
    desk: Desk, entry: dict[str, Any]
) -> None:
    await publish(desk.shop, entry=entry)
    await publish(desk.shop, since=TUESDAY + SECOND)
    await make(desk.shop, "ann")
    assert await desk.at(TUESDAY + MINUTE) == []
    assert await desk.runs() == []
