"""Which journeys start, end or convert because of what was just taken in: part of the ingest transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from journeys import holdout
from journeys.events import Event
from journeys.ids import public_id
from journeys.plan import Key, Plan
from journeys.signals import SUPERSEDED, CheckoutCompleted, OrderedElsewhere, Superseded, ending
from storage import audience, carts
from storage.asked import About
from storage.beginning import ARCHIVED, NotStarted, begins, end, new_journey, newest
from storage.carts import Completed, StoredCart
from storage.happening import Happening
from storage.journeys import Journey
from storage.loading import load_whole
from storage.people import Link
from storage.plans import Plans, PlanVersion
from storage.work import Order, Work

if TYPE_CHECKING:
    from storage.database import Connection


class Following:
    """Follows carts and orders with journeys.

    Args:
        plans: the published plans.
        secret: the key by which ids that may not be shown are hashed.

    Attributes:
        happening: what follows orders and people.

    """

    def __init__(self, plans: Plans, secret: bytes) -> None:
        self._plans = plans
        self._secret = secret
        self.happening = Happening(plans, secret)

    async def cart_changed(self, db: Connection, work: Work, stored: StoredCart, event: Event) -> None:
        """Let a cart enter the plans that its event starts, and end what its change ends, however late it comes."""
        known = work.journeys_about(stored.cart_id)
        judge = await self._hand_over(db, work, known, stored.customer)
        for version in await self._newest(db, work):
            if version.plan.key is not Key.CART or not begins(version.plan, event):
                continue
            judge |= await _begin_earlier(db, work, version.plan, stored, event)
            await self.enter(db, work, version, stored, at=event.at)
        await self.settled(db, work, stored)
        if judge:
            await self._judge(db, work, stored.customer)

    async def settled(self, db: Connection, work: Work, stored: StoredCart) -> None:
        """Let the journeys of a cart that was ordered reach their goal."""
        if stored.ordered_at is None:
            return
        await load_whole(db, work, [stored.customer])
        goal = CheckoutCompleted(at=stored.ordered_at, order_id=self.public(stored.order_id or ""))
        for journey in work.journeys_about(stored.cart_id):
            await self._reach_goal(db, work, journey, goal)

    async def joined(self, db: Connection, work: Work, link: Link, moved: set[str]) -> None:
        """Follow the carts and orders of somebody who turned out to be another person."""
        person = work.who(link.alias_id)
        await load_whole(db, work, [person])
        came = [journey for journey in work.journeys_of(person) if journey.id in moved and journey.status != "ended"]
        await self._hand_over(db, work, came, person)
        for journey in came:
            work.tell(journey.id, link.at, "person recognised", link.why)
        await self.happening.joined(db, work, person)
        await self.settle(db, work, person)

    async def settle(self, db: Connection, work: Work, person: str) -> None:
        """Judge a person's carts and journeys anew by all that is known."""
        await load_whole(db, work, [person])
        for cart in carts.complete(work, {cart.cart_id for cart in work.carts_of(person)}):
            await self._complete(db, work, cart)
        await self._judge(db, work, person)

    async def _newest(self, db: Connection, work: Work) -> list[PlanVersion]:
        return await newest(db, work, self._plans)

    async def _hand_over(self, db: Connection, work: Work, about: list[Journey], customer: str) -> bool:
        """Let journeys follow their cart to its owner; tell whether one that runs did.

        One that has ended keeps what it was sent by: its holdout.
        """
        moved = False
        for told in about:
            version = await self._plans.version(db, told.shop, told.plan, told.plan_version)
            held_out = holdout.held_out(told.shop, told.plan, customer, version.plan.holdout)
            if told.customer_id == customer and (told.status == "ended" or told.held_out == held_out):
                continue
            journey = await _locked(db, work, told, customer)
            runs = journey.status != "ended"
            held_out = held_out if runs else journey.held_out
            work.change_journey(replace(journey, customer_id=customer, held_out=held_out))
            moved |= runs
        return moved

    async def _judge(self, db: Connection, work: Work, customer: str) -> None:
        """End the journeys of a person that must not go on by what is known now."""
        await load_whole(db, work, [customer])
        for journey in work.journeys_of(customer):
            if journey.status == "ended":
                continue
            version = await self._plans.version(db, journey.shop, journey.plan, journey.plan_version)
            if fate := self._fate(work, version.plan, journey):
                end(work, journey, fate)

    async def enter(
        self, db: Connection, work: Work, version: PlanVersion, stored: StoredCart, *, at: datetime
    ) -> Journey | NotStarted:
        """Start a plan's journey for a cart, unless the plan says that it may not start.

        What the shop told before, in whatever order, counts: a cart that was ordered is followed by a journey that
        has converted already, and a cart that is not the person's newest by one that was superseded.
        """
        plan = version.plan
        if plan.name in work.archived:
            return ARCHIVED
        known = [journey for journey in work.journeys_about(stored.cart_id) if journey.plan == plan.name]
        if refused := _may_not_enter(plan, stored, known, at):
            return NotStarted(refused)
        await load_whole(db, work, [stored.customer])
        about = About(work.shop, stored.customer, stored.cart_id, None, at)
        if not await audience.may_enter(db, work, plan, about, at, stored.cart):
            return NotStarted("the person is not in the plan's audience")
        journey = self._new(version, stored, entry=len(known) + 1, at=at)
        work.add_journey(journey)
        work.tell(journey.id, journey.started_at, "started", f"{plan.name} version {version.version}")
        if fate := self._fate(work, plan, journey):
            outcome, reason = ending(fate) or ("", "")
            work.end_journey(journey, outcome, reason, fate.at)
            return work.journeys[journey.id]
        work.deliver(journey.id)
        await self._judge(db, work, stored.customer)
        return work.journeys[journey.id]

    def _new(self, version: PlanVersion, stored: StoredCart, *, entry: int, at: datetime) -> Journey:
        key = public_id(stored.cart_id, self._secret)
        cart = new_journey(version, public_key=key, key=stored.cart_id, customer=stored.customer, entry=entry, at=at)
        return replace(cart, cart_id=stored.cart_id)

    def _fate(
        self, work: Work, plan: Plan, journey: Journey
    ) -> CheckoutCompleted | OrderedElsewhere | Superseded | None:
        """Tell what ends a journey by what is known now, whichever came in first."""
        if journey.cart_id is None:
            return None
        cart = work.carts.get(journey.cart_id)
        if cart is not None and cart.ordered_at is not None:
            return CheckoutCompleted(at=cart.ordered_at, order_id=self.public(cart.order_id or ""))
        if "ordered_elsewhere" in plan.exits_on and (elsewhere := _order_since(work, journey)):
            return OrderedElsewhere(at=elsewhere.at, order_id=self.public(elsewhere.order_id))
        of_person = work.journeys_of(journey.customer_id)
        if plan.one_per_person and (newer := next((j for j in of_person if _supersedes(j, journey)), None)):
            return Superseded(at=newer.started_at, cart_id=self.public(newer.key))
        return None

    async def ordered(self, db: Connection, work: Work, order: Order) -> None:
        """End the journeys of the carts that an order completes, and the person's others where the plan says so.

        An order that names a cart completes that one, whosever it is; one that names none, the person's own.
        """
        person, named = order.customer_id, work.carts.get(order.cart_id or "")
        await load_whole(db, work, [person] if named is None else [person, named.customer_id])
        about = {cart.cart_id for cart in work.carts_of(person)} if order.of_person else set()
        completed = carts.complete(work, about | {order.cart_id or ""})
        for cart in completed:
            await self._complete(db, work, cart)
        what = OrderedElsewhere(at=order.at, order_id=self.public(order.order_id))
        of_it = {order.cart_id, *(cart.cart_id for cart in completed)}
        for journey in work.journeys_of(person):
            if journey.cart_id in of_it or journey.status == "ended" or journey.started_at > order.at:
                continue
            version = await self._plans.version(db, work.shop, journey.plan, journey.plan_version)
            if "ordered_elsewhere" in version.plan.exits_on:
                end(work, journey, what)

    async def _complete(self, db: Connection, work: Work, cart: Completed) -> None:
        goal = CheckoutCompleted(at=cart.ordered_at, order_id=self.public(cart.order_id))
        for journey in work.journeys_about(cart.cart_id):
            await self._reach_goal(db, work, journey, goal)
        work.ordered.append((cart.cart_id, cart.ordered_at))

    async def _reach_goal(self, db: Connection, work: Work, journey: Journey, goal: CheckoutCompleted) -> None:
        if end(work, journey, goal):
            return
        version = await self._plans.version(db, journey.shop, journey.plan, journey.plan_version)
        in_time = journey.ended_at is not None and goal.at <= journey.ended_at + version.plan.attribution
        if journey.outcome in {"converted", "finished", "exited"} and in_time:
            work.convert_journey(journey, f"ordered: {goal.order_id}", goal.at)

    def public(self, value: str) -> str:
        """Show an id the way Temporal may see it."""
        return public_id(value, self._secret)


async def _begin_earlier(db: Connection, work: Work, plan: Plan, stored: StoredCart, event: Event) -> bool:
    """Let a journey have begun with an event that came late; tell whether it did. Its plan's moments stay."""
    if plan.audience or stored.cart.opened_at is None or event.at < stored.cart.opened_at:
        return False
    known = work.journeys_about(stored.cart_id)
    first = next((journey for journey in known if (journey.plan, journey.entry) == (plan.name, 1)), None)
    if first is None or first.started_at <= event.at:
        return False
    work.begin_earlier(await _locked(db, work, first, stored.customer), event.at)
    return True


async def _locked(db: Connection, work: Work, journey: Journey, customer: str) -> Journey:
    """Give a journey as it is under its lock: its workflow may have ended it since it was read."""
    await load_whole(db, work, [customer])
    return work.journeys[journey.id]


def _supersedes(newer: Journey, older: Journey) -> bool:
    """Tell whether one journey of a person takes the place of another: same plan, another cart, begun later.

    One that was superseded itself does not: the older one may be what superseded it, before it was known to be older.
    """
    may = newer.plan == older.plan and newer.key != older.key and newer.reason != SUPERSEDED
    return may and (newer.started_at, newer.key) > (older.started_at, older.key)


def _may_not_enter(plan: Plan, stored: StoredCart, known: list[Journey], at: datetime) -> str | None:
    if stored.cart.opened_at is None or at < stored.cart.opened_at:
        return "the cart held nothing yet"
    if not known:
        return None
    last = known[-1]
    if plan.re_entry == "never":
        return "the cart has been in this plan, which it may enter once"
    if last.ended_at is None or stored.ordered_at is not None or at < last.ended_at + plan.re_entry:
        return "the cart may not enter this plan again yet"
    return None


def _order_since(work: Work, journey: Journey) -> Order | None:
    """Find the person's first order since a journey began that is not of its cart."""
    since = [
        order
        for order in work.orders_of(journey.customer_id)
        if order.at >= journey.started_at and order.cart_id != journey.cart_id
    ]
    return min(since, key=lambda order: order.order, default=None)
