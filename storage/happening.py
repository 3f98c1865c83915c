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
from storage.work import MoreToHoldError, Work

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

    async def happened(self, db: Connection, work: Work, event: Event, cart_id: str | None) -> None:
        """Let an event be heard by the journeys of its person and of its order, and start those that it starts.

        Raises:
            MoreToHoldError: another person's journey follows the order.

        """
        if event.name not in work.asked or not event.is_believed:
            return
        person = work.person(event)
        followers = await _followers(db, work, event)
        await load_whole(db, work, [person, *followers])
        others = [journey for one in followers for journey in work.journeys_of(one) if journey.key == event.order_id]
        for journey in [*work.journeys_of(person), *others]:
            version = await self._plans.version(db, work.shop, journey.plan, journey.plan_version)
            _hear(work, version.plan, journey, event, cart_id)
        for version in await newest(db, work, self._plans):
            if version.plan.key is not Key.CART and begins(version.plan, event):
                key = event.order_id if version.plan.key is Key.ORDER else person
                if key is not None:
                    await self.enter(db, work, version, person, key, event.at, begun_by=event.message_id)

    async def joined(self, db: Connection, work: Work, person: str) -> None:
        """Judge the journeys anew of somebody who turned out to be another person: what either did counts for both."""
        followed: set[str] = set()
        for journey in work.journeys_of(person):
            if journey.cart_id is not None or journey.status == "ended":
                continue
            version = await self._plans.version(db, work.shop, journey.plan, journey.plan_version)
            for event in await _since(db, work, version.plan, journey, None):
                _hear(work, version.plan, work.journeys[journey.id], event, None)
            if version.plan.key is Key.CUSTOMER and journey.plan in followed:
                again = ExitReached(at=journey.started_at, event="the person is followed by an older journey")
                end(work, work.journeys[journey.id], again)
            followed.add(journey.plan)

    async def enter(
        self,
        db: Connection,
        work: Work,
        version: PlanVersion,
        person: str,
        key: str,
        at: datetime,
        *,
        begun_by: str | None = None,
        why: str = "",
    ) -> Journey | NotStarted:
        """Start a plan's journey for an order or a person of whom all is read, unless the plan says that it may not.

        Args:
            db: the transaction.
            work: what it knows.
            version: of the plan.
            person: who enters.
            key: the order's id, or the person's.
            at: when.
            begun_by: the id of the message that starts it.
            why: what else starts it, for the journey's story.

        """
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
        entry = 1 + await _entries(db, work, plan.name, key)
        journey = new_journey(version, public_key=show(key, self._secret), key=key, customer=person, entry=entry, at=at)
        work.add_journey(journey)
        started = f"{plan.name} version {version.version}"
        work.tell(journey.id, at, "started", f"{started}, {why}" if why else started)
        work.deliver(journey.id)
        for event in await _since(db, work, plan, journey, begun_by):
            _hear(work, plan, work.journeys[journey.id], event, None)
        return work.journeys[journey.id]


def _hear(work: Work, plan: Plan, journey: Journey, event: Event, cart_id: str | None) -> None:
    """End a journey whose goal or exit an event is, or have its workflow hear of it."""
    if not _is_about(plan, journey, event, cart_id):
        return
    # What names no order may be waited for, and ends none: there may be several.
    may_end = plan.key is Key.CUSTOMER or (plan.key is Key.ORDER and event.order_id is not None)
    if may_end and event.name == plan.goal:
        _reach_goal(work, plan, journey, event)
    elif may_end and event.name in plan.exits_on:
        end(work, journey, ExitReached(at=event.at, event=event.name))
    elif journey.status != "ended" and (event.name in plan.heeds or event.name == REPLIED):
        work.deliver(journey.id, Heard(at=event.at, event=event.name))


def _reach_goal(work: Work, plan: Plan, journey: Journey, event: Event) -> None:
    if end(work, journey, GoalReached(at=event.at, event=event.name)):
        return
    in_time = journey.ended_at is not None and event.at <= journey.ended_at + plan.attribution
    if journey.outcome in {"finished", "exited"} and in_time:
        work.convert_journey(journey, event.name, event.at)


def _is_about(plan: Plan, journey: Journey, event: Event, cart_id: str | None) -> bool:
    """Tell whether an event is about a journey: since it began, and about no other cart or order than its own."""
    if event.at < journey.started_at:
        return False
    if event.name == REPLIED:
        return event.properties.get("journey") == journey.id
    named = {Key.CART: cart_id, Key.ORDER: event.order_id, Key.CUSTOMER: None}[plan.key]
    return named in {None, journey.key}


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


async def _followers(db: Connection, work: Work, event: Event) -> list[str]:
    """Name the other people whose journeys follow the order that the shop's backend tells of."""
    if event.order_id is None or not event.from_backend:
        return []
    rows = await db.fetch(
        "select distinct customer_id from journeys where shop = $1 and key = $2 and cart_id is null"
        " and customer_id <> $3 order by 1",
        work.shop,
        event.order_id,
        work.person(event),
    )
    people = [row["customer_id"] for row in rows]
    if missing := set(people) - work.people.keys():
        raise MoreToHoldError(people=frozenset(missing))
    return people


async def _entries(db: Connection, work: Work, plan: str, key: str) -> int:
    """Tell how often a key has entered a plan, whoever it belongs to by now."""
    written: int = await db.fetchval(
        "select coalesce(max(entry), 0) from journeys where shop = $1 and plan = $2 and key = $3", work.shop, plan, key
    )
    begun = (work.journeys[one] for one in work.new_journeys)
    return max([written, *(journey.entry for journey in begun if (journey.plan, journey.key) == (plan, key))])


async def _since(db: Connection, work: Work, plan: Plan, journey: Journey, begun_by: str | None) -> list[Event]:
    """Give what came in already of a journey's goal and exits, and happened after its beginning."""
    ends = [*filter(None, [plan.goal]), *plan.exits_on]
    if not ends:
        return []
    of_order = journey.key if plan.key is Key.ORDER else None
    rows = await db.fetch(
        "select content from events where shop = $1 and name = any($3) and at >= $4"
        " and (customer_id = $2 or (order_id = $5 and content -> 'from_backend' = 'true')) order by at",
        work.shop,
        journey.customer_id,
        ends,
        journey.started_at,
        of_order,
    )
    told = [Event.model_validate(row["content"]) for row in rows]
    told += [
        one.event for one in work.recorded if one.event.name in ends and work.person(one.event) == journey.customer_id
    ]
    counts = (event for event in told if event.is_believed and event.message_id != begun_by)
    return sorted(counts, key=lambda event: event.order)
