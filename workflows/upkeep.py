"""The daily upkeep of the event log: makes the months to come, drops those that are no longer kept."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.contracts import DROP_MONTHS, MAKE_MONTHS, Kept

ATTEMPT = timedelta(minutes=10)
RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=10), maximum_interval=timedelta(minutes=5), maximum_attempts=30
)
"""A busy table is not waited for but tried again: waiting would hold up the events that come in."""


@workflow.defn(name="Upkeep")
class UpkeepWorkflow:
    """Keeps the event log's months."""

    @workflow.run
    async def run(self) -> Kept:
        """Make what is missing, then drop what is too old."""
        made = await _keep(MAKE_MONTHS, "the months to come")
        dropped = await _keep(DROP_MONTHS, "the months that are no longer kept")
        workflow.set_current_details(f"Made: {_names(made)}\n\nDropped: {_names(dropped)}")
        return Kept(made=made, dropped=dropped)


async def _keep(name: str, what: str) -> list[str]:
    tables: list[str] = await workflow.execute_activity(
        name, result_type=list[str], start_to_close_timeout=ATTEMPT, retry_policy=RETRIES, summary=what
    )
    return tables


def _names(tables: list[str]) -> str:
    return ", ".join(tables) or "none"
