"""Where a shop hears of tasks. docs/tasks.md is its contract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import httpx

from channels.signed import Caller, Endpoint, Failed, moment


@dataclass(frozen=True)
class News:
    """What a shop hears of a task.

    Attributes:
        what: opened, escalated, expired or withdrawn.

    """

    what: str
    task_id: str
    title: str
    plan: str
    journey: str
    step: str
    customer: str
    opened_at: datetime
    due_at: datetime


class TaskHook:
    """Tells a shop of tasks."""

    def __init__(self, http: httpx.AsyncClient, endpoint: Endpoint) -> None:
        self._caller = Caller(http, endpoint)

    async def tell(self, news: News) -> Failed | None:
        """Tell it; None where the shop has heard. Told again, it is the same call."""
        body = {
            "type": f"task.{news.what}",
            "id": news.task_id,
            "title": news.title,
            "plan": news.plan,
            "journey": news.journey,
            "step": news.step,
            "customer": news.customer,
            "opened_at": moment(news.opened_at),
            "due_at": moment(news.due_at),
        }
        answer = await self._caller.call(f"{news.task_id}-{news.what}", body)
        return answer if isinstance(answer, Failed) else None
