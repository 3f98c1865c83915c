"""Plans that a shop has paused: nothing of theirs goes out until they go on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.database import Connection, Pool


async def pause(db: Pool | Connection, shop: str, plan: str, at: datetime) -> None:
    """Pause a plan; one that is paused stays so."""
    await db.execute(
        "insert into paused_plans (shop, plan, paused_at) values ($1, $2, $3) on conflict do nothing", shop, plan, at
    )


async def resume(db: Pool | Connection, shop: str, plan: str) -> bool:
    """Let a plan go on; tell whether it was paused."""
    done = await db.execute("delete from paused_plans where shop = $1 and plan = $2", shop, plan)
    return done == "DELETE 1"


async def listing(db: Pool | Connection, shop: str) -> dict[str, datetime]:
    """Name the plans that are paused, with since when."""
    rows = await db.fetch("select plan, paused_at from paused_plans where shop = $1 order by plan", shop)
    return {row["plan"]: row["paused_at"] for row in rows}
