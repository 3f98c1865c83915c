"""Pauses of journeys, and what stands still with them: the time of their tasks."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from storage import tasks

if TYPE_CHECKING:
    from storage.database import Connection


async def pause(db: Connection, journey: str, at: datetime) -> bool:
    """Pause a running journey; tell whether it was running."""
    done = await db.execute(
        "update journeys set status = 'paused', paused_at = $2 where id = $1 and status = 'running'", journey, at
    )
    return done == "UPDATE 1"


async def resume(db: Connection, journey: str, at: datetime) -> bool:
    """Resume a paused journey with the time that was left, its tasks as well; tell whether it was paused."""
    paused_at = await db.fetchval(
        "update journeys j set status = 'running', next_at = j.next_at + ($2 - j.paused_at), paused_at = null"
        " from journeys was where j.id = $1 and was.id = j.id and j.status = 'paused' and j.paused_at <= $2"
        " returning was.paused_at",
        journey,
        at,
    )
    if paused_at is None:
        return False
    await tasks.move(db, journey, paused_at, at - paused_at)
    return True
