"""Lets people into plans at the moments of their schedules."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from temporalio import activity

from activities.clock import ShopClock
from activities.contracts import LET_IN, OPEN_RUNS, LetIn, Opened
from storage import entry_runs
from storage.database import PASSING
from storage.entering import Entering, Went

if TYPE_CHECKING:
    from storage.database import Pool
    from storage.plans import Plans

LONGEST = timedelta(seconds=45)
"""Then moments that have come meanwhile are looked for first."""

log = structlog.get_logger()

Run = tuple[str, str, datetime]
"""Its shop, its plan, its moment."""


class EnteringInTime:
    """Begins runs and goes on with them. It may be stopped at any point: the next one goes on where it stood.

    Args:
        pool: Postgres.
        plans: the published plans.
        entering: lets some people in.
        clock: tells the time.

    """

    def __init__(self, pool: Pool, plans: Plans, entering: Entering, clock: ShopClock) -> None:
        self._pool = pool
        self._plans = plans
        self._entering = entering
        self._clock = clock

    @activity.defn(name=OPEN_RUNS)
    async def open(self) -> Opened:
        """Begin the runs whose moments have come."""
        return Opened(runs=await entry_runs.open_due(self._pool, self._plans, self._clock.now()))

    @activity.defn(name=LET_IN)
    async def let_in(self) -> LetIn:
        """Let people in, some of each run in turn, until every run rests or is over."""
        begun, went, failed, rest = time.monotonic(), list[Went](), 0, list[datetime]()
        runs = await entry_runs.running(self._pool)
        while runs and time.monotonic() - begun < LONGEST.total_seconds():
            goes_on: list[Run] = []
            for run in runs:
                activity.heartbeat()
                now = self._clock.now()
                one = await self._go_on(run, now)
                if one is None:
                    failed += 1
                    continue
                went.append(one)
                if one.again_at is not None:
                    goes_on += [run] if one.again_at <= now else []
                    rest += [one.again_at] if one.again_at > now else []
            runs = goes_on
        return LetIn(
            entered=sum(one.entered for one in went),
            passed_over=sum(one.passed_over for one in went),
            failed=failed,
            again_in=max(min(rest) - self._clock.now(), timedelta(0)) if rest else None,
        )

    async def _go_on(self, run: Run, now: datetime) -> Went | None:
        shop, plan, due = run
        try:
            return await self._entering.go_on(shop, plan, due, now)
        except PASSING:
            raise
        except Exception as error:  # noqa: BLE001 it keeps none of the others from going on
            log.warning("people cannot enter", shop=shop, plan=plan, problem=type(error).__name__)
            return None
