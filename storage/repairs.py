"""What was repaired: written down beside the repair, for the story of the journey and for operators."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from journeys.repairs import DONE, FOUND, Repair
from storage import journeys

if TYPE_CHECKING:
    from storage.database import Connection, Pool

_DAY = timedelta(days=1)


async def note(db: Connection, journey: str, what: Repair, at: datetime, *, words: str | None = None) -> None:
    """Write a repair down, in the transaction that makes it.

    ``words`` are somebody's own: they stay in Postgres.
    """
    why = f"{FOUND[what]}: {words}" if words else FOUND[what]
    await db.execute(
        "insert into repairs (shop, journey, at, what, why) select shop, id, $2, $3, $4 from journeys where id = $1",
        journey,
        at,
        what,
        why,
    )
    await journeys.log(db, journey, at, f"repaired: {DONE[what]}", why)


async def count(db: Pool) -> dict[Repair, int]:
    """Count all repairs that were ever made, by kind."""
    found = await db.fetch("select what, count(*) as n from repairs group by what")
    known = {row["what"]: row["n"] for row in found}
    return {kind: known.get(kind, 0) for kind in Repair}


async def of_the_last_day(db: Pool) -> int:
    """Count the repairs of the last 24 hours."""
    row = await db.fetchrow("select count(*) as n from repairs where at > now() - $1::interval", _DAY)
    return row["n"] if row else 0
