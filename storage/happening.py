"""Journeys about orders and about people: which start, end or must hear because of what was just taken in."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from journeys.events import Event
from journeys.ids import public_customer_id, public_id
from journeys.plan import Key, Plan
from journeys.replies import REPLIED
from journeys.signals import ExitReached, GoalReached, Heard
from storage import audience
from storage.asked import About
from storage.beginning import ARCHIVED, NotStarted, begins, end, new_journey, newest
from storage.journeys import Journey
from storage.loading import load_whole
from storage.plans import Plans, PlanVersion
from storage.work import Work

if TYPE_CHECKING:
    from storage.database import Connection


class Happening:
    """Follows orders and people with journeys, and tells all journeys what they wait for.

    Args:
        plans: the published plans.
        secret: the key by which ids that may not be shown are hashed.

    """

    def __init__(self, plans: Plans, secret: bytes) -> None:
        self._plans = plans
        self._secret = secret

    async def happened(self, db: Connection, work: Work, event: Event) -> None:
        """Let an event be heard by the person's journeys, and start those that it starts."""
        if event.name not in work.asked:
            return
        person = work.person(event)
        await load_whole(db, work, [person])
        for journey in work.journeys_of(person):
            version = await self._plans.version(db, work.shop, journey.plan, journey.plan_version)
            _hear(work, version.plan, journey, event)
        for version in await newest(db, work, self._plans):
            if version.plan.key is not Key.CART and begins(version.plan, event):
                key = event.order_id if version.plan.key is Key.ORDER else person
                if key is not None:
                    await self.enter(db, work, version, person, key, event.at)

    async def enter(
        self, db: Connection, work: Work, version: PlanVersion, person: str, key: str, at: datetime
    ) -> Journey | NotStarted:
        """Start a plan's journey for an order or a person of whom all is read, unless the plan says that it may not."""
        plan = version.plan
        if plan.name in work.archived:
            return ARCHIVED
        of_plan = [journey for journey in work.journeys_of(person) if journey.plan == plan.name]
        # Somebody may have been followed under an id that they had before.
        known = of_plan if plan.key is Key.CUSTOMER else [journey for journey in of_plan if journey.key == key]
        if refused := _may_not_enter(plan, known, at):
            return NotStarted(refused)
        if plan.key is Key.ORDER and not known and await _is_followed(db, version, key):
            return NotStarted("another person's journey follows this order")
        if not await audience.may_enter(db, work, plan, About(work.shop, person, key, None, at), at):
            return NotStarted("the person is not in the plan's audience")
        show = public_id if plan.key is Key.ORDER else public_customer_id
        entry = 1 + max((j.entry for j in known if j.key == key), default=0)
        journey = new_journey(version, public_key=show(key, self._secret), key=key, customer=person, entry=entry, at=at)
        work.add_journey(journey)
        work.tell(journey.id, at, "started", f"{plan.name} version {version.version}")
        work.deliver(journey.id)
        for event in await _since(db, work, plan, journey):
            _hear(work, plan, work.journeys[journey.id], event)
        return work.journeys[journey.id]


def _hear(work: Work, plan: Plan, journey: Journey, event: Event) -> None:
    """End a journey whose goal or exit an event is, or have its workflow hear of it."""
    if not _is_about(plan, journey, event):
        return
    if plan.key is not Key.CART and event.name == plan.goal:
        _reach_goal(work, plan, journey, event)
    elif plan.key is not Key.CART and event.name in plan.exits_on:
        end(work, journey, ExitReached(at=event.at, event=event.name))
    elif journey.status != "ended" and (event.name in plan.heeds or event.name == REPLIED):
        work.deliver(journey.id, Heard(at=event.at, event=event.name))


def _reach_goal(work: Work, plan: Plan, journey: Journey, event: Event) -> None:
    if end(work, journey, GoalReached(at=event.at, event=event.name)):
        return
    in_time = journey.ended_at is not None and event.at <= journey.ended_at + plan.attribution
    if journey.outcome in {"finished", "exited"} and in_time:
        work.convert_journey(journey, event.name, event.at)


def _is_about(plan: Plan, journey: Journey, event: Event) -> bool:
    """Tell whether an event is about a journey: since it began, and about no other cart or order than its own."""
    if event.at < journey.started_at:
        return False
    if event.name == REPLIED:
        return event.properties.get("journey") == journey.id
    named = {Key.CART: event.cart_id, Key.ORDER: event.order_id, Key.CUSTOMER: None}[plan.key]
    return named in {None, journey.key} and (plan.key is not Key.ORDER or named is not None)


def _may_not_enter(plan: Plan, known: list[Journey], at: datetime) -> str | None:
    """Tell why a person, or an order, may not enter again."""
    if not known:
        return None
    last = max(known, key=lambda journey: journey.started_at)
    if last.ended_at is None:
        return "a journey of this plan runs already"
    if plan.re_entry == "never":
        return f"the {plan.key} has been in this plan, which it may enter once"
    if at < last.ended_at + plan.re_entry:
        return f"the {plan.key} may not enter this plan again yet"
    return None


async def _is_followed(db: Connection, version: PlanVersion, order: str) -> bool:
    found: bool = await db.fetchval(
        "select exists (select from journeys where shop = $1 and plan = $2 and key = $3)",
        version.shop,
        version.plan.name,
        order,
    )
    return found


async def _since(db: Connection, work: Work, plan: Plan, journey: Journey) -> list[Event]:
    """Give what came in before the event that starts a journey, and happened after it: its goal, or an exit."""
    ends = [*filter(None, [plan.goal]), *plan.exits_on]
    if not ends:
        return []
    rows = await db.fetch(
        "select content from events where shop = $1 and customer_id = $2 and name = any($3) and at >= $4 order by at",
        work.shop,
        journey.customer_id,
        ends,
        journey.started_at,
    )
    told = [Event.model_validate(row["content"]) for row in rows]
    told += [
        one.event for one in work.recorded if one.event.name in ends and work.person(one.event) == journey.customer_id
    ]
    return sorted(told, key=lambda event: event.order)
