"""Puts together the mail that tells agents of tasks: what is to be done, until when, for whom, and how to begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from activities.briefing import Briefings
from activities.clock import ShopClock
from activities.task_facts import facts
from journeys.ids import public_customer_id
from journeys.zones import zones_of
from messages import render, tasks
from messages.locale import format_locale
from messages.tasks import IN_FULL, Digest, Entry
from storage.database import PASSING
from storage.shops import Shop
from storage.task_news import OVER, What
from storage.tasks import Task

log = structlog.get_logger()


@dataclass(frozen=True)
class Written:
    """A mail, without its address."""

    subject: str
    text: str


class Digests:
    """Writes such mails, in the shop's language; a draft is in the customer's.

    Args:
        briefings: reads what there is to know for a task.
        clock: tells the time.
        public_url: where Relance's own API is reached.
        id_key: hides the ids of customers that are addresses.

    """

    def __init__(self, briefings: Briefings, clock: ShopClock, public_url: str, id_key: bytes) -> None:
        self._briefings = briefings
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._id_key = id_key

    async def write(self, shop: Shop, news: Sequence[tuple[What, Task]]) -> Written:
        """Write the mail that tells of these."""
        late = [task for what, task in news if what == "escalated"]
        known = {task.task_id for task in late}
        new = [task for what, task in news if what == "opened" and task.task_id not in known]
        over = [task for what, task in news if what in OVER]
        digest = Digest(
            shop=shop.shop,
            shop_name=shop.name,
            tasks={
                "escalated": await self._entries(shop, late),
                "opened": await self._entries(shop, new),
                "over": [self._brief(shop, task) for task in over],
            },
        )
        return Written(tasks.subject(digest, shop.language), tasks.text(digest, shop.language, self._public_url))

    async def _entries(self, shop: Shop, told: Sequence[Task]) -> list[Entry]:
        """Tell of the first tasks all that there is to know, of the others that they are there."""
        whole = [await self._whole(shop, task) for task in told[:IN_FULL]]
        return [*whole, *(self._brief(shop, task) for task in told[IN_FULL:])]

    async def _whole(self, shop: Shop, task: Task) -> Entry:
        try:
            briefing = await self._briefings.read(task)
        except PASSING:
            raise
        except Exception as error:  # noqa: BLE001 whatever it is, it is this task's alone
            log.warning("a task can be told by its title alone", task=task.task_id, problem=type(error).__name__)
            return self._brief(shop, task)
        told = [("plan", task.plan), *facts(briefing, shop.language)]
        return self._entry(shop, task, told, briefing.draft)

    def _brief(self, shop: Shop, task: Task) -> Entry:
        return self._entry(shop, task, [], None)

    def _entry(self, shop: Shop, task: Task, told: list[tuple[str, str]], draft: str | None) -> Entry:
        locale = format_locale(shop.language, None, None)
        return Entry(
            task_id=task.task_id,
            title=task.title,
            until=render.moment(task.due_at, zones_of(None, shop.policy.country), locale),
            state=task.state_at(self._clock.now()),
            facts=[("customer", public_customer_id(task.customer_id, self._id_key)), *told],
            draft=draft,
        )
