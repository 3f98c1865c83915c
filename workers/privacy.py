"""Keeps personal data out of Temporal and its logs when an activity fails.

Temporal keeps the text of every failure in the workflow's history, and an error's text may quote what it met: a row,
an address. So only the kind of an unexpected error leaves the activity.
"""

from __future__ import annotations

from typing import Any

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

log = structlog.get_logger()


class WordlessFailures(Interceptor):
    """Lets failures that were worded for Temporal pass, and tells of all others only what kind they are."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 Temporal's
        """Stand before each activity."""
        return _Wordless(next)


class _Wordless(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 Temporal's
        try:
            return await super().execute_activity(input)
        except FailureError:
            raise
        except Exception as error:  # noqa: BLE001 whatever it is, its text must not go on
            kind = type(error).__name__
            log.warning("activity failed", activity=activity.info().activity_type, problem=kind)
            raise ApplicationError(kind, type=kind) from None
