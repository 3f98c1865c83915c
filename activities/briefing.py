"""What whoever does a task gets to know: the customer's story, words to begin with, and how much fits into an SMS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import structlog
from pydantic import BaseModel

from activities.clock import ShopClock
from activities.compose import Composer, CompositionError, language_and_locale
from journeys import sms
from journeys.facts import Channel
from journeys.steps import Send, Task, walk
from storage import journeys, reading, related, task_story
from storage.journeys import UnknownJourneyError
from storage.plans import Plans, PlanVersion
from storage.situation import Situation
from storage.task_story import Story

if TYPE_CHECKING:
    from storage.database import Pool
    from storage.tasks import Task as Opened

FITS_INTO = (1, 2, 3)
"""For so many SMS is told how much may be written."""
_MARK = "\ue000"
"""Stands where the words of the person will stand; Unicode leaves it to private use."""

log = structlog.get_logger()


class Briefing(BaseModel):
    """What there is to know for a task.

    Attributes:
        story: the customer's; None where nothing is known of them any more.
        draft: words to begin with, in the customer's language; None where the step has none, or the task is over.
        fits: how many plain characters (of GSM-7) may be written so that, with the words around them, one SMS
            carries them, two, or three; empty where no SMS does.

    """

    story: Story | None = None
    draft: str | None = None
    fits: list[int] = []


class Briefings:
    """Reads what there is to know for tasks, as things stand at that moment. Nothing is sent, kept or logged of it."""

    def __init__(self, pool: Pool, plans: Plans, composer: Composer, clock: ShopClock) -> None:
        self._pool = pool
        self._plans = plans
        self._composer = composer
        self._clock = clock

    async def read(self, task: Opened) -> Briefing:
        """Read what there is to know for a task."""
        now = self._clock.now()
        journey = await journeys.get(self._pool, task.journey)
        version = await self._plans.version(self._pool, journey.shop, journey.plan, journey.plan_version)
        try:
            found = await reading.situation(self._pool, journey.id, version.plan, now)
        except UnknownJourneyError:
            # The journey is there, so its customer is not.
            return Briefing()
        language, _ = language_and_locale(found)
        told = await task_story.tell(self._pool, task, language, now)
        # The journey may have been moved to a version of its plan that has no such step.
        step = version.plan.by_id.get(task.step)
        if task.state_at(now) not in {"open", "claimed"} or not isinstance(step, Task):
            return Briefing(story=told)
        return Briefing(
            story=told, draft=await self._draft(version, step, found), fits=self._fits(version, step, found, language)
        )

    async def _draft(self, version: PlanVersion, step: Task, found: Situation) -> str | None:
        if step.task.draft is None:
            return None
        cart = found.row["cart_id"]
        together = await related.of_cart(self._pool, version.shop, cart) if cart else []
        try:
            return self._composer.read_out(version, step.task.draft, found, together)
        except CompositionError as error:
            log.warning("a draft cannot be written out", plan=version.plan.name, step=step.id, reason=str(error))
            return None

    def _fits(self, version: PlanVersion, step: Task, found: Situation, language: str) -> list[int]:
        """Tell how much fits into the first SMS after the task that carries its words."""
        catalog = self._composer.catalog(version)
        for send in _sends_after(version, step):
            if not catalog.tells_of(send.send.message, Channel.SMS, language, "task"):
                continue
            try:
                around = self._composer.read_out(version, send.send.message, found, written=_MARK)
            except CompositionError as error:
                log.warning("an SMS cannot be written out", plan=version.plan.name, step=send.id, reason=str(error))
                return []
            return [sms.room(around, _MARK, parts) for parts in FITS_INTO]
        return []


def _sends_after(version: PlanVersion, step: Task) -> Iterator[Send]:
    """Give what is sent by SMS after a step, in reading order."""
    passed = False
    for one in walk(version.plan.steps):
        passed = passed or one.id == step.id
        if passed and isinstance(one, Send) and Channel.SMS in one.send.named:
            yield one
