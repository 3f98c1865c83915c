"""The tasks of people: lets those expire that nobody did in time, and tells shops of those that are open.

It runs by a Temporal Schedule (``workers/schedules.py``). What it did is its result, and its current details.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.contracts import EXPIRE_TASKS, TELL_TASKS, Expired, Tended, ToldTasks

ATTEMPT = timedelta(minutes=15)
HEARTBEAT = timedelta(minutes=1)
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=10), maximum_attempts=3)
"""The next run comes after a minute anyway."""


@workflow.defn(name="Tasks")
class TasksWorkflow:
    """Looks after tasks."""

    @workflow.run
    async def run(self) -> Tended:
        """Let expire what is over, then tell of what is open: of what is over nobody need hear."""
        over: Expired = await workflow.execute_activity(
            EXPIRE_TASKS,
            result_type=Expired,
            start_to_close_timeout=ATTEMPT,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            summary="tasks that nobody did in time",
        )
        news: ToldTasks = await workflow.execute_activity(
            TELL_TASKS,
            result_type=ToldTasks,
            start_to_close_timeout=ATTEMPT,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            summary="tasks that are open",
        )
        workflow.set_current_details(
            f"No longer open: {over.expired}\n\nTold of: {news.told}\n\nShops to be told again: {news.failed}"
        )
        return Tended(expired=over.expired, told=news.told, failed=news.failed)
