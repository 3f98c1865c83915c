"""The upkeep of what was told long ago: the event log's months, and the webhooks that could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.clock import ShopClock
from activities.contracts import DROP_MONTHS, MAKE_MONTHS
from storage import hooks, partitions

if TYPE_CHECKING:
    from storage.database import Pool


class Upkeep:
    """Makes months ahead, drops old ones, and lets go of signed bodies of their age: these name people as well.

    Args:
        pool: Postgres.
        clock: tells the time.
        keep_months: how many whole months are kept; 0 keeps all.

    """

    def __init__(self, pool: Pool, clock: ShopClock, keep_months: int) -> None:
        self._pool = pool
        self._clock = clock
        self._keep_months = keep_months

    @activity.defn(name=MAKE_MONTHS)
    async def make_months(self) -> list[str]:
        """Make the months to come where they are missing; give the names of their tables.

        Raises:
            ApplicationError: the event log is busy; Temporal tries again.

        """
        try:
            async with self._pool.acquire() as db:
                return await partitions.make_ahead(db, self._clock.now())
        except asyncpg.LockNotAvailableError:
            raise _busy() from None

    @activity.defn(name=DROP_MONTHS)
    async def drop_months(self) -> list[str]:
        """Drop the months that are no longer kept, and bodies as old; give the names of the months' tables.

        Raises:
            ApplicationError: the event log is busy; Temporal tries again.

        """
        now = self._clock.now()
        if self._keep_months:
            await hooks.forget_before(self._pool, partitions.month_of(now, -self._keep_months))
        try:
            return await partitions.drop_old(self._pool, now, self._keep_months)
        except asyncpg.LockNotAvailableError:
            raise _busy() from None


def _busy() -> ApplicationError:
    return ApplicationError("the event log is busy", type="Busy", category=ApplicationErrorCategory.BENIGN)
