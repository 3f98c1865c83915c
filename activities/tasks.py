"""Looks after the tasks of people."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import structlog
from cryptography.fernet import Fernet
from temporalio import activity

from activities.clock import ShopClock
from activities.contracts import EXPIRE_TASKS, TELL_TASKS, Expired, ToldTasks
from channels.signed import Endpoint
from channels.task_hook import News, TaskHook
from storage import endpoints, task_news, tasks
from storage.endpoints import Kind
from storage.task_news import ALL, WEBHOOK, What
from storage.tasks import Task

if TYPE_CHECKING:
    from storage.database import Pool

AT_MOST = 50
"""Of so many tasks of each kind one run tells a shop; the others have their turn in the next."""

log = structlog.get_logger()


class TasksInTime:
    """Lets tasks expire, and tells shops of them. A run may be stopped at any point: the next one finds what is left.

    Args:
        pool: Postgres.
        clock: tells the time.
        http: of its own: a shop that hangs must hold up no provider.
        cipher: decrypts where shops hear of tasks.

    """

    def __init__(self, pool: Pool, clock: ShopClock, http: httpx.AsyncClient, cipher: Fernet) -> None:
        self._pool = pool
        self._clock = clock
        self._http = http
        self._cipher = cipher

    @activity.defn(name=EXPIRE_TASKS)
    async def expire(self) -> Expired:
        """Let those expire whose time is over; those of journeys that have ended are withdrawn."""
        now, expired = self._clock.now(), 0
        while found := await tasks.expire(self._pool, now):
            expired += found
            activity.heartbeat()
        return Expired(expired=expired)

    @activity.defn(name=TELL_TASKS)
    async def tell(self) -> ToldTasks:
        """Tell the shops of tasks; what a shop does not hear it is told again by a later run."""
        hooks = await endpoints.outside_sandbox(self._pool, Kind.TASK_HOOK)
        told = await asyncio.gather(*(self._tell(shop, settings) for shop, settings in hooks.items()))
        return ToldTasks(told=sum(heard for heard, _ in told), failed=sum(not all_heard for _, all_heard in told))

    async def _tell(self, shop: str, settings: bytes) -> tuple[int, bool]:
        """Tell one shop, until it does not hear; give of how much it heard, and whether that was all."""
        hook = TaskHook(self._http, Endpoint.model_validate_json(self._cipher.decrypt(settings)))
        waiting = await task_news.to_tell(self._pool, shop, WEBHOOK, ALL, self._clock.now(), AT_MOST)
        for heard, (what, task) in enumerate(waiting):
            activity.heartbeat()
            failed = await hook.tell(_news(what, task))
            if failed is not None:
                log.warning("the shop does not hear of tasks", shop=shop, reason=failed.reason)
                return heard, False
            await task_news.told(self._pool, WEBHOOK, what, task, self._clock.now())
        return len(waiting), True


def _news(what: What, task: Task) -> News:
    return News(
        what=what,
        task_id=task.task_id,
        title=task.title,
        plan=task.plan,
        journey=task.journey,
        step=task.step,
        customer=task.customer_id,
        opened_at=task.opened_at,
        due_at=task.due_at,
    )
