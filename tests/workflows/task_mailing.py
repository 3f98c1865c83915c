"""Tasks of which agents hear by the shop's own mail, and the runs that write to them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest_asyncio
from temporalio.testing import ActivityEnvironment

from activities.clock import WorldClock
from activities.contracts import MailedTasks
from journeys.steps import Task as Step
from storage import task_mails, tasks
from storage.journeys import Journey
from storage.task_mails import Mailing
from tests.integration.mailserver import Mailbox, mail_port, mail_server
from tests.support import HOUR, TestShop
from tests.workflows.providers import connect_smtp

AGENTS, CHIEF = "agents@shop.example", "chief@shop.example"


@dataclass
class Later(WorldClock):
    """A clock that is ahead of the world's."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


@pytest_asyncio.fixture
async def journey(shop: TestShop) -> Journey:
    await shop.identify(firstName="Ann")
    return await shop.fill()


async def open_tasks(shop: TestShop, journey: Journey, *steps: str, **task: Any) -> None:
    said = {"title": "Help with the size", "within": "4h", "escalate_after": "1h"} | task
    async with shop.parts.pool.acquire() as db:
        for step in steps:
            read = Step.model_validate({"id": step, "task": said})
            await tasks.open_task(db, journey, read, shop.begins, due_at=shop.begins + 4 * HOUR)


async def mail(shop: TestShop, ahead: timedelta = timedelta(0)) -> MailedTasks:
    """Write to agents once, as the schedule does, some time from now."""
    parts = replace(shop.parts, clock=Later(ahead))
    found: MailedTasks = await ActivityEnvironment().run(parts.task_mails.mail)
    return found


@asynccontextmanager
async def agents(shop: TestShop, escalate_to: str | None = None, box: Mailbox | None = None) -> AsyncIterator[Mailbox]:
    """A mail server, and a shop that tells its agents by it."""
    box = box or Mailbox()
    async with mail_port(mail_server(box)) as port:
        await connect_smtp(shop, port)
        await task_mails.save(shop.parts.pool, Mailing(shop.shop, AGENTS, escalate_to))
        yield box


def to(box: Mailbox) -> list[list[str]]:
    return [envelope.rcpt_tos for envelope in box.envelopes]


MAILED, NOTHING, FAILED = (MailedTasks(mailed=n, failed=m) for n, m in ((1, 0), (0, 0), (0, 1)))
