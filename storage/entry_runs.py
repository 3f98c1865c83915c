"""Moments at which people enter plans by their schedules: which have come, and how their runs stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from journeys.entry import ByMoments
from storage.database import PASSING
from storage.plans import Plans, PlanVersion

if TYPE_CHECKING:
    from storage.database import Connection, Pool

log = structlog.get_logger()

LATE = timedelta(hours=6)
"""So long after its moment a run may begin, and so long may it stand still: the morning's news is not for the night."""
_LOOK_BACK = timedelta(days=8)
"""Moments that were missed longer ago, while nothing ran, are not noted."""

_BY_MOMENTS = """
select v.shop, v.plan, v.version from plan_versions v
 where v.content::jsonb -> 'entry' ?| array['schedule', 'at']
   and not exists (
       select from plan_versions n where n.shop = v.shop and n.plan = v.plan and n.version > v.version)
 order by v.shop, v.plan
"""
_STAND_STILL = """
update entry_runs set state = 'stopped', reason = $3, reached = '', ended_at = $1
 where state = 'running' and moved_at < $2
"""
_OPEN = """
insert into entry_runs (shop, plan, due_at, version, state, reason, rests_until, moved_at, ended_at)
values ($1, $2, $3, $4, $5, $6, $7, $7, case when $5 <> 'running' then $7::timestamptz end) on conflict do nothing
"""


@dataclass(frozen=True)
class EntryRun:
    """One moment of a plan's schedule, and what came of it.

    Attributes:
        due_at: the moment.
        version: of the plan, by which people were let in last.
        state: running, paused (the plan is), done, missed (nobody was let in), or stopped before everybody had
            their turn.
        reason: why it was missed or stopped.
        entered: people for whom a journey was started.
        passed_over: people who were looked at, and whom the plan did not let in.

    """

    plan: str
    due_at: datetime
    version: int
    state: str
    reason: str | None
    entered: int
    passed_over: int
    ended_at: datetime | None


async def page(pool: Pool, shop: str, plan: str, before: datetime | None, limit: int) -> list[EntryRun]:
    """List the runs of a plan, newest first, from a moment in the list onwards."""
    rows = await pool.fetch(
        "select r.plan, r.due_at, r.version, r.reason, r.entered, r.passed_over, r.ended_at,"
        " case when r.state = 'running' and p.plan is not null then 'paused' else r.state end as state"
        " from entry_runs r left join paused_plans p on p.shop = r.shop and p.plan = r.plan"
        " where r.shop = $1 and r.plan = $2 and ($3::timestamptz is null or r.due_at < $3)"
        " order by r.due_at desc limit $4",
        shop,
        plan,
        before,
        limit,
    )
    return [EntryRun(**row) for row in rows]


async def running(pool: Pool) -> list[tuple[str, str, datetime]]:
    """Name the runs that are not over, of all shops: shop, plan and moment; those of the earliest moments first."""
    rows = await pool.fetch(
        "select shop, plan, due_at from entry_runs where state = 'running' order by due_at, shop, plan"
    )
    return [(row["shop"], row["plan"], row["due_at"]) for row in rows]


async def end(
    db: Connection, shop: str, plan: str, due: datetime, state: str, reason: str | None, at: datetime
) -> None:
    """End a run."""
    await db.execute(
        "update entry_runs set state = $4, reason = $5, reached = '', moved_at = $6, ended_at = $6"
        " where shop = $1 and plan = $2 and due_at = $3",
        shop,
        plan,
        due,
        state,
        reason,
        at,
    )


async def open_due(pool: Pool, plans: Plans, now: datetime) -> int:
    """Begin the runs whose moments have come, and note those that were missed; tell how many have begun.

    Runs that have stood still for too long are stopped first. Several may do so at the same time. A plan whose moments
    we cannot tell, by our own mistake, keeps none of the others from beginning.
    """
    hours = LATE // timedelta(hours=1)
    await pool.execute(_STAND_STILL, now, now - LATE, f"it had stood still for more than {hours} hours")
    begun = 0
    for row in await pool.fetch(_BY_MOMENTS):
        version = await plans.readable(pool, row["shop"], row["plan"], row["version"])
        if version is not None:
            begun += await _try_to_open_due(pool, plans, version, now)
    return begun


async def _try_to_open_due(pool: Pool, plans: Plans, version: PlanVersion, now: datetime) -> int:
    """Begin the runs of a plan whose moments have come; tell how many have begun."""
    try:
        return await _open_due_of(pool, plans, version, now)
    except PASSING:
        raise
    except Exception as error:  # noqa: BLE001 it keeps none of the others from beginning
        problem = type(error).__name__
        log.warning("the runs of a plan cannot begin", shop=version.shop, plan=version.plan.name, problem=problem)
        return 0


async def _open_due_of(pool: Pool, plans: Plans, version: PlanVersion, now: datetime) -> int:
    begun = 0
    for due in await _new_moments(pool, version, now):
        if await _counted_then(pool, plans, version, due):
            begun += await _open(pool, version, due, now)
    return begun


async def _new_moments(pool: Pool, version: PlanVersion, now: datetime) -> list[datetime]:
    """Give the moments of a plan that have come and are not known yet, the earliest first."""
    entry, since = version.plan.entry, now - _LOOK_BACK
    if not isinstance(entry, ByMoments):
        return []
    rows = await pool.fetch(
        "select due_at from entry_runs where shop = $1 and plan = $2 and due_at > $3",
        version.shop,
        version.plan.name,
        since,
    )
    known = {row["due_at"] for row in rows}
    return [due for due in entry.moments(since, now) if due not in known]


async def _counted_then(pool: Pool, plans: Plans, version: PlanVersion, due: datetime) -> bool:
    """Tell whether the version that was the newest at a moment had it in its schedule already."""
    then = await pool.fetchval(
        "select max(version) from plan_versions where shop = $1 and plan = $2 and published_at <= $3",
        version.shop,
        version.plan.name,
        due,
    )
    if then is None:
        return False
    counted = await plans.readable(pool, version.shop, version.plan.name, then)
    return counted is not None and isinstance(counted.plan.entry, ByMoments) and counted.plan.entry.has(due)


async def _open(pool: Pool, version: PlanVersion, due: datetime, now: datetime) -> bool:
    """Begin a run, unless it is too late or the plan lets nobody in; tell whether it has begun now."""
    shop, plan = version.shop, version.plan.name
    if now - due > LATE:
        return await _missed(pool, version, due, now, f"more than {LATE // timedelta(hours=1)} hours had passed")
    if await pool.fetchval("select exists (select from archived_plans where shop = $1 and plan = $2)", shop, plan):
        return await _missed(pool, version, due, now, "the plan was archived")
    done = await pool.execute(_OPEN, shop, plan, due, version.version, "running", None, now)
    if done == "INSERT 0 1":
        return True
    return await _missed(pool, version, due, now, "the run of the moment before still went on")


async def _missed(pool: Pool, version: PlanVersion, due: datetime, now: datetime, why: str) -> bool:
    """Note that nobody is let in at a moment, unless the moment is known by now."""
    await pool.execute(_OPEN, version.shop, version.plan.name, due, version.version, "missed", why, now)
    return False
