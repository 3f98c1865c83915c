"""How Temporal is told of a journey: that it starts, and what it must hear."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.contracts import JOURNEY_QUEUE, JourneyInput
from journeys.clock import Clock
from journeys.durations import show
from journeys.ids import public_customer_id, public_id
from journeys.plan import Key
from journeys.signals import BY_NAME, Migrate, Signal
from storage.journeys import Journey
from storage.outbox import Delivery
from storage.plans import Plans
from workers import search_attributes
from workers.failures import UnknownSignalError
from workflows.journey import JourneyWorkflow

if TYPE_CHECKING:
    from storage.database import Pool

LONGEST_CALL = timedelta(seconds=10)


class Telling:
    """Tells Temporal what a row of the outbox says.

    Args:
        pool: Postgres, for plans that were not read yet.
        client: Temporal; it may be down.
        plans: the published plans.
        secret: the key by which ids that may not be shown are hashed.
        clock: gives the clock that a journey starts with.

    """

    def __init__(self, pool: Pool, client: Client, plans: Plans, secret: bytes, clock: Callable[[], Clock]) -> None:
        self._pool = pool
        self._client = client
        self._plans = plans
        self._secret = secret
        self._clock = clock

    async def tell(self, journey: Journey, delivery: Delivery) -> None:
        """Start the journey's workflow, or have it hear a signal; it starts first where it has not.

        Raises:
            UnknownSignalError: no journey hears such a signal.
            ValidationError: the payload is not the signal's, or the plan is not one that this version reads.
            RPCError, RuntimeError: Temporal did not take it.

        """
        signal = await self._signal(journey, delivery)
        start = await self._input(journey)
        now = datetime.now(UTC)
        show_key = public_customer_id if start.plan.key is Key.CUSTOMER else public_id
        key = show_key(journey.key, self._secret)
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
                search_attributes=search_attributes.of_journey(
                    shop=journey.shop,
                    plan=journey.plan,
                    customer=public_customer_id(journey.customer_id, self._secret),
                    key=key,
                ),
                static_summary=f"{journey.plan} v{journey.plan_version}: {start.plan.key} {key}",
                static_details=_details(start),
                rpc_timeout=LONGEST_CALL,
            )
        except WorkflowAlreadyStartedError:
            # It was delivered before, or the journey has ended: there is nobody left to tell.
            return

    async def _signal(self, journey: Journey, delivery: Delivery) -> Signal | None:
        if delivery.signal is None:
            return None
        if delivery.signal not in BY_NAME:
            raise UnknownSignalError(f"no journey hears a signal '{delivery.signal[:40]}'")
        kind, payload = BY_NAME[delivery.signal], delivery.payload or {}
        if kind is Migrate:
            version = await self._plans.version(self._pool, journey.shop, journey.plan, payload["version"])
            payload = {**payload, "plan": version.plan}
        return kind.model_validate(payload)

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


def _details(start: JourneyInput) -> str:
    return (
        f"{start.plan.sticking_point}\n\n"
        f"Started {start.started_at:%Y-%m-%d %H:%M:%S} UTC. "
        f"The server holds the first window until {start.first_due:%Y-%m-%d %H:%M:%S} UTC; "
        f"then the journey looks for the first time.\n\n"
        f"Goal: {start.plan.goal or 'none'}. Ends by itself after {show(start.plan.longest_life)} at the latest."
    )
