"""The segments: counts all customers of all shops, one shop after the other.

It runs by a Temporal Schedule (``workers/schedules.py``): time alone takes people out of segments and puts them into
others. What it did is its result, and its current details.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.contracts import COUNT_SHOP, SHOPS_TO_COUNT, Counted, CountShop, ToCount

LISTING = timedelta(seconds=30)
ATTEMPT = timedelta(minutes=50)
HEARTBEAT = timedelta(minutes=6)
"""What divides a large shop's customers into fifths is found in one question."""
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=10), maximum_attempts=3)
"""The next run comes in a few hours anyway."""


@workflow.defn(name="Segments")
class SegmentsWorkflow:
    """Counts segments and scores."""

    @workflow.run
    async def run(self) -> Counted:
        """Count every shop; one that fails keeps none of the others from being counted.

        Raises:
            ApplicationError: a shop could not be counted; the message names it.

        """
        wanted: ToCount = await workflow.execute_activity(
            SHOPS_TO_COUNT,
            result_type=ToCount,
            start_to_close_timeout=LISTING,
            retry_policy=RETRIES,
            summary="shops to count",
        )
        total, failed = Counted(), list[str]()
        for shop in wanted.shops:
            try:
                found = await _count(CountShop(shop=shop, at=wanted.at))
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                failed.append(shop)
            else:
                total = Counted(people=total.people + found.people, changed=total.changed + found.changed)
            workflow.set_current_details(f"Counted: {total.people}\n\nChanged: {total.changed}")
        if failed:
            raise ApplicationError(f"could not be counted: {', '.join(failed)}", type="NotAllCounted")
        return total


async def _count(what: CountShop) -> Counted:
    found: Counted = await workflow.execute_activity(
        COUNT_SHOP,
        what,
        result_type=Counted,
        start_to_close_timeout=ATTEMPT,
        heartbeat_timeout=HEARTBEAT,
        retry_policy=RETRIES,
        summary=f"customers of {what.shop}",
    )
    return found
