"""Which journeys start, end or convert because of what was just taken in: part of the ingest transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from journeys import holdout
from journeys.customers import fields, plain
from journeys.events import Event
from journeys.facts import SERIAL_WINDOW_DAYS, Facts, segments
from journeys.ids import journey_id, public_id
from journeys.plan import Plan
from journeys.signals import SUPERSEDED, CheckoutCompleted, OrderedElsewhere, Signal, Superseded, ending
from journeys.steps import Step, Wait, WaitUntilIdle
from storage import carts, journeys, offers, outbox
from storage.carts import Completed, StoredCart
from storage.journeys import Journey
from storage.plans import Plans, PlanVersion

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

    async def cart_changed(self, db: Connection, shop: str, stored: StoredCart, event: Event) -> None:
        """Let a cart enter the plans that its event starts, and end what its change ends, however late it comes."""
        known = await journeys.of_cart(db, shop, stored.cart_id)
        judge = await self._hand_over(db, known, stored.customer)
        for version in await self._plans.newest(db, shop):
            if event.name not in version.plan.entry.events or event.at < event.received_at - version.plan.entry.within:
                continue
            judge |= await self._begin_earlier(db, version.plan, stored, known, event)
            await self.enter(db, version, stored, at=event.at)
        if stored.ordered_at is not None:
            goal = CheckoutCompleted(at=stored.ordered_at, order_id=self.public(stored.order_id or ""))
            for journey in known:
                await self._reach_goal(db, journey, goal)
        if judge:
            await self._judge(db, shop, stored.customer)

    async def visitor_joined(self, db: Connection, shop: str, customer: str, moved: list[str], event: Event) -> None:
        """Follow a visitor's carts and orders that are a customer's now."""
        came = [j for j in await journeys.of_customer(db, shop, customer) if j.id in moved and j.status != "ended"]
        await self._hand_over(db, came, customer)
        for journey in came:
            await journeys.log(db, journey.id, event.at, "person recognised", "a visitor turned out to be a customer")
        for cart in await carts.complete(db, shop, None, customer):
            await self._complete(db, shop, cart)
        await self._judge(db, shop, customer)

    async def settle(self, db: Connection, shop: str, customer: str) -> None:
        """Judge a person's carts and journeys anew by all that is known; the caller holds the person's lock."""
        for cart in await carts.complete(db, shop, None, customer):
            await self._complete(db, shop, cart)
        await self._judge(db, shop, customer)

    async def _hand_over(self, db: Connection, about: list[Journey], customer: str) -> bool:
        """Let journeys follow their cart to its owner; tell whether one that runs did."""
        moved = False
        for journey in about:
            version = await self._plans.version(db, journey.shop, journey.plan, journey.plan_version)
            held_out = holdout.held_out(journey.shop, journey.plan, customer, version.plan.holdout)
            if (journey.customer_id, journey.held_out) != (customer, held_out):
                await journeys.hand_over(db, journey.id, customer, held_out=held_out)
                moved |= journey.status != "ended"
        return moved

    async def _begin_earlier(
        self, db: Connection, plan: Plan, stored: StoredCart, known: list[Journey], event: Event
    ) -> bool:
        """Let a journey have begun with an event that came late; tell whether it did. Its plan's moments stay."""
        if plan.audience or stored.cart.opened_at is None or event.at < stored.cart.opened_at:
            return False
        return any(
            [
                await journeys.begin_earlier(db, journey.id, event.at)
                for journey in known
                if (journey.plan, journey.entry) == (plan.name, 1)
            ]
        )

    async def _judge(self, db: Connection, shop: str, customer: str) -> None:
        """End the journeys of a person that must not go on by what is known now."""
        all_of_them = await journeys.of_customer(db, shop, customer)
        for journey in all_of_them:
            if journey.status == "ended":
                continue
            version = await self._plans.version(db, shop, journey.plan, journey.plan_version)
            stored = await carts.get(db, shop, journey.cart_id)
            if stored and (fate := await self._fate(db, version.plan, stored, journey, all_of_them)):
                await end(db, journey, fate)

    async def enter(
        self, db: Connection, version: PlanVersion, stored: StoredCart, *, at: datetime
    ) -> Journey | NotStarted:
        """Start a plan's journey for a cart, unless the plan says that it may not start.

        What the shop told before, in whatever order, counts: a cart that was ordered is followed by a journey that
        has converted already, and a cart that is not the person's newest by one that was superseded.
        """
        plan, shop = version.plan, version.shop
        known = [j for j in await journeys.of_cart(db, shop, stored.cart_id) if j.plan == plan.name]
        if refused := _may_not_enter(plan, stored, known, at):
            return NotStarted(refused)
        if plan.audience and not plan.audience.holds(await _facts(db, shop, stored, at)):
            return NotStarted("the person is not in the plan's audience")
        journey = self._new(version, stored, entry=len(known) + 1, at=at)
        await journeys.add(db, journey)
        await journeys.log(db, journey.id, journey.started_at, "started", f"{plan.name} version {version.version}")
        if fate := await self._fate(db, plan, stored, journey, await journeys.of_customer(db, shop, stored.customer)):
            outcome, reason = ending(fate) or ("", "")
            await journeys.end(db, journey.id, outcome, reason, fate.at)
            return journey
        await outbox.start(db, journey.id)
        await self._judge(db, shop, stored.customer)
        return journey

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

    async def _fate(
        self, db: Connection, plan: Plan, stored: StoredCart, journey: Journey, of_person: list[Journey]
    ) -> CheckoutCompleted | OrderedElsewhere | Superseded | None:
        """Tell what ends a journey by what is known now, whichever came in first."""
        if stored.ordered_at is not None:
            return CheckoutCompleted(at=stored.ordered_at, order_id=self.public(stored.order_id or ""))
        if "ordered_elsewhere" in plan.exits_on and (elsewhere := await _order_since(db, journey)):
            return OrderedElsewhere(at=elsewhere[0], order_id=self.public(elsewhere[1]))
        if plan.one_per_person and (newer := next((j for j in of_person if _supersedes(j, journey)), None)):
            return Superseded(at=newer.started_at, cart_id=self.public(newer.cart_id))
        return None

    async def ordered(self, db: Connection, shop: str, customer: str, event: Event, completed: list[Completed]) -> None:
        """End the journeys of the carts that an order completes, and the person's others where the plan says so."""
        for cart in completed:
            await self._complete(db, shop, cart)
        what = OrderedElsewhere(at=event.at, order_id=self.public(event.order_id or ""))
        for journey in await journeys.of_customer(db, shop, customer):
            about_it = journey.cart_id == event.cart_id or journey.cart_id in {cart.cart_id for cart in completed}
            if about_it or journey.status == "ended" or journey.started_at > event.at:
                continue
            version = await self._plans.version(db, shop, journey.plan, journey.plan_version)
            if "ordered_elsewhere" in version.plan.exits_on:
                await end(db, journey, what)

    async def _complete(self, db: Connection, shop: str, cart: Completed) -> None:
        goal = CheckoutCompleted(at=cart.ordered_at, order_id=self.public(cart.order_id))
        for journey in await journeys.of_cart(db, shop, cart.cart_id):
            await self._reach_goal(db, journey, goal)
        await offers.order_came(db, shop, cart.cart_id, cart.ordered_at)

    async def _reach_goal(self, db: Connection, journey: Journey, goal: CheckoutCompleted) -> None:
        if await end(db, journey, goal):
            return
        version = await self._plans.version(db, journey.shop, journey.plan, journey.plan_version)
        in_time = journey.ended_at is not None and goal.at <= journey.ended_at + version.plan.attribution
        if journey.outcome in {"converted", "finished", "exited"} and in_time:
            await journeys.convert(db, journey.id, f"ordered: {goal.order_id}", goal.at)

    def public(self, value: str) -> str:
        """Show an id the way Temporal may see it."""
        return public_id(value, self._secret)


async def end(db: Connection, journey: Journey, what: Signal) -> bool:
    """End a journey in Postgres and have its workflow hear why; tell whether it had not ended before."""
    ends = ending(what)
    if ends is None or not await journeys.end(db, journey.id, ends[0], ends[1], what.at):
        return False
    await outbox.signal(db, journey.id, what)
    return True


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


async def _facts(db: Connection, shop: str, stored: StoredCart, at: datetime) -> Facts:
    row = await db.fetchrow(
        "select traits, (select count(*) from orders where shop = $1 and customer_id = $2 and at <= $3) as orders,"
        " (select count(*) from carts where shop = $1 and customer_id = $2 and holds_items and ordered_at is null"
        " and last_at between $3 - make_interval(days => $4) and $3) as abandoned"
        " from customers where shop = $1 and customer_id = $2",
        shop,
        stored.customer,
        at,
        SERIAL_WINDOW_DAYS,
    )
    return Facts(
        shop_time=at,
        last_activity=at,
        cart_value=stored.cart.value,
        currency=stored.cart.currency,
        cart_categories=stored.cart.categories,
        segments=segments(orders=row["orders"], abandoned_carts=row["abandoned"]) if row else (),
        customer=fields(plain(row["traits"])) if row else {},
    )


async def _order_since(db: Connection, journey: Journey) -> tuple[datetime, str] | None:
    row = await db.fetchrow(
        "select at, order_id from orders where shop = $1 and customer_id = $2 and at >= $3"
        " and cart_id is distinct from $4 order by at limit 1",
        journey.shop,
        journey.customer_id,
        journey.started_at,
        journey.cart_id,
    )
    return (row["at"], row["order_id"]) if row else None
