"""Keeps count of what is bought together, a bounded piece at a time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from temporalio import activity

from activities.clock import ShopClock
from activities.contracts import COUNT_PRODUCTS, FORGET_LINES, READ_PRODUCTS, ReadProducts
from journeys.related import COUNTED_FOR
from storage import co_purchases

if TYPE_CHECKING:
    from storage.database import Pool

EVENTS_AT_A_TIME = 500
"""Each has up to 32 KB."""
PRODUCTS_AT_A_TIME = 50
LINES_AT_A_TIME = 5000
STEPS = 10
"""Transactions in one call of an activity."""


class CoPurchases:
    """Reads, counts and forgets. Each may be repeated, or stopped at any point: the next call finds what is left."""

    def __init__(self, pool: Pool, clock: ShopClock) -> None:
        self._pool = pool
        self._clock = clock

    @activity.defn(name=READ_PRODUCTS)
    async def read_products(self, after: datetime | None) -> ReadProducts:
        """Read the next events for products and orders; those of the last minutes first where none was read yet."""
        events = 0
        for _ in range(STEPS):
            read = await co_purchases.read(self._pool, after, self._clock.now(), EVENTS_AT_A_TIME)
            events, after = events + read.events, read.until
            activity.heartbeat()
            if after is None:
                break
        return ReadProducts(events=events, until=after)

    @activity.defn(name=COUNT_PRODUCTS)
    async def count_products(self) -> int:
        """Count products that changed; tell how many, 0 when all are counted."""
        counted = 0
        for _ in range(STEPS):
            done = await co_purchases.count(self._pool, PRODUCTS_AT_A_TIME)
            counted += done
            activity.heartbeat()
            if not done:
                break
        return counted

    @activity.defn(name=FORGET_LINES)
    async def forget_lines(self) -> int:
        """Forget orders that count no more; tell how many lines, 0 when none is left."""
        forgotten = 0
        for _ in range(STEPS):
            done = await co_purchases.forget(self._pool, self._clock.now() - COUNTED_FOR, LINES_AT_A_TIME)
            forgotten += done
            activity.heartbeat()
            if not done:
                break
        return forgotten
