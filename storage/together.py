"""Takes events that come one by one but at the same time together, as a batch: one transaction serves them all.

Nobody waits for others to come. The first is taken at once; those that come meanwhile are the next transaction.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, TypeAlias

from journeys.events import Event
from storage import ingest
from storage.database import PASSING
from storage.following import Following
from storage.ingest import Taken

if TYPE_CHECKING:
    from storage.database import Pool

_AT_A_TIME = 2
"""Transactions for one kind of teller: while Postgres works on one, the next is prepared."""

_Teller: TypeAlias = tuple[str, bool]
"""A shop, and whether its backend tells."""
_Waiting: TypeAlias = tuple[Event, asyncio.Future[Taken]]


class Together:
    """Takes the events of many callers.

    Args:
        pool: the database.
        following: follows carts and orders with journeys.

    """

    def __init__(self, pool: Pool, following: Following) -> None:
        self._pool = pool
        self._following = following
        self._waiting: defaultdict[_Teller, list[_Waiting]] = defaultdict(list)
        self._running: Counter[_Teller] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, shop: str, event: Event) -> Taken:
        """Take an event in that was checked. When this returns it is committed and visible to every later decision."""
        teller = (shop, event.from_backend)
        became: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._waiting[teller].append((event, became))
        if self._running[teller] < _AT_A_TIME:
            self._running[teller] += 1
            task = asyncio.create_task(self._take_waiting(teller))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await became

    async def _take_waiting(self, teller: _Teller) -> None:
        while some := self._waiting.pop(teller, []):
            await self._take_some(teller[0], some)
        self._running[teller] -= 1

    async def _take_some(self, shop: str, some: list[_Waiting]) -> None:
        try:
            taken = await ingest.take_together(self._pool, self._following, shop, [event for event, _ in some])
        except Exception as error:  # noqa: BLE001 whoever waits for it raises it
            if len(some) == 1 or isinstance(error, PASSING):
                _fail(some, error)
                return
            # One of them is at fault: each by itself.
            for one in some:
                await self._take_some(shop, [one])
            return
        for (_, became), status in zip(some, taken, strict=True):
            if not became.cancelled():
                became.set_result(status)


def _fail(some: list[_Waiting], error: Exception) -> None:
    for _, became in some:
        if not became.cancelled():
            became.set_exception(error)
