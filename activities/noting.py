"""What happened to a journey itself, written down in Postgres: its end, a pause, a resumption."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio import activity

from activities.contracts import END, PAUSE, RESUME, EndInput, JourneyResult, PauseInput
from storage import journeys, pausing

if TYPE_CHECKING:
    from storage.database import Pool


class Noting:
    """Writes down what Postgres may not know yet: a signal can come straight from a backend that speaks Temporal."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn(name=END)
    async def end(self, order: EndInput) -> JourneyResult:
        """End the journey, unless Postgres knows of an end already: that outcome counts, and is returned.

        Raises:
            UnknownJourneyError: there is no such journey.

        """
        async with self._pool.acquire() as db, db.transaction():
            await journeys.end(db, order.journey, order.outcome, order.reason, order.at)
            ended = await journeys.get(db, order.journey)
        # The reason that Postgres keeps may be somebody's own words; those stay out of Temporal.
        return JourneyResult(outcome=ended.outcome or order.outcome, reason=order.reason)

    @activity.defn(name=PAUSE)
    async def note_pause(self, order: PauseInput) -> None:
        """Note that a journey is paused, if it was not noted before."""
        async with self._pool.acquire() as db, db.transaction():
            if await pausing.pause(db, order.journey, order.at):
                await journeys.log(db, order.journey, order.at, "paused", "by signal")

    @activity.defn(name=RESUME)
    async def note_resume(self, order: PauseInput) -> None:
        """Note that a journey goes on, if it was not noted before."""
        async with self._pool.acquire() as db, db.transaction():
            if await pausing.resume(db, order.journey, order.at):
                await journeys.log(db, order.journey, order.at, "resumed", "by signal")
