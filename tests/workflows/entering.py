"""Plans with a schedule, people in segments, and a desk that lets them in by a clock that the test sets."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio
from temporalio.testing import ActivityEnvironment

from activities.contracts import LetIn, Opened
from activities.entries import EnteringInTime
from journeys.plan import Plan
from messages import catalog
from storage import entry_runs, journeys, plans
from storage.entry_runs import EntryRun
from storage.journeys import Journey
from tests.support import HOUR, MINUTE, TestShop
from tests.workflows.keyed import journeys_of

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
    "holdout": 0,
    "longest_life": "2d",
}
NEWS: dict[str, Any] = {"id": "news", "send": {"message": "news", "channels": {"first": ["email"]}}}
WORDS = "news: {email: {subject: News, text: 'Look: {{ shop.link }}'}}"


def at_most(per_hour: int) -> dict[str, Any]:
    """The schedule, by which no more than so many enter in an hour."""
    return {**HEADER["entry"], "per_hour": per_hour}


FIVE = at_most(300)
"""In a minute."""


async def publish(shop: TestShop, *steps: dict[str, Any], since: datetime = TUESDAY - DAY, **changes: Any) -> Plan:
    """Publish a plan with a schedule, some time before its moment."""
    plan = Plan.model_validate({**HEADER, **changes, "steps": list(steps or [NEWS])})
    words = catalog.load({f"{language}.yaml": WORDS for language in ("fr", "it", "pt", "en")})
    version = await plans.publish(shop.parts.pool, shop.shop, plan, words.model_dump_json())
    await shop.parts.pool.execute(
        "update plan_versions set published_at = $1 where plan = 'p' and version = $2", since, version
    )
    return plan


async def publish_for_now(shop: TestShop, **changes: Any) -> datetime:
    """Publish a plan whose only moment has just come, and give that moment."""
    moment = shop.begins - MINUTE
    await publish(shop, since=moment - HOUR, entry={"at": moment.isoformat()}, **changes)
    return moment


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

    async def journeys(self) -> list[Journey]:
        """Give the journeys of all who have entered, the first first."""
        return await journeys_of(self.shop)

    async def entered(self) -> list[str]:
        return sorted(journey.key for journey in await self.journeys())

    async def runs(self) -> list[EntryRun]:
        return await entry_runs.page(self.shop.parts.pool, self.shop.shop, "p", None, 100)

    async def told(self) -> list[tuple[str, str | None]]:
        return [(run.state, run.reason) for run in await self.runs()]

    async def end_journeys(self, after: timedelta = HOUR) -> None:
        for journey in await self.journeys():
            if journey.status != "ended":
                at = journey.started_at + after
                async with self.shop.parts.pool.acquire() as db:
                    await journeys.end(db, journey.id, "finished", "plan played to its end", at)


async def let_in_five_of_nine(desk: Desk) -> None:
    """Have a plan by which five enter in a minute, and let in the first five of nine."""
    await publish(desk.shop, entry=FIVE)
    await make(desk.shop, *crowd(9))
    await desk.at(TUESDAY)


@pytest_asyncio.fixture
async def desk(shop: TestShop) -> Desk:
    return Desk(shop, SetClock(TUESDAY))
