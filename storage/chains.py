"""Journeys that start each other: each knows by which one it was started, so that no plan comes round again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from storage import journeys

if TYPE_CHECKING:
    from storage.database import Connection

STARTED_BY = "started by a journey"
"""The line of a journey's story that names the one that started it."""


async def note(db: Connection, journey: str, by: str, at: datetime) -> None:
    """Note by which journey another one was started."""
    await journeys.log(db, journey, at, STARTED_BY, by)


async def plans_of(db: Connection, journey: str) -> list[str]:
    """Name the plans of the chain that a journey is the last of, the first one first."""
    rows = await db.fetch(
        "with recursive chain as (select id, plan, 0 as back from journeys where id = $1 union all"
        " select j.id, j.plan, back + 1 from chain join journey_log l on l.journey = chain.id and l.what = $2"
        " join journeys j on j.id = l.why) select plan from chain order by back desc",
        journey,
        STARTED_BY,
    )
    return [row["plan"] for row in rows]
