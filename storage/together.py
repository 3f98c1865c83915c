"""Takes what several callers tell at the same time together: one transaction serves them all.

Nobody waits for others to come. The first is taken at once; those that come meanwhile are the next transaction. One at
a time does more than several: they would wait for one another's people.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from journeys.events import Event
from storage import ingest
from storage.database import PASSING
from storage.following import Following
from storage.ingest import Taken

if TYPE_CHECKING:
    from storage.database import Pool

_Teller: TypeAlias = tuple[str, bool]
"""A shop, and whether its backend tells."""


@dataclass(frozen=True)
class _Call:
    """Events that one call tells, and what becomes of them."""

    events: Sequence[Event]
    became: asyncio.Future[list[Taken]]


class Together:
    """Takes the events of many callers.

    Args:
        pool: the database.
        following: follows carts and orders with journeys.

    """

    def __init__(self, pool: Pool, following: Following) -> None:
        self._pool = pool
        self._following = following
        self._waiting: defaultdict[_Teller, deque[_Call]] = defaultdict(deque)
        self._at_work: set[_Teller] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, shop: str, events: Sequence[Event]) -> list[Taken]:
        """Take events in that one caller tells. Each was checked; when this returns each is committed."""
        if not 0 < len(events) <= ingest.AT_ONCE:
            # A long batch is many transactions; others need not wait for it.
            return await ingest.take_all(self._pool, self._following, shop, events)
        teller = (shop, events[0].from_backend)
        call = _Call(events, asyncio.get_running_loop().create_future())
        self._waiting[teller].append(call)
        if teller not in self._at_work:
            self._at_work.add(teller)
            task = asyncio.create_task(self._take_waiting(teller))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await call.became

    async def _take_waiting(self, teller: _Teller) -> None:
        while calls := _next(self._waiting[teller]):
            await self._take_calls(teller[0], calls)
        self._at_work.discard(teller)

    async def _take_calls(self, shop: str, calls: list[_Call]) -> None:
        events = [event for call in calls for event in call.events]
        take = ingest.take_all if len(calls) == 1 else ingest.take_together
        try:
            taken = iter(await take(self._pool, self._following, shop, events))
        except Exception as error:  # noqa: BLE001 whoever waits for it raises it
            if len(calls) == 1 or isinstance(error, PASSING):
                _fail(calls, error)
                return
            # One of them is at fault: each by itself tells which.
            for call in calls:
                await self._take_calls(shop, [call])
            return
        for call in calls:
            became = list(islice(taken, len(call.events)))
            if not call.became.cancelled():
                call.became.set_result(became)


def _next(waiting: deque[_Call]) -> list[_Call]:
    """Give the calls that are next, as many as make one transaction."""
    calls: list[_Call] = []
    events = 0
    while waiting and (not calls or events + len(waiting[0].events) <= ingest.AT_ONCE):
        calls.append(waiting.popleft())
        events += len(calls[-1].events)
    return calls


def _fail(calls: list[_Call], error: Exception) -> None:
    for call in calls:
        if not call.became.cancelled():
            call.became.set_exception(error)
