"""What a journey does beside waiting and sending: it starts another plan, puts labels on people, opens tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.clock import ShopClock
from activities.contracts import DO, DoInput, DoResult
from journeys.plan import Plan
from journeys.steps import Set, Start, Task
from storage import commands, journeys, labels, tasks
from storage.beginning import NotStarted
from storage.following import Following
from storage.holding import hold
from storage.plans import Plans, UnknownPlanError

if TYPE_CHECKING:
    from storage.database import Connection, Pool
    from storage.journeys import Journey


class Doing:
    """Does one step. Repeating it changes nothing."""

    def __init__(self, pool: Pool, plans: Plans, following: Following, clock: ShopClock) -> None:
        self._pool = pool
        self._plans = plans
        self._following = following
        self._clock = clock

    @activity.defn(name=DO)
    async def do(self, order: DoInput) -> DoResult:
        """Do the step at which the stage stands, unless the journey has ended or is paused.

        Raises:
            ApplicationError: the step does nothing.

        """
        known = await journeys.get(self._pool, order.journey)
        number = order.version or known.plan_version
        version = await self._plans.version(self._pool, known.shop, known.plan, number)
        step = version.plan.by_id[order.stage.step or ""]
        async with self._pool.acquire() as db, db.transaction():
            journey = await hold(db, order.journey)
            if journey.status == "ended":
                return DoResult()
            if journey.status == "paused":
                return DoResult(held=True)
            match step:
                case Set():
                    await labels.put(db, journey.shop, journey.customer_id, step.set, order.at)
                    said = ", ".join(f"{name} = {value}" for name, value in step.set.items())
                    await journeys.log(db, journey.id, order.at, f"{step.id}: set", said)
                case Task():
                    due = order.stage.since + step.task.within
                    await tasks.open_task(db, journey, step, order.at, due_at=due)
                    await journeys.log(db, journey.id, order.at, f"{step.id}: a task is open", step.task.title)
                case Start():
                    await self._start(db, journey, version.plan, step, order)
                case _:
                    raise ApplicationError(f"step {step.id} does nothing", non_retryable=True)
        return DoResult()

    async def _start(self, db: Connection, journey: Journey, plan: Plan, step: Start, order: DoInput) -> None:
        what = f"{step.id}: starts {step.start}"
        try:
            version = await self._plans.newest_of(db, journey.shop, step.start)
        except UnknownPlanError:
            await journeys.log(db, journey.id, order.at, what, "not started: the shop has published no such plan")
            return
        begun = await commands.start_after(db, self._following, version, plan, journey, order.at)
        why = f"not started: {begun.reason}" if isinstance(begun, NotStarted) else begun.id
        await journeys.log(db, journey.id, order.at, what, why)
