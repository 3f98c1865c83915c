"""The relay: tells Temporal what Postgres has decided, at least once, and rides out any outage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import structlog
from temporalio.client import Client

from journeys.clock import Clock
from storage import outbox
from storage.database import PASSING
from storage.outbox import Delivery, GivenBack, Run
from storage.plans import Plans
from workers.failures import Failure, judge, reason
from workers.pressure import Outage, Pressure, backoff
from workers.telling import LONGEST_CALL, Telling

if TYPE_CHECKING:
    from storage.database import Pool

IDLE = timedelta(milliseconds=50)
PUSHED_BACK = timedelta(milliseconds=250)
"""How long to rest when Temporal says that it is too much."""
ALONE = timedelta(seconds=5)
"""How long a journey waits that Temporal did not answer for, while it answered for others."""
MOST_TRIES = 10

_LAST_CALL = (outbox.LEASE - 2 * LONGEST_CALL).total_seconds()
"""No call begins so late in a lease that it might outlast it."""

_DATABASE_TROUBLE = (*PASSING, asyncpg.PostgresError)

log = structlog.get_logger()


def world_clock() -> Clock:
    """Give the clock that runs like the world's."""
    now = datetime.now(UTC)
    return Clock(server=now, shop=now)


@dataclass
class _Told:
    """What became of a run: rows that were delivered, rows to park with their reason, and where it stopped.

    Attributes:
        stopped_at: the row that must be tried again.
        failure: why; None where time was up.
        trouble: that of Postgres; then the lease runs out by itself.

    """

    run: Run
    delivered: list[int] = field(default_factory=list)
    parked: dict[int, str] = field(default_factory=dict)
    stopped_at: Delivery | None = None
    failure: Failure | None = None
    problem: str = ""
    trouble: Exception | None = None


class Relay:
    """Delivers the outbox. Many may run; no row lock is held while Temporal is called.

    Args:
        pool: Postgres.
        client: Temporal; it may be down. It should not try again by itself (``temporal.ONCE``): the relay does.
        plans: the published plans.
        secret: the key by which ids that may not be shown are hashed.
        clock: gives the clock that a journey starts with.

    Attributes:
        pressure: how much it tells Temporal at once.
        rest: how long it rests before the next batch.

    """

    def __init__(
        self,
        pool: Pool,
        client: Client,
        plans: Plans,
        secret: bytes,
        clock: Callable[[], Clock] = world_clock,
    ) -> None:
        self._pool = pool
        self._telling = Telling(pool, client, plans, secret, clock)
        self.pressure = Pressure()
        self._temporal = Outage()
        self._postgres = Outage()
        self.rest = timedelta(0)

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until told to stop. An outage of Postgres or of Temporal is waited out."""
        while not stop.is_set():
            try:
                await self.deliver_batch()
            except _DATABASE_TROUBLE as error:
                if self._postgres.goes_on():
                    log.warning("relay cannot reach Postgres and waits for it", problem=type(error).__name__)
                self.rest = self._postgres.wait
            else:
                if self._postgres.ends():
                    log.info("relay reaches Postgres again")
            await _pause(stop, self.rest)

    async def deliver_batch(self) -> bool:
        """Deliver what is due, at most one batch; tell whether there was anything."""
        # While Temporal is away, one journey at a time finds out whether it is back.
        width = 1 if self._temporal.lasts else self.pressure.width
        runs = await outbox.lease(self._pool, width)
        self.rest = timedelta(0) if runs else IDLE
        if not runs:
            return False
        leased = asyncio.get_running_loop().time()
        told = await asyncio.gather(*(self._deliver(run, leased) for run in runs))
        self._learn(told, full=len(runs) == width)
        await self._settle(told)
        return True

    async def _deliver(self, run: Run, leased: float) -> _Told:
        """Deliver a journey's rows one after the other, up to the first that must be tried again."""
        told = _Told(run)
        for delivery in run.deliveries:
            if asyncio.get_running_loop().time() - leased > _LAST_CALL:
                told.stopped_at = delivery
                break
            try:
                await self._telling.tell(run.journey, delivery)
            except _DATABASE_TROUBLE as error:
                told.trouble = error
                break
            except Exception as error:  # noqa: BLE001 a row that cannot be delivered must not stop the others
                if (failure := judge(error)) is not Failure.POISON:
                    told.stopped_at, told.failure, told.problem = delivery, failure, reason(error)
                    break
                told.parked[delivery.id] = reason(error)
            else:
                told.delivered.append(delivery.id)
        return told

    def _learn(self, told: list[_Told], *, full: bool) -> None:
        """Learn from a batch how Temporal does."""
        failures = {run.failure: run.problem for run in told if run.failure not in {None, Failure.OURS}}
        delivered = any(run.delivered for run in told)
        if Failure.BUSY in failures:
            self.pressure.pushed_back()
            self.rest = PUSHED_BACK
        elif full and not failures:
            self.pressure.went_well()
        if delivered or Failure.BUSY in failures:
            if self._temporal.ends():
                log.info("relay reaches Temporal again")
        elif failures:
            # Not even an answer that nobody knows is a row's own while nothing else is taken either.
            if self._temporal.goes_on():
                log.warning("relay cannot reach Temporal and waits for it", problem=next(iter(failures.values())))
            self.rest = self._temporal.wait

    async def _settle(self, told: list[_Told]) -> None:
        """Write down what became of a batch."""
        parked = {row: problem for run in told for row, problem in run.parked.items()}
        given_back = []
        for run in told:
            if run.stopped_at is None:
                continue
            given = self._given_back(run, run.stopped_at)
            if given.problem and given.delivery.tries + 1 >= MOST_TRIES:
                parked[given.delivery.id] = given.problem
                # The rows behind it have waited long enough.
                given = GivenBack(given.delivery, given.run, timedelta(0))
            given_back.append(given)
        for row, problem in parked.items():
            log.warning("relay parks a row that cannot be delivered", row=row, problem=problem)
        await outbox.done(self._pool, [row for run in told for row in run.delivered])
        await outbox.park(self._pool, parked)
        await outbox.give_back(self._pool, given_back)
        for run in told:
            if run.trouble is not None:
                raise run.trouble

    def _given_back(self, told: _Told, delivery: Delivery) -> GivenBack:
        """Give the terms on which a journey's rows go back."""
        match told.failure:
            case Failure.BUSY:
                return GivenBack(delivery, told.run, PUSHED_BACK)
            case Failure.AWAY if not self._temporal.lasts:
                return GivenBack(delivery, told.run, ALONE)
            case Failure.OURS:
                return GivenBack(delivery, told.run, backoff(delivery.tries), told.problem)
            case Failure.UNKNOWN if not self._temporal.lasts:
                return GivenBack(delivery, told.run, backoff(delivery.tries), told.problem)
            case Failure.UNKNOWN:
                # What comes in meanwhile goes first: it finds out whether it was the row.
                return GivenBack(delivery, told.run, self._temporal.wait)
        return GivenBack(delivery, told.run, timedelta(0))


async def _pause(stop: asyncio.Event, length: timedelta) -> None:
    try:
        await asyncio.wait_for(stop.wait(), length.total_seconds())
    except TimeoutError:
        return
