"""The upkeep of the event log's months."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.clock import ShopClock
from activities.contracts import DROP_MONTHS, MAKE_MONTHS
from storage import hooks, on_site, partitions

if TYPE_CHECKING:
    from storage.database import Pool

SHOWN_LONG_AGO = timedelta(days=1)


class Upkeep:
    """Makes months ahead and drops old ones.

    Args:
        pool: Postgres.
        clock: tells the time.
        keep_months: how many whole months of events are kept; 0 keeps all.

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
        """Drop the months that are no longer kept, and the webhooks' bodies of then; give the names of the tables.

        What pages showed goes after a day: it names what people looked at, and is shown for minutes.

        Raises:
            ApplicationError: the event log is busy; Temporal tries again.

        """
        now = self._clock.now()
        await on_site.forget_before(self._pool, now - SHOWN_LONG_AGO)
        if self._keep_months:
            await hooks.forget_before(self._pool, partitions.oldest_kept(now, self._keep_months))
        try:
            return await partitions.drop_old(self._pool, now, self._keep_months)
        except asyncpg.LockNotAvailableError:
            raise _busy() from None


def _busy() -> ApplicationError:
    return ApplicationError("the event log is busy", type="Busy", category=ApplicationErrorCategory.BENIGN)
