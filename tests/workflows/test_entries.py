"""Entry by a schedule: everybody in the audience at a moment, each once, and so many in a minute."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.testing import ActivityEnvironment

from activities.contracts import JOURNEY_QUEUE, LetIn, Opened
from activities.entries import EnteringInTime
from journeys.plan import Plan
from messages import catalog
from storage import archived_plans, commands, entry_runs, journeys, paused_plans, plans, sent, shops, story
from storage.beginning import NotStarted
from storage.entering import Entering
from storage.entry_runs import EntryRun
from storage.happening import Happening
from storage.journeys import Journey
from tests.support import HOUR, MINUTE, SECRET, Engine, TestShop, opened_shop
from tests.workflows.test_keys import finished, journeys_of
from workflows.entries import EntriesWorkflow

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
TUESDAY = datetime(2027, 1, 5, 9, tzinfo=UTC)
"""10:00 in Paris."""
WEEK = timedelta(days=7)
LOYAL = ("customer", "buyer", "loyal")
HEADER: dict[str, Any] = {
    "name": "p",
    "sticking_point": "Nobody hears of what is new",
    "key": "customer",
    "entry": {"schedule": {"time": "10:00", "on": ["tue"], "timezone": "Europe/Paris"}},
    "audience": {"segment": ["loyal"], "consented": ["email"]},
    "re_entry": "6d",
    "purpose": "marketing",
    "longest_life": "2d",
}
NEWS = {"id": "news", "send": {"message": "news", "channels": {"first": ["email"]}}}
WAIT = {"id": "wait", "wait": "1d"}
WORDS = "news: {email: {subject: News, text: 'Look: {{ shop.link }}'}}"


async def publish(shop: TestShop, *steps: dict[str, Any], since: datetime = TUESDAY - DAY, **changes: Any) -> Plan:
    """Publish a plan with a schedule, some time before its moment."""
    plan = Plan.model_validate({**HEADER, **changes, "steps": list(steps or [NEWS])})
    words = catalog.load({f"{language}.yaml": WORDS for language in ("fr", "it", "pt", "en")})
    version = await plans.publish(shop.parts.pool, shop.shop, plan, words.model_dump_json())
    await shop.parts.pool.execute(
        "update plan_versions set published_at = $1 where plan = 'p' and version = $2", since, version
    )
    return plan


async def make(shop: TestShop, *people: str, segments: tuple[str, ...] = LOYAL, **traits: Any) -> None:
    """Tell of people who are in segments, as they were counted last."""
    for person in people:
        await shop.identify(person, **traits)
        await shop.parts.pool.execute(
            "insert into person_segments values ($1, $2, $3, null, null, null, now())"
            " on conflict (shop, customer_id) do update set segments = excluded.segments",
            shop.shop,
            person,
            list(segments),
        )


def crowd(number: int) -> list[str]:
    return [f"p{n:03}" for n in range(number)]


@dataclass
class SetClock:
    """A clock that a test sets."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def decided(self, due: datetime) -> datetime:
        return max(due, self.at)

    async def reached(self, due: datetime) -> bool:
        return due <= self.at


@dataclass
class Desk:
    """What lets people in, by a clock that the test sets."""

    shop: TestShop
    clock: SetClock

    @property
    def entering(self) -> EnteringInTime:
        return dataclasses.replace(self.shop.parts, clock=self.clock).entering_in_time

    async def open(self, at: datetime | None = None) -> int:
        """Look for moments that have come."""
        self.clock.at = at or self.clock.at
        opened: Opened = await ActivityEnvironment().run(self.entering.open)
        return opened.runs

    async def let_in(self, at: datetime | None = None) -> LetIn:
        """Let in whoever may enter now."""
        self.clock.at = at or self.clock.at
        found: LetIn = await ActivityEnvironment().run(self.entering.let_in)
        return found

    async def at(self, moment: datetime) -> list[str]:
        """Do all that there is to do at a moment, and name all people who have entered until now."""
        await self.open(moment)
        await self.let_in()
        return await self.entered()

    async def entered(self) -> list[str]:
        return sorted(journey.key for journey in await journeys_of(self.shop))

    async def runs(self) -> list[EntryRun]:
        return await entry_runs.page(self.shop.parts.pool, self.shop.shop, "p", None, 100)

    async def told(self) -> list[tuple[str, str | None]]:
        return [(run.state, run.reason) for run in await self.runs()]

    async def end_journeys(self, after: timedelta = HOUR) -> None:
        for journey in await journeys_of(self.shop):
            if journey.status != "ended":
                at = journey.started_at + after
                async with self.shop.parts.pool.acquire() as db:
                    await journeys.end(db, journey.id, "finished", "plan played to its end", at)


@pytest_asyncio.fixture
async def desk(shop: TestShop) -> Desk:
    return Desk(shop, SetClock(TUESDAY))


@pytest_asyncio.fixture
async def second(database_url: str, desk: Desk) -> AsyncIterator[Desk]:
    """A second worker, with connections of its own."""
    async with opened_shop(database_url) as other:
        yield Desk(dataclasses.replace(desk.shop, parts=other.parts), SetClock(TUESDAY))


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
    [journey, _] = await journeys_of(shop)
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


async def test_people_enter_on_the_engine_by_the_schedules_workflow_and_are_sent_the_news(engine: Engine) -> None:
    shop = engine.shop
    moment = shop.begins - MINUTE
    await publish(shop, since=moment - HOUR, entry={"at": moment.isoformat()})
    await make(shop, "ann", "bob")
    running = await engine.client.start_workflow(
        EntriesWorkflow.run, id=f"entries-{shop.shop}", task_queue=JOURNEY_QUEUE
    )
    assert await running.result() == LetIn(entered=2)
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
        running = await engine.client.start_workflow(
            EntriesWorkflow.run, id=f"entries-{shop.shop}", task_queue=JOURNEY_QUEUE
        )
        found = await running.result()
    assert found.entered == len(await journeys_of(shop)) == entered
    assert found.again_in is not None
    assert found.again_in > 50 * SECOND


async def test_the_gate_refuses_who_has_not_agreed_at_the_moment_of_sending(engine: Engine) -> None:
    shop = engine.shop
    moment = shop.begins - MINUTE
    await publish(shop, since=moment - HOUR, entry={"at": moment.isoformat()}, audience={"segment": ["loyal"]})
    await make(shop, "ann", consent={})
    desk = Desk(shop, SetClock(shop.begins))
    assert await desk.at(shop.begins) == ["ann"]
    [journey] = await journeys_of(shop)
    await finished(engine, journey)
    [news] = await sent.of_journey(shop.parts.pool, journey.id)
    assert (news.state, news.reason) == ("refused", "no consent to marketing by email")


async def test_a_share_of_those_who_enter_is_held_out(desk: Desk) -> None:
    await publish(desk.shop, holdout=50)
    await make(desk.shop, *crowd(40))
    await desk.at(TUESDAY)
    held_out = [journey.held_out for journey in await journeys_of(desk.shop)]
    assert len(held_out) == 40
    assert 5 < sum(held_out) < 35


# How many at a time


FIVE = {**HEADER["entry"], "per_hour": 300}
"""In a minute."""


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
    entered = [journey.started_at for journey in await journeys_of(desk.shop)]
    assert await desk.entered() == people, "all of them have entered by then"
    in_a_minute = [sum(start <= at < start + MINUTE for at in entered) for start in entered]
    assert max(in_a_minute) == 5


async def test_a_minute_that_a_kill_cut_short_is_filled_and_not_more_than_filled(desk: Desk) -> None:
    await publish(desk.shop, entry={**HEADER["entry"], "per_hour": 1800})
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
    await publish(desk.shop, entry={**HEADER["entry"], "per_hour": 1800})
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
    await publish(shop, entry={**HEADER["entry"], "per_hour": 60}, re_entry="1s")
    await make(shop, "a-visitor", "zoe")
    assert await desk.at(TUESDAY) == ["a-visitor"]
    await desk.end_journeys(SECOND)
    await shop.parts.pool.execute(
        "select move_person($1, 'a-visitor', 'zoe', 'zoe', '{}', $2, 'm', 'told', false)", shop.shop, TUESDAY
    )
    assert (await desk.let_in(TUESDAY + MINUTE)).entered == 0
    assert [journey.customer_id for journey in await journeys_of(shop)] == ["zoe"]


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
    await publish(shop, entry=FIVE)
    await make(shop, *crowd(9))
    await desk.at(TUESDAY)
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
    await publish(shop, entry=FIVE)
    await make(shop, *crowd(9))
    await desk.at(TUESDAY)
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


async def test_a_run_goes_on_with_the_newest_version_that_has_its_moment(desk: Desk) -> None:
    await publish(desk.shop, entry=FIVE)
    await make(desk.shop, *crowd(9))
    await desk.at(TUESDAY)
    await publish(desk.shop, WAIT, NEWS, since=TUESDAY + SECOND, entry=FIVE)
    await desk.at(TUESDAY + MINUTE)
    versions = [journey.plan_version for journey in await journeys_of(desk.shop)]
    assert sorted(versions) == [1] * 5 + [2] * 4
    [run] = await desk.runs()
    assert (run.state, run.version) == ("done", 2)


@pytest.mark.parametrize(
    "entry",
    [
        {"schedule": {"time": "10:30", "on": ["tue"], "timezone": "Europe/Paris"}},
        {"at": "2027-03-01T10:00:00+01:00"},
        {"events": ["Product Viewed"], "within": "12h"},
    ],
)
async def test_a_newest_version_that_has_another_schedule_stops_the_run(desk: Desk, entry: dict[str, Any]) -> None:
    await publish(desk.shop, entry=FIVE)
    await make(desk.shop, *crowd(9))
    await desk.at(TUESDAY)
    await publish(desk.shop, since=TUESDAY + SECOND, entry=entry)
    assert len(await desk.at(TUESDAY + MINUTE)) == 5
    assert await desk.told() == [("stopped", "version 2 has another schedule")]
