"""Counts the segments of whoever an event concerns, right after it, and tells what changed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import structlog

from storage import segment_changes
from storage.database import PASSING
from storage.following import Following
from workers.pressure import Outage

if TYPE_CHECKING:
    from storage.database import Pool

IDLE = timedelta(milliseconds=250)
"""Nobody waits for it: ingest does not, and a decision asks what it must know at once by itself."""

log = structlog.get_logger()


class Segmenting:
    """Works off the queue that ingest writes. Many may run.

    Args:
        pool: Postgres.
        following: what events are taken in with.
        now: tells the shop's time.

    """

    def __init__(self, pool: Pool, following: Following, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._following = following
        self._now = now
        self._postgres = Outage()

    async def run(self, stop: asyncio.Event) -> None:
        """Count and tell until told to stop. An outage of Postgres is waited out."""
        while not stop.is_set():
            rest = IDLE
            try:
                if await self.batch():
                    rest = timedelta(0)
            except (*PASSING, asyncpg.PostgresError) as error:
                if self._postgres.goes_on():
                    log.warning("segments wait for Postgres", problem=type(error).__name__)
                rest = self._postgres.wait
            else:
                if self._postgres.ends():
                    log.info("segments are counted again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), rest.total_seconds())

    async def batch(self) -> bool:
        """Count those who wait and tell what changed, at most one batch of each; tell whether there was anything."""
        counted = await segment_changes.count_waiting(self._pool, self._now())
        told = await segment_changes.tell(self._pool, self._following, self._now())
        return counted + told > 0
