"""The tasks of people: lets those expire that nobody did in time, and tells shops and their agents what is new.

It runs by a Temporal Schedule (``workers/schedules.py``). What it did is its result, and its current details.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.contracts import EXPIRE_TASKS, MAIL_TASKS, TELL_TASKS, Expired, MailedTasks, Tended, ToldTasks

Answer = TypeVar("Answer")

ATTEMPT = timedelta(minutes=15)
HEARTBEAT = timedelta(minutes=1)
RETRIES = RetryPolicy(initial_interval=timedelta(seconds=10), maximum_attempts=3)
"""The next run comes after a minute anyway."""

BY_MAIL = "tasks-are-told-by-mail"
"""The patch since which agents are written to as well."""


@workflow.defn(name="Tasks")
class TasksWorkflow:
    """Looks after tasks."""

    @workflow.run
    async def run(self) -> Tended:
        """Let expire what is over, then tell what is new, by webhooks and by mails at once.

        Neither keeps the other from telling, also where it fails: then the run fails once both are through.
        """
        over = await self._do(EXPIRE_TASKS, Expired, "tasks that nobody did in time")
        telling = asyncio.create_task(self._do(TELL_TASKS, ToldTasks, "shops hear of tasks"))
        mails = MailedTasks(mailed=0, failed=0)
        if workflow.patched(BY_MAIL):
            mailing = asyncio.create_task(self._do(MAIL_TASKS, MailedTasks, "agents are written to"))
            await workflow.wait([telling, mailing])
            mails = await mailing
        news = await telling
        workflow.set_current_details(
            f"No longer open: {over.expired}\n\nTold of: {news.told}\n\nShops to be told again: {news.failed}\n\n"
            f"Mails: {mails.mailed}\n\nMails that did not surely go out: {mails.failed}"
        )
        return Tended(
            expired=over.expired,
            told=news.told,
            failed=news.failed,
            mailed=mails.mailed,
            mails_failed=mails.failed,
        )

    async def _do(self, activity: str, answer: type[Answer], summary: str) -> Answer:
        done: Answer = await workflow.execute_activity(
            activity,
            result_type=answer,
            start_to_close_timeout=ATTEMPT,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
            summary=summary,
        )
        return done
