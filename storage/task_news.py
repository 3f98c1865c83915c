"""What is told of tasks and to whom, each once: to the shop by its webhook, to its agents by mails."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from storage.tasks import NOW, READ, Task

if TYPE_CHECKING:
    from storage.database import Connection, Pool

What = Literal["opened", "escalated", "expired", "withdrawn"]
"""Of what is told: a task is open; nobody has done it when others are to be told; nobody did it in time; its journey
ended before. Of the last two hears only who has heard of one of the first."""
OVER: tuple[What, ...] = ("expired", "withdrawn")
ALL: tuple[What, ...] = ("opened", "escalated", *OVER)

WEBHOOK = "webhook"
"""Whom the shop's webhook tells. All others have an address."""

OLD_NEWS = timedelta(days=7)
"""That a task is over is not told any more this long after it was due."""

_CAN_BE_DONE = f"t.state in ('open', 'claimed') and j.status <> 'ended' and t.due_at > {NOW.format(at='$2')}"
_IS_NEW = "not exists (select from task_told o where o.task_id = t.task_id and o.whom = $3 and o.what = $4)"
_IS_KNOWN = (
    "t.due_at > $2::timestamptz - $6::interval and exists (select from task_told o"
    " where o.task_id = t.task_id and o.whom = $3 and o.what in ('opened', 'escalated'))"
)
_OF: dict[What, tuple[str, str]] = {
    "opened": (_CAN_BE_DONE, "t.opened_at"),
    "escalated": (f"{_CAN_BE_DONE} and t.escalate_at <= {NOW.format(at='$2')}", "t.escalate_at"),
    "expired": (f"t.state = 'expired' and {_IS_KNOWN}", "t.due_at"),
    "withdrawn": (
        f"(t.state = 'withdrawn' or (t.state in ('open', 'claimed') and j.status = 'ended')) and {_IS_KNOWN}",
        "t.due_at",
    ),
}
"""Of which tasks each is told, and in which order."""


async def to_tell(
    db: Pool | Connection, shop: str, whom: str, whats: Iterable[What], now: datetime, limit: int
) -> list[tuple[What, Task]]:
    """Read what somebody has yet to hear, of each kind so much at most."""
    return [(what, task) for what in whats for task in await _untold(db, shop, whom, what, now, limit)]


async def _untold(db: Pool | Connection, shop: str, whom: str, what: What, now: datetime, limit: int) -> list[Task]:
    holds, order = _OF[what]
    old_news = [OLD_NEWS] if what in OVER else []
    rows = await db.fetch(
        f"{READ} where t.shop = $1 and {holds} and {_IS_NEW} order by {order}, t.task_id limit $5",
        shop,
        now,
        whom,
        what,
        limit,
        *old_news,
    )
    return [Task(**row) for row in rows]


async def told(db: Pool | Connection, whom: str, what: What, task: Task, at: datetime) -> None:
    """Note that somebody has heard it."""
    await db.execute(
        "insert into task_told (task_id, whom, what, at) values ($1, $2, $3, $4) on conflict do nothing",
        task.task_id,
        whom,
        what,
        at,
    )
