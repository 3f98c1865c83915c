"""Related items: keeps count of what is bought together, by what came in since the last run.

It runs by a Temporal Schedule (``workers/schedules.py``). What it did is its result, and its current details.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.contracts import COUNT_PRODUCTS, FORGET_LINES, READ_PRODUCTS, CountedTogether, ReadProducts

ATTEMPT = timedelta(minutes=30)
HEARTBEAT = timedelta(minutes=6)
"""Longer than the longest statement."""
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=10), maximum_attempts=3)
"""The next run comes in a few minutes anyway."""
MOST_ROUNDS = 100
"""What is left then is the next run's: a run must not grow without end."""


@workflow.defn(name="Related")
class RelatedWorkflow:
    """Keeps count of what is bought together."""

    @workflow.run
    async def run(self) -> CountedTogether:
        """Read what came in, forget what is too old, count what changed."""
        events = await _read()
        forgotten = await _all(FORGET_LINES, "orders that count no more")
        products = await _all(COUNT_PRODUCTS, "products that changed")
        workflow.set_current_details(
            f"Events read: {events}\n\nProducts counted: {products}\n\nLines of old orders forgotten: {forgotten}"
        )
        return CountedTogether(events=events, products=products, forgotten=forgotten)


async def _read() -> int:
    events, after = 0, None
    for _ in range(MOST_ROUNDS):
        read = await _read_on(after)
        events, after = events + read.events, read.until
        if after is None:
            break
    return events


async def _read_on(after: datetime | None) -> ReadProducts:
    read: ReadProducts = await workflow.execute_activity(
        READ_PRODUCTS,
        after,
        result_type=ReadProducts,
        start_to_close_timeout=ATTEMPT,
        heartbeat_timeout=HEARTBEAT,
        retry_policy=RETRIES,
        summary="products and orders that were told",
    )
    return read


async def _all(name: str, what: str) -> int:
    done = 0
    for _ in range(MOST_ROUNDS):
        now: int = await workflow.execute_activity(
            name,
            result_type=int,
            start_to_close_timeout=ATTEMPT,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            summary=what,
        )
        done += now
        if not now:
            break
    return done
