"""Looks after the tasks of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio import activity

from activities.clock import ShopClock
from activities.contracts import EXPIRE_TASKS, Expired
from storage import tasks

if TYPE_CHECKING:
    from storage.database import Pool


class TasksInTime:
    """Lets tasks expire. It may be repeated, or stopped at any point: the next run finds what is left."""

    def __init__(self, pool: Pool, clock: ShopClock) -> None:
        self._pool = pool
        self._clock = clock

    @activity.defn(name=EXPIRE_TASKS)
    async def expire(self) -> Expired:
        """Let those expire whose time is over; those of journeys that have ended are withdrawn."""
        now, expired = self._clock.now(), 0
        while found := await tasks.expire(self._pool, now):
            expired += found
            activity.heartbeat()
        return Expired(expired=expired)
