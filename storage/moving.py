"""Moving running journeys to another version of their plan. In Postgres first, then for Temporal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.moving import landing
from journeys.plan import Plan
from storage import journeys, outbox
from storage.holding import hold
from storage.journeys import Journey
from storage.plans import Plans, PlanVersion

if TYPE_CHECKING:
    from storage.database import Connection, Pool


@dataclass(frozen=True)
class Landing:
    """Where a journey goes on in another version, or why it does not go there.

    Attributes:
        version: the one that it has.
        left: the step at which it stands there.
        step: the step at which it goes on; None where it stays in its version.
        problem: why it stays.

    """

    journey: str
    key: str
    version: int
    left: str | None
    step: str | None
    problem: str | None = None


async def chosen(db: Pool, shop: str, plan: str, to: int, keys: Sequence[str] | None) -> list[str]:
    """Name a plan's journeys that have not ended, oldest first: those about some keys, or all of other versions."""
    rows = await db.fetch(
        "select id from journeys where shop = $1 and plan = $2 and status <> 'ended'"
        " and case when $3::text[] is null then plan_version <> $4 else key = any($3) end order by started_at, id",
        shop,
        plan,
        keys,
        to,
    )
    return [row["id"] for row in rows]


class Moving:
    """Moves journeys to one version of their plan.

    Args:
        plans: the published plans.
        to: the version.
        at_step: the step at which all of them go on; None for the same step, or the next one that is still there.

    Raises:
        ValueError: the version has no such step.

    """

    def __init__(self, plans: Plans, to: PlanVersion, at_step: str | None = None) -> None:
        if at_step is not None and at_step not in to.plan.by_id:
            raise ValueError(f"version {to.version} of {to.plan.name} has no step '{at_step}'")
        self._plans = plans
        self._to = to
        self._at_step = at_step

    async def try_out(self, db: Pool | Connection, journey: str) -> Landing:
        """Tell where a journey would go on. Nothing changes.

        Raises:
            UnknownJourneyError: there is no such journey.

        """
        return await self._landing(db, await journeys.get(db, journey))

    async def move(self, pool: Pool, journey: str, at: datetime) -> Landing:
        """Move a journey, unless it has ended or has nowhere to go on.

        Raises:
            UnknownJourneyError: there is no such journey.

        """
        async with pool.acquire() as db, db.transaction():
            found = await hold(db, journey)
            lands = await self._landing(db, found)
            if lands.step is None:
                return lands
            await journeys.migrate(db, journey, self._to.version, lands.step, at)
            why = f"version {found.plan_version} at {lands.left} to version {self._to.version} at {lands.step}"
            await journeys.log(db, journey, at, "moved to another version", why)
            await outbox.migrate(db, journey, at=at, version=self._to.version, left=lands.left, step=lands.step)
            return lands

    async def _landing(self, db: Pool | Connection, journey: Journey) -> Landing:
        problem = self._problem(journey)
        old = await self._plans.version(db, journey.shop, journey.plan, journey.plan_version)
        step = None if problem else self._step(old.plan, journey)
        if step is None and problem is None:
            missing = f"version {self._to.version} has neither step {journey.stage} nor one that follows it"
            problem = f"{missing}; say at which step it goes on"
        return Landing(journey.id, journey.key, journey.plan_version, journey.stage, step, problem)

    def _step(self, old: Plan, journey: Journey) -> str | None:
        return self._at_step or landing(old, journey.stage, self._to.plan)

    def _problem(self, journey: Journey) -> str | None:
        if journey.status == "ended":
            return "it has ended"
        if journey.plan_version == self._to.version:
            return f"it has version {self._to.version} already"
        return None
