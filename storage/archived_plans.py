"""Plans that a shop has archived: nothing starts them; the journeys that run go on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.database import Connection, Pool


async def archive(db: Pool | Connection, shop: str, plan: str, at: datetime) -> None:
    """Archive a plan; one that is archived stays so."""
    await db.execute(
        "insert into archived_plans (shop, plan, archived_at) values ($1, $2, $3) on conflict do nothing",
        shop,
        plan,
        at,
    )


async def unarchive(db: Pool | Connection, shop: str, plan: str) -> bool:
    """Let a plan start journeys again; tell whether it was archived."""
    done = await db.execute("delete from archived_plans where shop = $1 and plan = $2", shop, plan)
    return done == "DELETE 1"
