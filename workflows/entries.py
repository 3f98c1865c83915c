"""Entry by schedule: begins a run for each moment that has come, and lets people in, so many a minute.

It runs by a Temporal Schedule (``workers/schedules.py``). What it did is its result, and its current details.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.contracts import LET_IN, OPEN_RUNS, LetIn, Opened

LISTING = timedelta(minutes=1)
ATTEMPT = timedelta(minutes=15)
HEARTBEAT = timedelta(minutes=1)
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=10), maximum_attempts=3)
"""The next run comes after a minute anyway."""
MINUTE = timedelta(seconds=50)
"""What rests for longer is the next run's."""


@workflow.defn(name="Entries")
class EntriesWorkflow:
    """Lets people into plans by their schedules."""

    @workflow.run
    async def run(self) -> LetIn:
        """Begin what is due; then go on with each run as soon as it has rested, for this minute."""
        opened: Opened = await workflow.execute_activity(
            OPEN_RUNS,
            result_type=Opened,
            start_to_close_timeout=LISTING,
            retry_policy=RETRIES,
            summary="moments that have come",
        )
        total, waited = await _let_in(), timedelta(0)
        while total.again_in is not None and waited + total.again_in <= MINUTE:
            await workflow.sleep(total.again_in, summary="until the next may enter")
            waited += total.again_in
            total = _sum(total, await _let_in())
        workflow.set_current_details(
            f"Begun: {opened.runs}\n\nEntered: {total.entered}\n\nPassed over: {total.passed_over}"
            f"\n\nCould not go on: {total.failed}"
        )
        return total


async def _let_in() -> LetIn:
    found: LetIn = await workflow.execute_activity(
        LET_IN,
        result_type=LetIn,
        start_to_close_timeout=ATTEMPT,
        heartbeat_timeout=HEARTBEAT,
        retry_policy=RETRIES,
        summary="people who enter",
    )
    return found


def _sum(before: LetIn, after: LetIn) -> LetIn:
    return LetIn(
        entered=before.entered + after.entered,
        passed_over=before.passed_over + after.passed_over,
        failed=before.failed + after.failed,
        again_in=after.again_in,
    )
