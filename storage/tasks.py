"""Tasks: what people are to do for journeys, each once. A journey that has ended wants nothing of them any more."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from journeys.signals import Heard
from journeys.steps import Task as Step
from storage import journeys, outbox
from storage.journeys import Journey

if TYPE_CHECKING:
    from storage.database import Connection, Pool

COMPLETED = "Task Completed"
EXPIRED = "Task Expired"
MOST_TEXT = 2_000
"""Characters that may be written for a task."""
MOST_BY = 256
"""Characters of the name of who does it."""
AT_ONCE = 500
"""So many expire in one transaction, at most."""


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes:
        state: open, claimed, done, expired, or withdrawn: its journey has ended before.
        text: what they wrote.
        paused_at: since when its journey is paused; until it goes on, the time of the task stands still.

    """

    task_id: str
    journey: str
    plan: str
    step: str
    shop: str
    customer_id: str
    title: str
    opened_at: datetime
    due_at: datetime
    escalate_at: datetime | None
    state: str
    claimed_by: str | None
    claimed_at: datetime | None
    done_by: str | None
    done_at: datetime | None
    text: str | None
    paused_at: datetime | None

    def state_at(self, at: datetime) -> str:
        """Tell in which state it is at a moment: its time may be over before ``expire`` notes it."""
        is_over = self.state in _WAITING and self.due_at <= (self.paused_at or at)
        return "expired" if is_over else self.state


class TaskStateError(ValueError):
    """A task is in no state in which that can be done; the text says in which it is."""


_WAITING = ("open", "claimed")
NOW = "coalesce(j.paused_at, {at})"
"""The moment by which the time of a task is told, beside the row ``j`` of its journey."""
_OF_JOURNEY = {"state", "plan", "paused_at"}
_COLUMNS = ", ".join(f"t.{name}" for name in Task.__dataclass_fields__ if name not in _OF_JOURNEY)
READ = f"""
select {_COLUMNS}, j.plan, j.paused_at,
       case when t.state in ('open', 'claimed') and j.status = 'ended' then 'withdrawn' else t.state end as state
  from tasks t join journeys j on j.id = t.journey
"""  # noqa: S608 constant columns


async def open_task(db: Connection, journey: Journey, step: Step, at: datetime, *, due_at: datetime) -> None:
    """Open a journey's task, unless it is open already."""
    wanted = step.task
    await db.execute(
        "insert into tasks (task_id, journey, step, shop, customer_id, title, opened_at, due_at, escalate_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
        hashlib.sha256(f"{journey.id}\0{step.id}".encode()).hexdigest()[:32],
        journey.id,
        step.id,
        journey.shop,
        journey.customer_id,
        wanted.title,
        at,
        due_at,
        at + wanted.escalate_after if wanted.escalate_after else None,
    )


async def find(db: Pool | Connection, task_id: str) -> Task | None:
    """Read one task, or None where there is none."""
    row = await db.fetchrow(f"{READ} where t.task_id = $1", task_id)
    return Task(**row) if row else None


async def get(db: Pool | Connection, shop: str, task_id: str) -> Task | None:
    """Read one task of a shop, or None where there is none."""
    found = await find(db, task_id)
    return found if found and found.shop == shop else None


async def of_journey(db: Pool | Connection, journey: str) -> dict[str, Task]:
    """Read the tasks of a journey, by step."""
    rows = await db.fetch(f"{READ} where t.journey = $1", journey)
    return {row["step"]: Task(**row) for row in rows}


async def page(
    db: Pool,
    shop: str,
    state: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
    *,
    plan: str | None = None,
    customer: str | None = None,
) -> list[Task]:
    """List tasks, those first that are due first, from a place in the list onwards."""
    rows = await db.fetch(
        f"select * from ({READ} where t.shop = $1) listed where ($2::text is null or state = $2)"  # noqa: S608 constant
        " and ($3::timestamptz is null or (due_at, task_id) > ($3, $4::text))"
        " and ($6::text is null or plan = $6) and ($7::text is null or customer_id = $7)"
        " order by due_at, task_id limit $5",
        shop,
        state,
        after[0] if after else None,
        after[1] if after else None,
        limit,
        plan,
        customer,
    )
    return [Task(**row) for row in rows]


async def claim(pool: Pool, task: Task, by: str, at: datetime) -> None:
    """Note who does a task; whoever claims it last does it.

    Raises:
        TaskStateError: it is done, expired or withdrawn.

    """
    done = await pool.execute(
        "update tasks t set state = 'claimed', claimed_by = $2, claimed_at = $3 from journeys j"  # noqa: S608 constant
        " where t.task_id = $1 and j.id = t.journey and j.status <> 'ended' and t.state in ('open', 'claimed')"
        f" and t.due_at > {NOW.format(at='$3')}",
        task.task_id,
        by,
        at,
    )
    if done != "UPDATE 1":
        await _refuse(pool, task, at)


async def complete(pool: Pool, task: Task, by: str, text: str, at: datetime) -> None:
    """Note that a task is done, and have its journey hear of it. The same word twice is one.

    Raises:
        TaskStateError: it was done otherwise, has expired or was withdrawn.

    """
    async with pool.acquire() as db, db.transaction():
        done = await db.execute(
            "update tasks t set state = 'done', done_by = $2, text = $3, done_at = $4 from journeys j"  # noqa: S608 constant
            " where t.task_id = $1 and j.id = t.journey and j.status <> 'ended' and t.state in ('open', 'claimed')"
            f" and t.due_at > {NOW.format(at='$4')}",
            task.task_id,
            by,
            text,
            at,
        )
        if done == "UPDATE 1":
            await journeys.log(db, task.journey, at, f"{task.step}: done", f"by {by}")
            await outbox.signal(db, task.journey, Heard(at=at, event=COMPLETED))
            return
    known = await get(pool, task.shop, task.task_id)
    if known is None or (known.state, known.done_by, known.text) != ("done", by, text):
        await _refuse(pool, task, at)


async def expire(pool: Pool, now: datetime) -> int:
    """Let tasks expire whose time is over, and have their journeys hear of it; tell how many were looked at.

    What nobody did for a journey that has ended is withdrawn. At most ``AT_ONCE`` are looked at.
    """
    async with pool.acquire() as db, db.transaction():
        rows = await db.fetch(
            "update tasks t set state = case when j.status = 'ended' then 'withdrawn' else 'expired' end"  # noqa: S608 constant
            " from journeys j where j.id = t.journey and t.task_id in (select t.task_id from tasks t"
            " join journeys j on j.id = t.journey where t.state in ('open', 'claimed')"
            f" and t.due_at <= $1 and t.due_at <= {NOW.format(at='$1')}"
            " order by t.due_at limit $2 for update of t skip locked) returning t.journey, t.step, t.due_at, t.state",
            now,
            AT_ONCE,
        )
        for row in rows:
            if row["state"] == "withdrawn":
                continue
            await journeys.log(db, row["journey"], row["due_at"], f"{row['step']}: not done in time", "nobody did it")
            await outbox.signal(db, row["journey"], Heard(at=now, event=EXPIRED))
    return len(rows)


async def move(db: Connection, journey: str, since: datetime, by: timedelta) -> None:
    """Give a journey's tasks the time back for which it was paused; those that were over before have none left."""
    await db.execute(
        "update tasks set due_at = due_at + $3,"
        " escalate_at = case when escalate_at > $2 then escalate_at + $3 else escalate_at end"
        " where journey = $1 and state in ('open', 'claimed') and due_at > $2",
        journey,
        since,
        by,
    )


async def _refuse(pool: Pool, task: Task, at: datetime) -> None:
    known = await get(pool, task.shop, task.task_id)
    raise TaskStateError(f"the task is {known.state_at(at) if known else 'gone'}")
