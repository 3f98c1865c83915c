"""Any plan on the real engine, whatever happens meanwhile: it never crashes, ends in time, and honours its goal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import Phase, given, note, settings
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.worker import Replayer

from journeys.facts import Medium
from journeys.plan import Key, Plan
from journeys.policy import Policy
from journeys.replies import REPLIED
from storage import commands, journeys, plans, sent, shops, tasks
from storage.journeys import Journey
from storage.moving import Moving
from tests import random_plans
from tests.examples import examples
from tests.random_plans import OTHER, Happening, words
from tests.support import ITEM, MINUTE, Engine, TestShop, until
from tests.workflows.test_library import NO_CAPS
from workers import worker
from workflows.journey import JourneyWorkflow

FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
OVERTAKEN = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
"""The server's way to say that something came just when the workflow was about to end: no failure of the workflow's."""
AT_MOST = timedelta(seconds=60)
"""Of real time, that one step of an example takes; what does not end is told, and not waited for."""
ENGINES = 2 * MINUTE
"""What the engine takes itself: a timer rings late, an activity is picked up, and the server's clock has gone on."""
STARTED_BY_IT = Plan.model_validate(
    {
        "name": OTHER,
        "sticking_point": "Anywhere",
        "key": "customer",
        "entry": {"events": ["Other Begun"], "within": "12h"},
        "re_entry": "1s",
        "purpose": "service",
        # It goes last: its own journeys stand still here, and would hold the others back for days, an hour at a time.
        "priority": 5,
        "longest_life": "1h",
        "steps": [{"id": "w", "wait": "1m"}],
    }
)


@dataclass
class Player:
    """Plays one plan for one person of a shop of their own, and has happen what the story says."""

    engine: Engine
    plan: Plan
    next_version: Plan
    now: timedelta = timedelta(0)
    paused_since: datetime | None = None
    paused: timedelta = timedelta(0)
    at_the_goal: list[str] | None = None
    moved_at: datetime | None = None
    key: str = field(init=False)
    journey: Journey = field(init=False)

    @property
    def shop(self) -> TestShop:
        return self.engine.shop

    @property
    def moment(self) -> datetime:
        return self.shop.begins + self.now

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.engine.client.get_workflow_handle(self.journey.id)

    async def play(self, story: list[Happening]) -> Journey:
        """Play the journey to its end."""
        self.journey = await self._enter()
        await self.engine.deliver()
        for one in story:
            await self._forward(one.after)
            await HAPPENS[one.what](self, one.word)
            await self.engine.deliver()
        if self.paused_since is not None:
            await self._forward(MINUTE)
            await _resumes(self, "")
            await self.engine.deliver()
        async with asyncio.timeout(AT_MOST.total_seconds()):
            # It may have ended already: then there is no time left to skip.
            with contextlib.suppress(RPCError):
                await self.engine.env.fast_forward(self.handle)
            await self.handle.result()
        return await self.read()

    @property
    def latest_end(self) -> datetime:
        """When its life ends, without pauses; at once where it is moved to a version by which it has ended before."""
        return max(self.shop.begins + self.plan.longest_life, self.moved_at or self.shop.begins)

    def paused_by(self, at: datetime) -> timedelta:
        """Tell for how long it was paused, up to a moment: it may have been cancelled meanwhile."""
        return self.paused + (at - self.paused_since if self.paused_since else timedelta(0))

    async def read(self) -> Journey:
        return await journeys.get(self.shop.parts.pool, self.journey.id)

    async def out(self) -> list[str]:
        """Name what is out or may be: the slots in the ledger that are claimed or were sent."""
        ledger = await sent.of_journey(self.shop.parts.pool, self.journey.id)
        return [f"{row.step} {row.channel}" for row in ledger if row.state not in {"refused", "rejected", "released"}]

    async def take(self, what: str, **properties: Any) -> None:
        event = self.shop.event(what, self.now, **properties)
        await self.shop.take(event.model_copy(update={"from_backend": what == REPLIED}))

    def about(self) -> dict[str, str]:
        return {} if self.plan.key is Key.CUSTOMER else {f"{self.plan.key}_id": self.key}

    async def _enter(self) -> Journey:
        shop, pool = self.shop, self.shop.parts.pool
        await shops.create(pool, shop.shop, "Test Shop")
        found = await shops.get(pool, shop.shop)
        policy = Policy(quiet_hours=False, caps=NO_CAPS)
        told = {"cart_url": "https://shop.example.com/cart", "policy": policy}
        await shops.save(pool, shops.Shop(**{**vars(found), **told}))
        said = words().model_dump_json()
        for plan in (STARTED_BY_IT, self.plan):
            await plans.publish(pool, shop.shop, plan, said)
        await shop.identify(consent=dict.fromkeys(Medium, True))
        self.key = "ann" if self.plan.key is Key.CUSTOMER else f"{self.plan.key}-1"
        if self.plan.key is Key.CART:
            await self.take("Product Added", cart_id=self.key, currency="EUR", **ITEM)
        if self.plan.key is Key.ORDER:
            due = (shop.begins + timedelta(days=1)).isoformat()
            await self.take("Order Completed", order_id=self.key, total=40, currency="EUR", payment_due=due)
        version = await shop.parts.plans.newest_of(pool, shop.shop, self.plan.name)
        async with pool.acquire() as db, db.transaction():
            begun = await commands.start(db, shop.parts.following, version, self.key, shop.begins)
        assert isinstance(begun, Journey), begun
        return begun

    async def _forward(self, length: timedelta) -> None:
        self.now += length
        if not length:
            return
        # Time that passes in the middle of its work would pass for all of it.
        await until(self._waits)
        async with asyncio.timeout(AT_MOST.total_seconds()):
            with contextlib.suppress(RPCError):
                await self.engine.env.fast_forward(self.handle, length)

    async def _waits(self) -> bool:
        """Tell whether the journey does nothing now but wait, or has ended."""
        found = await self.handle.describe()
        raw = found.raw_description
        works = raw.HasField("pending_workflow_task") or raw.pending_activities
        return found.status is not WorkflowExecutionStatus.RUNNING or not works


# What happens


async def _is_active(player: Player, _: str) -> None:
    await player.take("page")


async def _happens(player: Player, event: str) -> None:
    await player.take(event, **player.about())


async def _replies(player: Player, text: str) -> None:
    await player.take(REPLIED, channel="sms", text=text, journey=player.journey.id)


async def _does_tasks(player: Player, _: str) -> None:
    pool = player.shop.parts.pool
    for task in (await tasks.of_journey(pool, player.journey.id)).values():
        with contextlib.suppress(tasks.TaskStateError):
            await tasks.complete(pool, task, "Zoé", "Words of a person", player.moment)


async def _arrive(player: Player, _: str) -> None:
    await player.shop.parts.pool.execute(
        "update sends set delivered_at = $2 where journey = $1 and state = 'accepted' and delivered_at is null",
        player.journey.id,
        player.moment,
    )


async def _pauses(player: Player, _: str) -> None:
    if await commands.pause(player.shop.parts.pool, player.journey.id, player.moment):
        player.paused_since = player.moment


async def _resumes(player: Player, _: str) -> None:
    if await commands.resume(player.shop.parts.pool, player.journey.id, player.moment):
        _goes_on(player)


def _goes_on(player: Player) -> None:
    if player.paused_since is not None:
        player.paused += player.moment - player.paused_since
        player.paused_since = None


async def _is_signalled(player: Player, name: str) -> None:
    """Have the shop's backend signal the journey itself, which notes it in Postgres."""
    if (await player.read()).status == "ended" or (name == "pause") == (player.paused_since is not None):
        return
    with player.engine.env.with_time_skipping_disabled():
        await player.handle.signal(name, {"at": player.moment.isoformat()})
    await player._forward(MINUTE)  # noqa: SLF001 what a happening needs
    if name == "pause":
        player.paused_since = player.moment - MINUTE
    else:
        _goes_on(player)


async def _reaches_its_goal(player: Player, _: str) -> None:
    if player.plan.goal is None:
        return
    runs = (await player.read()).status != "ended"
    await player.take(player.plan.goal, total=40, **{"order_id": "order-1", **player.about()})
    if runs:
        player.at_the_goal = await player.out()
        assert (await player.read()).outcome == "converted"


async def _moves(player: Player, _: str) -> None:
    shop, pool, plan = player.shop, player.shop.parts.pool, player.next_version
    number = await plans.publish(pool, shop.shop, plan, words().model_dump_json())
    version = await shop.parts.plans.version(pool, shop.shop, plan.name, number)
    if (await Moving(shop.parts.plans, version).move(pool, player.journey.id, player.moment)).problem is None:
        player.plan, player.moved_at = plan, player.moment


async def _is_cancelled(player: Player, _: str) -> None:
    await commands.cancel(player.shop.parts.pool, player.journey.id, "by a test", player.moment)


HAPPENS: dict[str, Callable[[Player, str], Awaitable[None]]] = {
    "activity": _is_active,
    "event": _happens,
    "reply": _replies,
    "task": _does_tasks,
    "arrival": _arrive,
    "pause": _pauses,
    "resume": _resumes,
    "signal": _is_signalled,
    "move": _moves,
    "goal": _reaches_its_goal,
    "cancel": _is_cancelled,
}


# The laws


@settings(max_examples=examples(40), phases=[phase for phase in Phase if phase is not Phase.shrink])
@given(versions=random_plans.versions, story=random_plans.stories())
async def test_any_plan_is_played_to_its_end_in_time_and_stops_at_its_goal(
    engine: Engine, versions: tuple[Plan, Plan], story: list[Happening]
) -> None:
    note("\n".join(plan.model_dump_json(by_alias=True, exclude_defaults=True) for plan in versions))
    note(str(story))
    shop = TestShop(engine.shop.parts)
    player = Player(Engine(engine.env, shop, engine.relay), *versions)
    journey = await player.play(story)
    history = await player.handle.fetch_history()
    assert crashes(history) == []
    assert journey.status == "ended"
    assert journey.ended_at is not None
    assert journey.ended_at <= player.latest_end + player.paused_by(journey.ended_at) + ENGINES
    if player.at_the_goal is not None:
        assert journey.outcome == "converted"
        assert await player.out() == player.at_the_goal
    await replays(history)


def crashes(history: WorkflowHistory) -> list[str]:
    """Say why the workflow's tasks failed, where any did."""
    failed = [event.workflow_task_failed_event_attributes for event in history.events if event.event_type == FAILED]
    return [str(one) for one in failed if one.cause != OVERTAKEN]


async def replays(history: WorkflowHistory) -> None:
    replayer = Replayer(
        workflows=[JourneyWorkflow], workflow_runner=worker.runner(), data_converter=pydantic_data_converter
    )
    await replayer.replay_workflow(history)
