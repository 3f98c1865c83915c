"""The confirmations: answers STOP, START and HELP, each by the queue of its channel.

It runs by a Temporal Schedule (``workers/schedules.py``). What it did is its result, and its current details.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.contracts import CONFIRM, TO_CONFIRM, Confirmed, ToConfirm, send_queue

ATTEMPT = timedelta(seconds=30)
WITHIN = timedelta(seconds=50)
"""The next run comes after a minute and tries again: one shop's account that fails must not hold up the others."""
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=1))
FIRST = 1
"""Before all that plans send: the person waits for it."""


@workflow.defn(name="Confirmations")
class ConfirmationsWorkflow:
    """Answers the words that came in."""

    @workflow.run
    async def run(self) -> Confirmed:
        """Answer what is to be answered."""
        wanted: list[ToConfirm] = await workflow.execute_activity(
            TO_CONFIRM,
            result_type=list[ToConfirm],
            start_to_close_timeout=ATTEMPT,
            schedule_to_close_timeout=WITHIN,
            retry_policy=RETRIES,
            summary="words to answer",
        )
        done = await asyncio.gather(*(self._confirm(one) for one in wanted))
        found = Confirmed(answered=sum(done), failed=len(done) - sum(done))
        workflow.set_current_details(f"Answered: {found.answered}\n\nTo be tried again: {found.failed}")
        return found

    async def _confirm(self, one: ToConfirm) -> bool:
        try:
            await workflow.execute_activity(
                CONFIRM,
                one,
                task_queue=send_queue(one.channel),
                start_to_close_timeout=ATTEMPT,
                schedule_to_close_timeout=WITHIN,
                retry_policy=RETRIES,
                priority=Priority(priority_key=FIRST),
                summary=f"answer by {one.channel}",
            )
        except FailureError as failure:
            if is_cancelled_exception(failure):
                raise
            return False
        return True
