"""The clock of a rehearsal: recorded months pass at high speed, in the right order.

An event of time T is taken in before any decision due after T is made, and a decision due before T is made before
T's event is taken in. So the outcome does not depend on the speed, which is a ceiling.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from journeys.clock import Clock

LEAD = timedelta(milliseconds=50)
"""Timers fire this much early; about what Temporal's dev server is late (p99)."""
HOLD = timedelta(seconds=2)
"""How long a look is held whose moment has not come; then the journey waits on. Less than a local attempt may take."""
_FOREVER = datetime.max.replace(tzinfo=UTC)


class RecordedClock:
    """The shop's time while a recording is played.

    Args:
        start: the shop's time at the beginning.
        speed: shop seconds in a second, at most.

    """

    def __init__(self, start: datetime, speed: float) -> None:
        self._speed = speed
        self._shop, self._anchor = start, time.monotonic()
        self._began = (start, self._anchor)
        self._open_until = start
        self._opened = asyncio.Condition()

    def now(self) -> datetime:
        """Tell the shop's time. It does not pass the next event that is still to be taken in."""
        running = self._shop + timedelta(seconds=(time.monotonic() - self._anchor) * self._speed)
        return min(running, self._open_until)

    def decided(self, due: datetime) -> datetime:
        """Tell when a decision that was due counts as made: at that moment."""
        return due

    async def reached(self, due: datetime) -> bool:
        """Wait a little until every event up to the moment has been taken in; tell whether it has."""
        try:
            async with asyncio.timeout(HOLD.total_seconds()), self._opened:
                return await self._opened.wait_for(lambda: due < self._open_until)
        except TimeoutError:
            return False

    def clock(self) -> Clock:
        """Give the clock that a journey starts with."""
        return Clock(server=datetime.now(UTC), shop=self.now(), speed=self._speed, lead=LEAD)

    async def open_until(self, moment: datetime) -> None:
        """Let decisions that are due before the moment be made."""
        async with self._opened:
            self._open_until = max(moment, self._open_until)
            self._opened.notify_all()

    async def open_for_good(self) -> None:
        """Let all decisions be made: the recording is over."""
        self._shop, self._anchor = self.now(), time.monotonic()
        await self.open_until(_FOREVER)

    async def pace(self, moment: datetime) -> None:
        """Sleep until the shop's clock shows the moment."""
        left = (moment - self._shop).total_seconds() / self._speed - (time.monotonic() - self._anchor)
        if left > 0:
            await asyncio.sleep(left)

    def arrive(self, moment: datetime) -> None:
        """Set the clock to the moment whose event is taken in now: time that was lost is not made up for."""
        self._shop, self._anchor = moment, time.monotonic()

    @property
    def lag(self) -> timedelta:
        """How far real time has fallen behind the scaled clock."""
        start, began = self._began
        ideal = (self._shop - start).total_seconds() / self._speed
        return timedelta(seconds=max(self._anchor - began - ideal, 0))
