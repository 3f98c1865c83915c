"""Where each shop hears of tasks (the settings are encrypted already), and of which it has yet to hear."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from storage.tasks import READ, Task

if TYPE_CHECKING:
    from storage.database import Connection, Pool

What = Literal["opened", "escalated"]
"""Of what a shop hears: that a task is open, and that nobody has done it when others are to be told."""

_HEARD = {"opened": "told_at", "escalated": "escalated_at"}


async def save(db: Pool | Connection, shop: str, settings: bytes) -> None:
    """Keep where a shop hears of tasks, in place of what was kept before."""
    await db.execute(
        "insert into task_hooks (shop, settings) values ($1, $2)"
        " on conflict (shop) do update set settings = excluded.settings",
        shop,
        settings,
    )


async def get(db: Pool | Connection, shop: str) -> bytes | None:
    """Read where a shop hears of tasks; None where it does not."""
    settings: bytes | None = await db.fetchval("select settings from task_hooks where shop = $1", shop)
    return settings


async def remove(db: Pool | Connection, shop: str) -> bool:
    """Forget where a shop hears of tasks; tell whether it did."""
    return await db.execute("delete from task_hooks where shop = $1", shop) == "DELETE 1"


async def every(db: Pool | Connection) -> dict[str, bytes]:
    """Read the settings of all shops that hear of tasks. A shop in sandbox mode is told when it leaves that."""
    rows = await db.fetch("select shop, settings from task_hooks join shops using (shop) where mode <> 'sandbox'")
    return {row["shop"]: row["settings"] for row in rows}


async def to_tell(db: Pool | Connection, shop: str, now: datetime, limit: int) -> list[tuple[What, Task]]:
    """Read of which tasks a shop has yet to hear, and what of them: only of those that somebody can still do."""
    waiting = "t.shop = $1 and t.state in ('open', 'claimed') and j.status <> 'ended' and t.due_at > $2"
    opened = await db.fetch(
        f"{READ} where {waiting} and t.told_at is null order by t.opened_at limit $3", shop, now, limit
    )
    late = await db.fetch(
        f"{READ} where {waiting} and t.escalate_at <= $2 and t.escalated_at is null order by t.escalate_at limit $3",
        shop,
        now,
        limit,
    )
    return [*(("opened", Task(**row)) for row in opened), *(("escalated", Task(**row)) for row in late)]


async def told(db: Pool | Connection, what: What, task: Task, at: datetime) -> None:
    """Note that the shop has heard of it."""
    await db.execute(f"update tasks set {_HEARD[what]} = $2 where task_id = $1", task.task_id, at)  # noqa: S608 constant
