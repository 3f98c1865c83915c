"""The look-ups: asks the providers what became of the sends of which nobody can say whether they went out.

It runs by a Temporal Schedule (``workers/schedules.py``). What it found is its result, and its current details.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.contracts import LOOK_UP, LookedUp

ATTEMPT = timedelta(minutes=30)
HEARTBEAT = timedelta(minutes=1)
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=10), maximum_attempts=3)
"""The next run comes in a few minutes anyway."""


@workflow.defn(name="LookUps")
class LookUpsWorkflow:
    """Looks unknown sends up."""

    @workflow.run
    async def run(self) -> LookedUp:
        """Ask for what is unknown."""
        found: LookedUp = await workflow.execute_activity(
            LOOK_UP,
            result_type=LookedUp,
            start_to_close_timeout=ATTEMPT,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            summary="sends that are unknown",
        )
        workflow.set_current_details(
            f"Asked for: {found.asked}, of which accepted: {found.accepted}, rejected: {found.rejected}\n\n"
            f"Lost by their worker since the last run: {found.lost}"
        )
        return found
