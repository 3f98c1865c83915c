"""The revocations: tells the shops' APIs which codes are taken back, at least once, over all outages.

It runs by a Temporal Schedule (``workers/schedules.py``). What it did is its result, and its current details.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.contracts import REVOKE_CODES, Revoked

ATTEMPT = timedelta(minutes=40)
HEARTBEAT = timedelta(minutes=1)
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=10), maximum_attempts=3)
"""The next run comes after a minute anyway."""


@workflow.defn(name="Revocations")
class RevocationsWorkflow:
    """Has codes taken back."""

    @workflow.run
    async def run(self) -> Revoked:
        """Tell what is to be told."""
        found: Revoked = await workflow.execute_activity(
            REVOKE_CODES,
            result_type=Revoked,
            start_to_close_timeout=ATTEMPT,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            summary="codes of cancelled journeys",
        )
        workflow.set_current_details(f"Taken back: {found.told}\n\nShops to be told again: {found.failed}")
        return found
