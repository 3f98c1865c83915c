"""The tasks of people: lets those expire that nobody did in time, and has their journeys hear of it.

It runs by a Temporal Schedule (``workers/schedules.py``). What it did is its result, and its current details.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.contracts import EXPIRE_TASKS, Expired

ATTEMPT = timedelta(minutes=10)
HEARTBEAT = timedelta(minutes=1)
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=10), maximum_attempts=3)
"""The next run comes after a minute anyway."""


@workflow.defn(name="Tasks")
class TasksWorkflow:
    """Looks after tasks."""

    @workflow.run
    async def run(self) -> Expired:
        """Let expire what is over."""
        found: Expired = await workflow.execute_activity(
            EXPIRE_TASKS,
            result_type=Expired,
            start_to_close_timeout=ATTEMPT,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            summary="tasks that nobody did in time",
        )
        workflow.set_current_details(f"No longer open: {found.expired}")
        return found
