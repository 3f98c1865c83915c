"""The look: what a journey does each time it wakes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from temporalio import activity

from activities.clock import ShopClock
from activities.contracts import LOOK, LookInput
from journeys.choices import choices
from journeys.durations import show
from journeys.facts import Facts
from journeys.plan import Key, Plan
from journeys.play import Do, End, Look, Move, SendNow, WaitUntil, deadline, held_until, next_move, tries, untried
from journeys.steps import Send
from storage import journeys, reading, sends
from storage.journeys import Journey
from storage.plans import Plans
from storage.situation import Situation

if TYPE_CHECKING:
    from storage.database import Pool


class Looking:
    """Reads the facts, and notes in Postgres what the journey will make of them."""

    def __init__(self, pool: Pool, plans: Plans, clock: ShopClock) -> None:
        self._pool = pool
        self._plans = plans
        self._clock = clock

    @activity.defn(name=LOOK)
    async def look(self, order: LookInput) -> Facts:
        """Look once. Repeating it is harmless.

        Raises:
            UnknownJourneyError: there is no such journey.

        """
        if not await self._clock.reached(order.at):
            return Facts(early=True, shop_time=self._clock.now(), last_activity=order.at)
        journey = await journeys.get(self._pool, order.journey)
        number = order.version or journey.plan_version
        version = await self._plans.version(self._pool, journey.shop, journey.plan, number)
        found = await reading.situation(self._pool, order.journey, version.plan, order.at)
        facts = found.facts(version.plan, self._clock.now())
        # By its customer of now it might have gone another way: what it did stays.
        facts = facts.model_copy(update={"variants": facts.variants | order.stage.variants})
        move = next_move(version.plan, order.stage, facts, order.at)
        if isinstance(move, SendNow):
            facts = _in_time(facts, move.step, deadline(move.stage, move.step, facts.moments))
            await self._note_deferrals(journey, found, version.plan, move, facts)
        await self._note(journey, version.plan, order, facts, move)
        return facts

    async def _note_deferrals(
        self, journey: Journey, found: Situation, plan: Plan, move: SendNow, facts: Facts
    ) -> None:
        """Note what holds a step's channels back for now, and until when."""
        if journey.status != "running":
            return
        last = deadline(move.stage, move.step, facts.moments)
        for channel in untried(move.step, facts):
            decision = found.decide(plan, channel, last, move.step)
            if decision.later:
                await sends.note_deferral(self._pool, journey.id, move.step.slot(channel), channel, found.at, decision)

    async def _note(self, journey: Journey, plan: Plan, order: LookInput, facts: Facts, move: Move) -> None:
        if facts.outcome or facts.paused_at:
            return
        async with self._pool.acquire() as db, db.transaction():
            due = _due(move, facts, order.at)
            await journeys.stand(db, journey.id, move.stage.step, due)
            what = f"looked at {order.stage.step}"
            await journeys.log(db, journey.id, order.at, what, _why(plan, facts, move, order))


def _due(move: Move, facts: Facts, at: datetime) -> datetime:
    """Tell when the journey goes on."""
    if isinstance(move, WaitUntil):
        return move.until
    if isinstance(move, SendNow) and not tries(move.step, facts):
        return held_until(move.step, facts) or at
    return at


def _in_time(facts: Facts, step: Send, last: datetime) -> Facts:
    """Leave out the channels that would be allowed only after the step's deadline."""
    reach = facts.reach(step.id)
    later = {channel: until for channel, until in reach.later.items() if until <= last}
    if step.id in facts.answering:
        answering = facts.answering | {step.id: reach.model_copy(update={"later": later})}
        return facts.model_copy(update={"answering": answering})
    return facts.model_copy(update={"later": later})


def _about(plan: Plan, facts: Facts) -> str:
    if plan.key is Key.CART:
        return f"cart worth {facts.cart_value} {facts.currency or ''}".rstrip() + "; "
    if facts.order_value is not None:
        return f"order of {facts.order_value} {facts.order_currency or ''}".rstrip() + "; "
    return ""


def _why(plan: Plan, facts: Facts, move: Move, order: LookInput) -> str:
    reach = facts.reach(move.step.id if isinstance(move, SendNow) else "")
    seen = (
        _about(plan, facts)
        + ", ".join(facts.segments)
        + f"; idle for {show(order.at - facts.last_activity)}"
        + f"; reachable by {', '.join(reach.usable) or 'no channel'}"
        + "".join(f", by {channel} from {until:%Y-%m-%d %H:%M} UTC" for channel, until in reach.later.items())
        + "".join(f"; {way}" for way in choices(plan, order.stage, facts, order.at))
    )
    match move:
        case WaitUntil():
            return f"{seen}: waits until {move.until:%Y-%m-%d %H:%M:%S} UTC ({move.summary})"
        case SendNow():
            return f"{seen}: sends {move.step.id}"
        case End():
            return f"{seen}: ends ({move.reason})"
        case Do():
            return f"{seen}: does {move.step.id}"
        case Look():
            return seen
