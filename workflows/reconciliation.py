"""The reconciliation: compares journeys, orders and workflows, one comparison after the other.

It runs by a Temporal Schedule (``workers/schedules.py``). What it repaired is its result, and its current details.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.contracts import (
        COMPARE_CLOSED,
        COMPARE_ENDED,
        COMPARE_ORDERS,
        COMPARE_OVERDUE,
        Compared,
        Reconciled,
    )
    from journeys.repairs import Repair, summary

COMPARISONS = (
    (COMPARE_CLOSED, "workflows that closed"),
    (COMPARE_OVERDUE, "journeys whose moment has passed"),
    (COMPARE_ORDERS, "open journeys and the orders"),
    (COMPARE_ENDED, "ended journeys not known to be closed"),
)
"""What is compared, in this order, and what it is called."""

ATTEMPT = timedelta(minutes=15)
HEARTBEAT = timedelta(minutes=1)
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_attempts=3)
"""The next run comes in a few minutes anyway."""
FIRST = Priority(priority_key=1)
"""It is one task among those of many journeys."""


@workflow.defn(name="Reconciliation")
class ReconciliationWorkflow:
    """Repairs what a missed webhook or a terminated workflow has left behind."""

    @workflow.run
    async def run(self) -> Reconciled:
        """Make every comparison; one that fails keeps none of the others from being made.

        Raises:
            ApplicationError: a comparison failed; the message names it, and tells what the others found.

        """
        repaired, overdue = Counter[Repair](), 0
        told: list[str] = []
        failed: list[str] = []
        for name, what in COMPARISONS:
            try:
                found = await _compare(name, what)
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                failed.append(what)
                told.append(f"{what}: could not be compared")
            else:
                repaired.update(found.repaired)
                overdue += found.overdue
                told.append(f"{what}: {found.looked_at} looked at, {summary(found.repaired)}")
            workflow.set_current_details("\n".join(f"- {line}" for line in told))
        if failed:
            raise ApplicationError("; ".join(told), type="NotAllCompared")
        return Reconciled(repaired=dict(repaired), overdue=overdue, told=told)


async def _compare(name: str, what: str) -> Compared:
    found: Compared = await workflow.execute_activity(
        name,
        result_type=Compared,
        start_to_close_timeout=ATTEMPT,
        heartbeat_timeout=HEARTBEAT,
        retry_policy=RETRIES,
        priority=FIRST,
        summary=what,
    )
    return found
