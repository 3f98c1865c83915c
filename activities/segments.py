"""Counts the segments and scores of all customers of a shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio import activity

from activities.clock import ShopClock
from activities.contracts import COUNT_SHOP, SHOPS_TO_COUNT, Counted, CountShop, ToCount
from storage import segments, shops, summaries

if TYPE_CHECKING:
    from storage.database import Pool

AT_ONCE = 200
"""People in a transaction."""


class Counting:
    """Counts everybody. It may be repeated, or stopped at any point: it goes on with those who are left."""

    def __init__(self, pool: Pool, clock: ShopClock) -> None:
        self._pool = pool
        self._clock = clock

    @activity.defn(name=SHOPS_TO_COUNT)
    async def shops(self) -> ToCount:
        """Give the shops, and the moment as of which their people are to be counted."""
        return ToCount(at=self._clock.now(), shops=tuple(await shops.names(self._pool)))

    @activity.defn(name=COUNT_SHOP)
    async def count_shop(self, what: CountShop) -> Counted:
        """Count everybody of a shop who was not counted since that moment, some at a time.

        The last one counted is remembered here and not told to Temporal: a customer's id may be their address.
        """
        async with self._pool.acquire() as db, db.transaction():
            await summaries.divide(db, what.shop, what.at)
        found, last = Counted(), ""
        while people := await segments.next_people(self._pool, what.shop, last, what.at, AT_ONCE):
            async with self._pool.acquire() as db, db.transaction():
                changed = await segments.count(db, what.shop, dict.fromkeys(people, what.at), what.at)
            found, last = Counted(people=found.people + len(people), changed=found.changed + changed), people[-1]
            activity.heartbeat()
        await segments.begin_to_tell(self._pool, what.shop, what.at)
        return found
