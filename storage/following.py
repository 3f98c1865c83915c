"""Which journeys start, end or convert because of what was just taken in: part of the ingest transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from journeys import holdout
from journeys.customers import fields, merge, plain, with_device
from journeys.events import Event
from journeys.facts import SERIAL_WINDOW_DAYS, Facts, segments
from journeys.ids import journey_id, public_id
from journeys.plan import Plan
from journeys.signals import SUPERSEDED, CheckoutCompleted, OrderedElsewhere, Signal, Superseded, ending
from journeys.steps import Step, Wait, WaitUntilIdle
from storage import carts, customers
from storage.carts import Completed, StoredCart
from storage.journeys import Journey
from storage.loading import load_whole
from storage.people import Link
from storage.plans import Plans, PlanVersion
from storage.work import Order, Work

if TYPE_CHECKING:
    from storage.database import Connection


@dataclass(frozen=True)
class NotStarted:
    """Why a cart does not enter a plan."""

    reason: str


class Following:
    """Follows carts and orders with journeys.

    Args:
        plans: the published plans.
        secret: the key by which ids that may not be shown are hashed.

    """

    def __init__(self, plans: Plans, secret: bytes) -> None:
        self._plans = plans
        self._secret = secret

    async def cart_changed(self, db: Connection, work: Work, stored: StoredCart, event: Event) -> None:
        """Let a cart enter the plans that its event starts, and end what its change ends, however late it comes."""
        known = work.journeys_about(stored.cart_id)
        judge = await self._hand_over(db, work, known, stored.customer)
        for version in await self._newest(db, work):
            if event.name not in version.plan.entry.events or event.at < event.received_at - version.plan.entry.within:
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
        await self.settle(db, work, person)

    async def settle(self, db: Connection, work: Work, person: str) -> None:
        """Judge a person's carts and journeys anew by all that is known."""
        await load_whole(db, work, [person])
        for cart in carts.complete(work, {cart.cart_id for cart in work.carts_of(person)}):
            await self._complete(db, work, cart)
        await self._judge(db, work, person)

    async def _newest(self, db: Connection, work: Work) -> list[PlanVersion]:
        return [await self._plans.version(db, work.shop, name, work.plans[name]) for name in sorted(work.plans)]

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
            return NotStarted("the plan is archived, and starts no journeys until it is unarchived")
        known = [journey for journey in work.journeys_about(stored.cart_id) if journey.plan == plan.name]
        if refused := _may_not_enter(plan, stored, known, at):
            return NotStarted(refused)
        await load_whole(db, work, [stored.customer])
        if plan.audience and not plan.audience.holds(await _facts(db, work, stored, at)):
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
        plan, shop = version.plan, version.shop
        first = plan.steps[0]
        first_due = min(at + _window(first), at + plan.longest_life)
        return Journey(
            id=journey_id(plan.name, shop, public_id(stored.cart_id, self._secret), entry),
            shop=shop,
            plan=plan.name,
            plan_version=version.version,
            customer_id=stored.customer,
            key=stored.cart_id,
            entry=entry,
            cart_id=stored.cart_id,
            held_out=holdout.held_out(shop, plan.name, stored.customer, plan.holdout),
            status="running",
            stage=first.id,
            outcome=None,
            reason=None,
            started_at=at,
            ended_at=None,
            paused_at=None,
            next_at=first_due,
            first_due=first_due,
        )

    def _fate(
        self, work: Work, plan: Plan, journey: Journey
    ) -> CheckoutCompleted | OrderedElsewhere | Superseded | None:
        """Tell what ends a journey by what is known now, whichever came in first."""
        cart = work.carts.get(journey.cart_id)
        if cart is not None and cart.ordered_at is not None:
            return CheckoutCompleted(at=cart.ordered_at, order_id=self.public(cart.order_id or ""))
        if "ordered_elsewhere" in plan.exits_on and (elsewhere := _order_since(work, journey)):
            return OrderedElsewhere(at=elsewhere.at, order_id=self.public(elsewhere.order_id))
        of_person = work.journeys_of(journey.customer_id)
        if plan.one_per_person and (newer := next((j for j in of_person if _supersedes(j, journey)), None)):
            return Superseded(at=newer.started_at, cart_id=self.public(newer.cart_id))
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


def end(work: Work, journey: Journey, what: Signal) -> bool:
    """End a journey in Postgres and have its workflow hear why; tell whether it had not ended before."""
    ends = ending(what)
    if ends is None or not work.end_journey(journey, ends[0], ends[1], what.at):
        return False
    work.deliver(journey.id, what)
    return True


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


def _window(step: Step) -> timedelta:
    """Tell how long a journey that begins with this step waits before it first looks."""
    match step:
        case Wait():
            return step.wait
        case WaitUntilIdle():
            return step.wait_until_idle
    return timedelta(0)


def _supersedes(newer: Journey, older: Journey) -> bool:
    """Tell whether one journey of a person takes the place of another: same plan, another cart, begun later.

    One that was superseded itself does not: the older one may be what superseded it, before it was known to be older.
    """
    may = newer.plan == older.plan and newer.cart_id != older.cart_id and newer.reason != SUPERSEDED
    return may and (newer.started_at, newer.cart_id) > (older.started_at, older.cart_id)


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


async def _facts(db: Connection, work: Work, stored: StoredCart, at: datetime) -> Facts:
    """Put together what an audience may ask, as it stands in the middle of the transaction."""
    since = at - timedelta(days=SERIAL_WINDOW_DAYS)
    abandoned = [
        cart
        for cart in work.carts_of(stored.customer)
        if cart.holds_items and cart.ordered_at is None and since <= cart.last_at <= at
    ]
    orders = {order.order_id for order in work.orders_of(stored.customer) if order.at <= at}
    return Facts(
        shop_time=at,
        last_activity=at,
        cart_value=stored.cart.value,
        currency=stored.cart.currency,
        cart_categories=stored.cart.categories,
        segments=segments(orders=len(orders), abandoned_carts=len(abandoned)),
        customer=fields(await _traits(db, work, stored.customer)),
    )


async def _traits(db: Connection, work: Work, person: str) -> dict[str, Any]:
    found = await db.fetchrow(
        "select traits, locale, timezone, context_at, context_by from customers where shop = $1 and customer_id = $2",
        work.shop,
        person,
    )
    known = dict(found or {})
    for event in work.identified:
        if work.person(event) == person:
            known["traits"] = merge(known["traits"], event)
    for told in customers.active(work):
        if told["customer_id"] == person and "context_at" in told and _device(known) < _device(told):
            known |= told
    return with_device(plain(known["traits"]), known["locale"], known["timezone"])


def _device(known: dict[str, Any]) -> tuple[datetime, str]:
    """Tell which word on a person's device is the newest."""
    return known["context_at"] or datetime.min.replace(tzinfo=UTC), known["context_by"] or ""


def _order_since(work: Work, journey: Journey) -> Order | None:
    """Find the person's first order since a journey began that is not of its cart."""
    since = [
        order
        for order in work.orders_of(journey.customer_id)
        if order.at >= journey.started_at and order.cart_id != journey.cart_id
    ]
    return min(since, key=lambda order: order.order, default=None)
