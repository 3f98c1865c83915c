"""Lets people into a plan at a moment of its schedule: some of them, by the door through which events let people in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from journeys.entry import ByMoments
from journeys.facts import LIVE, Purpose
from journeys.plan import Plan
from storage import entry_runs, loading, writing
from storage.database import PASSING
from storage.happening import Happening
from storage.journeys import Journey
from storage.plans import Plans, PlanVersion
from storage.work import Work

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.database import Connection, Pool

AT_ONCE = 20
"""People in a transaction: what is told of them meanwhile waits for it."""
REST = timedelta(minutes=1)

_HOLD = """
select r.*, exists (select from paused_plans p where p.shop = r.shop and p.plan = r.plan) as paused,
       exists (select from archived_plans a where a.shop = r.shop and a.plan = r.plan) as archived
  from entry_runs r
 where r.shop = $1 and r.plan = $2 and r.due_at = $3 and r.state = 'running' for update of r skip locked
"""
# What every audience must hold of a person is asked here where it can be; the rest is asked of each of them.
_NEXT = """
select c.customer_id from customers c
 where c.shop = $1 and c.customer_id > $2
   and ($3::text[] is null or exists (
       select from person_segments g where g.shop = $1 and g.customer_id = c.customer_id and g.segments && $3))
   and ($4::text[] is null or exists (
       select from consents k where k.shop = $1 and k.customer_id = c.customer_id and k.granted
          and k.purpose = $5 and k.channel = any($4)))
   and not exists (select from aliases a where a.shop = $1 and a.alias_id = c.customer_id)
 order by c.customer_id limit $6
"""
_MOVE = """
update entry_runs set version = $4, reached = $5, entered = entered + $6, passed_over = passed_over + $7,
       since_rest = $8, rests_until = $9, moved_at = $10
 where shop = $1 and plan = $2 and due_at = $3
"""

log = structlog.get_logger()


@dataclass(frozen=True)
class Went:
    """What one go at a run did.

    Attributes:
        again_at: until when the run rests; None where it is over, waits for its plan, or is another's at the moment.

    """

    entered: int = 0
    passed_over: int = 0
    again_at: datetime | None = None


class Entering:
    """Goes on with runs. Several may: each of them takes a run for itself while it is at it.

    Args:
        pool: Postgres.
        plans: the published plans.
        happening: the door.

    """

    def __init__(self, pool: Pool, plans: Plans, happening: Happening) -> None:
        self._pool = pool
        self._plans = plans
        self._happening = happening

    async def go_on(self, shop: str, plan: str, due: datetime, now: datetime) -> Went:
        """Let the next people in, at most ``AT_ONCE``, and note in the same transaction who had their turn.

        One whom we cannot let in, by our own mistake, keeps none of the others waiting: they are passed over.
        """
        try:
            return await self._go_on(shop, plan, due, now, AT_ONCE)
        except PASSING:
            raise
        except Exception:  # noqa: BLE001 one of them is at fault: each by itself tells which, and is left out
            return await self._go_on(shop, plan, due, now, 1)

    async def _go_on(self, shop: str, plan: str, due: datetime, now: datetime, at_once: int) -> Went:
        async with self._pool.acquire() as db, db.transaction():
            run = await db.fetchrow(_HOLD, shop, plan, due)
            if run is None or run["paused"]:
                return Went()
            if run["rests_until"] > now:
                return Went(again_at=run["rests_until"])
            version = await self._plans.newest_of(db, shop, plan)
            entry = version.plan.entry
            if run["archived"]:
                return await _end(db, run, "stopped", "the plan was archived", now)
            if not isinstance(entry, ByMoments) or not entry.has(due):
                return await _end(db, run, "stopped", f"version {version.version} has another schedule", now)
            people = await _next(db, version.plan, run, at_once)
            if not people:
                return await _end(db, run, "done", None, now)
            going = _Going(run, version, entry, now)
            return await _move(db, going, await self._try_to_let_in(db, going, people))

    async def _try_to_let_in(self, db: Connection, going: _Going, people: list[str]) -> list[tuple[str, bool]]:
        """Let people in; give those who had their turn, and whether they were let in."""
        try:
            async with db.transaction():
                return await self._let_in(db, going, people)
        except PASSING:
            raise
        except Exception as error:
            if len(people) > 1:
                raise
            shop, plan, problem = going.version.shop, going.version.plan.name, type(error).__name__
            log.warning("somebody cannot enter", shop=shop, plan=plan, problem=problem)
            return [(people[0], False)]

    async def _let_in(self, db: Connection, going: _Going, people: list[str]) -> list[tuple[str, bool]]:
        work = await loading.hold_people(db, going.version.shop, people)
        await loading.load_whole(db, work, [work.who(person) for person in people])
        left = going.entry.per_minute - going.run["since_rest"]
        let_in: list[tuple[str, bool]] = []
        for person in people:
            if left <= 0:
                break
            enters = await self._enter(db, work, going, work.who(person))
            let_in.append((person, enters))
            left -= enters
        await writing.write(db, work)
        return let_in

    async def _enter(self, db: Connection, work: Work, going: _Going, person: str) -> bool:
        """Let a person in, unless the plan says no or they are in already since the moment: by another id, say."""
        version, due = going.version, going.run["due_at"]
        of_plan = [journey for journey in work.journeys_of(person) if journey.plan == version.plan.name]
        if any(journey.started_at >= due for journey in of_plan):
            return False
        why = f"by the plan's schedule of {going.entry.show(due)}"
        begun = await self._happening.enter(db, work, version, person, person, going.now, why=why)
        return isinstance(begun, Journey)


@dataclass(frozen=True)
class _Going:
    """A run that goes on: the version by which it does, and when."""

    run: Record
    version: PlanVersion
    entry: ByMoments
    now: datetime


async def _next(db: Connection, plan: Plan, run: Record, at_once: int) -> list[str]:
    segments, media = _must_be_in(plan), _must_agree(plan)
    rows = await db.fetch(_NEXT, run["shop"], run["reached"], segments, media, Purpose.MARKETING, at_once)
    return [row["customer_id"] for row in rows]


def _must_be_in(plan: Plan) -> list[str] | None:
    """Name the segments of which everybody in the audience is in one as it is kept; None where none need be.

    The live ones are asked anew of each person: what is kept of them may be old.
    """
    asked = plan.audience.segment if plan.audience else None
    return None if asked is None or LIVE & set(asked) else [str(segment) for segment in asked]


def _must_agree(plan: Plan) -> list[str] | None:
    """Name the media of which everybody in the audience agrees to one; None where they need not."""
    asked = plan.audience.consented if plan.audience else None
    return None if asked is None else [str(medium) for medium in asked]


async def _move(db: Connection, going: _Going, let_in: list[tuple[str, bool]]) -> Went:
    """Note who had their turn. Whoever is the last for whom a minute has room ends a stretch; then the run rests.

    Two stretches lie a minute apart, and none has more people than a minute has room for: so no minute has.
    """
    run, now, entered = going.run, going.now, sum(enters for _, enters in let_in)
    since_rest = run["since_rest"] + entered
    rests = since_rest >= going.entry.per_minute
    await db.execute(
        _MOVE,
        *(run["shop"], run["plan"], run["due_at"], going.version.version),
        let_in[-1][0] if let_in else run["reached"],
        entered,
        len(let_in) - entered,
        0 if rests else since_rest,
        now + REST if rests else run["rests_until"],
        now,
    )
    return Went(entered, len(let_in) - entered, again_at=now + REST if rests else now)


async def _end(db: Connection, run: Record, state: str, reason: str | None, now: datetime) -> Went:
    await entry_runs.end(db, run["shop"], run["plan"], run["due_at"], state, reason, now)
    return Went()
