"""The relay: tells Temporal what Postgres has decided, at least once, and rides out any outage."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import structlog
from temporalio.client import Client
from temporalio.common import TypedSearchAttributes, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from activities.contracts import JOURNEY_QUEUE, JourneyInput
from journeys.clock import Clock
from journeys.durations import show
from journeys.ids import public_customer_id, public_id
from journeys.signals import BY_NAME
from storage import journeys, outbox
from storage.journeys import Journey
from storage.outbox import Delivery
from storage.plans import Plans
from workers import search_attributes
from workflows.journey import JourneyWorkflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.database import Pool

BATCH = 20
IDLE = timedelta(milliseconds=50)
LONGEST_PAUSE = timedelta(seconds=30)

_DATABASE_TROUBLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)

log = structlog.get_logger()


def world_clock() -> Clock:
    """Give the clock that runs like the world's."""
    now = datetime.now(UTC)
    return Clock(server=now, shop=now)


class Relay:
    """Delivers the outbox. Many may run; no row lock is held while Temporal is called.

    Args:
        pool: Postgres.
        client: Temporal; it may be down.
        plans: the published plans.
        secret: the key by which ids that may not be shown are hashed.
        clock: gives the clock that a journey starts with.

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
        self._client = client
        self._plans = plans
        self._secret = secret
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until told to stop. An outage of Postgres or of Temporal is waited out."""
        while not stop.is_set():
            try:
                busy = await self.deliver_batch()
            except _DATABASE_TROUBLE as error:
                log.warning("relay cannot reach Postgres", problem=type(error).__name__)
                busy = False
            if not busy:
                await _pause(stop, IDLE)

    async def deliver_batch(self) -> bool:
        """Deliver what is due, at most one batch; tell whether there was anything."""
        deliveries = await outbox.lease(self._pool, BATCH)
        await asyncio.gather(*(self._deliver(delivery) for delivery in deliveries))
        return bool(deliveries)

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            await self._tell_temporal(delivery)
        except _DATABASE_TROUBLE:
            # The lease runs out by itself.
            raise
        except Exception as error:  # noqa: BLE001 one row that cannot be delivered must not stop the others
            problem = error.status.name if isinstance(error, RPCError) else type(error).__name__
            wait = min(timedelta(seconds=0.5 * 2 ** min(delivery.tries, 10)), LONGEST_PAUSE)
            log.warning("relay cannot deliver", journey=delivery.journey, problem=problem)
            await outbox.later(self._pool, delivery, wait, problem)
            return
        await outbox.done(self._pool, delivery)

    async def _tell_temporal(self, delivery: Delivery) -> None:
        journey = await journeys.find(self._pool, delivery.journey)
        if journey is None:
            return
        signal = BY_NAME[delivery.signal].model_validate(delivery.payload) if delivery.signal else None
        start = await self._input(journey)
        now = datetime.now(UTC)
        try:
            await self._client.start_workflow(
                JourneyWorkflow.run,
                start,
                id=journey.id,
                task_queue=JOURNEY_QUEUE,
                start_delay=None if signal else start.clock.until(start.first_due, now),
                # A closed journey is never started anew, and a running one only hears the signal.
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                start_signal=delivery.signal,
                start_signal_args=[signal] if signal else [],
                search_attributes=self._search_attributes(journey),
                static_summary=f"{journey.plan} v{journey.plan_version}: cart {self._public(journey.key)}",
                static_details=_details(start),
            )
        except WorkflowAlreadyStartedError:
            # It was delivered before, or the journey has ended: there is nobody left to tell.
            return

    async def _input(self, journey: Journey) -> JourneyInput:
        version = await self._plans.version(self._pool, journey.shop, journey.plan, journey.plan_version)
        return JourneyInput(
            journey=journey.id,
            plan=version.plan,
            plan_version=journey.plan_version,
            started_at=journey.started_at,
            first_due=journey.first_due,
            clock=self._clock(),
        )

    def _search_attributes(self, journey: Journey) -> TypedSearchAttributes:
        return search_attributes.of_journey(
            shop=journey.shop,
            plan=journey.plan,
            customer=public_customer_id(journey.customer_id, self._secret),
            key=self._public(journey.key),
        )

    def _public(self, value: str) -> str:
        return public_id(value, self._secret)


def _details(start: JourneyInput) -> str:
    return (
        f"{start.plan.sticking_point}\n\n"
        f"Started {start.started_at:%Y-%m-%d %H:%M:%S} UTC. "
        f"The server holds the first window until {start.first_due:%Y-%m-%d %H:%M:%S} UTC; "
        f"then the journey looks for the first time.\n\n"
        f"Goal: {start.plan.goal}. Ends by itself after {show(start.plan.longest_life)} at the latest."
    )


async def _pause(stop: asyncio.Event, length: timedelta) -> None:
    try:
        await asyncio.wait_for(stop.wait(), length.total_seconds())
    except TimeoutError:
        return
