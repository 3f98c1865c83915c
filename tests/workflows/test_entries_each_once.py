"""Entry by a schedule: so many in a minute, each of them once, and none is lost, whoever is killed."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.testing import ActivityEnvironment

from activities.contracts import LetIn
from activities.entries import EnteringInTime
from storage import plans
from storage.beginning import NotStarted
from storage.entering import Entering
from storage.happening import Happening
from storage.journeys import Journey
from tests.support import HOUR, MINUTE, SECRET, opened_shop
from tests.workflows.entering import FIVE, SECOND, TUESDAY, Desk, SetClock, at_most, crowd, desk, make, publish

__all__ = ["desk"]

# How many at a time


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([7] * 60, id="runs often"),
        pytest.param([59, 2] * 10, id="runs twice, shortly after one another"),
        pytest.param([60] * 10, id="runs each minute"),
        pytest.param([60, 7200, 1, 1, 60, 60, 60], id="an outage of two hours"),
    ],
)
async def test_in_no_minute_enter_more_than_the_plan_says(desk: Desk, steps: list[int]) -> None:
    await publish(desk.shop, entry=FIVE)
    people = crowd(23)
    await make(desk.shop, *people)
    await desk.at(TUESDAY)
    for seconds in steps:
        desk.clock.at += seconds * SECOND
        await desk.let_in()
    entered = [journey.started_at for journey in await desk.journeys()]
    assert await desk.entered() == people, "all of them have entered by then"
    in_a_minute = [sum(start <= at < start + MINUTE for at in entered) for start in entered]
    assert max(in_a_minute) == 5


async def test_a_minute_that_a_kill_cut_short_is_filled_and_not_more_than_filled(desk: Desk) -> None:
    await publish(desk.shop, entry=at_most(1800))
    await make(desk.shop, *crowd(60))
    await desk.open()
    with pytest.raises(asyncio.CancelledError):
        await ActivityEnvironment().run(dying(desk, _Dies(after=25)).let_in)
    assert len(await desk.entered()) == 20
    assert await desk.let_in(TUESDAY + 40 * SECOND) == LetIn(entered=10, again_in=MINUTE)
    assert (await desk.let_in(TUESDAY + 99 * SECOND)).entered == 0
    assert (await desk.let_in(TUESDAY + 100 * SECOND)).entered == 30


async def test_it_tells_when_the_next_may_enter(desk: Desk) -> None:
    await publish(desk.shop, entry=FIVE)
    await make(desk.shop, *crowd(8))
    await desk.open()
    assert await desk.let_in() == LetIn(entered=5, again_in=MINUTE)
    assert await desk.let_in(TUESDAY + 20 * SECOND) == LetIn(again_in=40 * SECOND)
    assert await desk.let_in(TUESDAY + MINUTE) == LetIn(entered=3)


@pytest_asyncio.fixture
async def second(database_url: str, desk: Desk) -> AsyncIterator[Desk]:
    """A second worker, with connections of its own."""
    async with opened_shop(database_url) as other:
        yield Desk(dataclasses.replace(desk.shop, parts=other.parts), SetClock(TUESDAY))


# Each once, and none is lost


class _Dies(Happening):
    """A door at which the worker is killed: before so many have passed it, nothing of them is committed."""

    def __init__(self, after: int) -> None:
        super().__init__(plans.Plans(), SECRET.key("ids"))
        self.left = after

    async def enter(self, *args: Any, **named: Any) -> Journey | NotStarted:
        if self.left == 0:
            raise asyncio.CancelledError
        self.left -= 1
        return await super().enter(*args, **named)


def dying(desk: Desk, door: _Dies) -> EnteringInTime:
    parts = desk.shop.parts
    return EnteringInTime(parts.pool, parts.plans, Entering(parts.pool, parts.plans, door), desk.clock)


@pytest.mark.parametrize("after", [0, 1, 19, 20, 21, 45])
async def test_a_worker_that_is_killed_enters_nobody_twice_and_loses_nobody(desk: Desk, after: int) -> None:
    await publish(desk.shop)
    people = crowd(45)
    await make(desk.shop, *people)
    await desk.open()
    door, killed = _Dies(after), 0
    for _ in range(2):
        door.left = after
        try:
            await ActivityEnvironment().run(dying(desk, door).let_in)
        except asyncio.CancelledError:
            killed += 1
        assert len(await desk.entered()) % 20 in {0, 5}
    assert (killed > 0) == (after < 45)
    await desk.let_in()
    assert await desk.entered() == people
    [run] = await desk.runs()
    assert (run.state, run.entered, run.passed_over) == ("done", 45, 0)


async def test_two_workers_at_once_let_each_person_in_once_and_keep_the_limit(desk: Desk, second: Desk) -> None:
    await publish(desk.shop, entry=at_most(1800))
    people = crowd(70)
    await make(desk.shop, *people)
    opened = await asyncio.gather(desk.open(), second.open())
    assert sum(opened) == 1
    for minute in range(3):
        at = TUESDAY + minute * MINUTE
        found = await asyncio.gather(desk.let_in(at), second.let_in(at))
        assert sum(one.entered for one in found) <= 30
        # Each leaves a run to the other that is at it: once more, for what neither has done.
        more = await desk.let_in(at)
        assert sum(one.entered for one in (*found, more)) == min(30, 70 - 30 * minute)
    assert await desk.entered() == people


async def test_one_who_cannot_enter_by_our_mistake_keeps_none_of_the_others_waiting(desk: Desk) -> None:
    await publish(desk.shop)
    await make(desk.shop, *crowd(30))
    await desk.shop.parts.pool.execute("alter table journeys add check (key <> 'p007')")
    assert await desk.at(TUESDAY) == [person for person in crowd(30) if person != "p007"]
    [run] = await desk.runs()
    assert (run.state, run.entered, run.passed_over) == ("done", 29, 1)


async def test_one_plan_that_cannot_go_on_keeps_no_other_waiting(desk: Desk) -> None:
    await publish(desk.shop)
    await make(desk.shop, "ann")
    await desk.open()
    await desk.shop.parts.pool.execute(
        "insert into entry_runs (shop, plan, due_at, version, state, rests_until, moved_at)"
        " values ($1, 'a-plan-that-is-gone', $2, 1, 'running', $2, $2)",
        desk.shop.shop,
        TUESDAY - HOUR,
    )
    assert await desk.let_in() == LetIn(entered=1, failed=1)


async def test_who_turns_out_to_be_somebody_else_does_not_enter_a_second_time(desk: Desk) -> None:
    shop = desk.shop
    await publish(shop, entry=at_most(60), re_entry="1s")
    await make(shop, "a-visitor", "zoe")
    assert await desk.at(TUESDAY) == ["a-visitor"]
    await desk.end_journeys(SECOND)
    await shop.parts.pool.execute(
        "select move_person($1, 'a-visitor', 'zoe', 'zoe', '{}', $2, 'm', 'told', false)", shop.shop, TUESDAY
    )
    assert (await desk.let_in(TUESDAY + MINUTE)).entered == 0
    assert [journey.customer_id for journey in await desk.journeys()] == ["zoe"]
