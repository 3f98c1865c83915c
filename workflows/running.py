"""Running a journey's activities: in its own worker where that works, for one event of history."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError, is_cancelled_exception

Answer = TypeVar("Answer")

LOCAL_ATTEMPT = timedelta(seconds=3)
ATTEMPT = timedelta(seconds=30)
"""For a look or an end as a regular activity, and for one try of a send: two calls of providers take 10 s each at most,
and two of the shop's API for codes 4 s each."""
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=10))


async def run_activity(name: str, order: object, answer: type[Answer], summary: str) -> Answer:
    """Run an activity in this worker, for one event; if that fails, as a regular one until it succeeds."""
    try:
        noted: Answer = await workflow.execute_local_activity(
            name,
            order,
            result_type=answer,
            start_to_close_timeout=LOCAL_ATTEMPT,
            retry_policy=RetryPolicy(maximum_attempts=1),
            summary=summary,
        )
    except FailureError as failure:
        if is_cancelled_exception(failure):
            raise
    else:
        return noted
    again: Answer = await workflow.execute_activity(
        name,
        order,
        result_type=answer,
        start_to_close_timeout=ATTEMPT,
        retry_policy=RETRIES,
        summary=summary,
    )
    return again
