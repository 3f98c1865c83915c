"""Who may enter a plan, as it stands in the middle of the transaction that takes events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from journeys.cart import Cart
from journeys.customers import consents, fields, merge, plain, with_device
from journeys.facts import SERIAL_WINDOW_DAYS, Facts, Medium, Purpose, segments
from journeys.order import OrderState
from journeys.plan import Plan
from journeys.segments import with_live
from storage import asked, customers
from storage.asked import About
from storage.segments import of_person
from storage.work import Work

if TYPE_CHECKING:
    from storage.database import Connection

_Words = dict[tuple[str, str], bool]
"""Whether a person said yes, by medium and purpose."""


async def may_enter(
    db: Connection, work: Work, plan: Plan, about: About, at: datetime, cart: Cart | None = None
) -> bool:
    """Tell whether a person of whom everything was read is in a plan's audience.

    Args:
        db: the transaction.
        work: what it knows.
        plan: whose audience is asked for.
        about: whom and what the journey would be about.
        at: when it would begin.
        cart: the cart that it would be about.

    """
    return plan.audience is None or plan.audience.holds(await _facts(db, work, plan, about, at, cart or Cart()))


async def _facts(db: Connection, work: Work, plan: Plan, about: About, at: datetime, cart: Cart) -> Facts:
    since, person = at - timedelta(days=SERIAL_WINDOW_DAYS), about.customer
    filled = [row for row in work.carts_of(person) if row.holds_items and row.ordered_at is None and row.last_at <= at]
    orders = {order.order_id for order in work.orders_of(person) if order.at <= at}
    told = [recorded.event for recorded in work.recorded if work.person(recorded.event) == person]
    past = await asked.ask_who_may_enter(db, plan, about, at, told)
    order = past.order or OrderState()
    before = await _words(db, work.shop, person)
    agreed = _agreed(before | _said_now(work, person))
    kept = await of_person(db, work.shop, person)
    live = segments(orders=len(orders), abandoned_carts=sum(row.last_at >= since for row in filled))
    return Facts(
        shop_time=at,
        last_activity=at,
        cart_value=cart.value,
        currency=cart.currency,
        cart_categories=cart.categories,
        segments=with_live(live, kept.segments),
        rfm=kept.rfm,
        customer=fields(await _traits(db, work, person)),
        order_value=order.total,
        order_currency=order.currency,
        orders=len(orders),
        # Who enters is asked of them no more than whether they are known.
        moments=order.moments(UTC),
        events=past.events,
        labels=past.labels,
        open_cart=bool(filled),
        running=tuple({journey.plan for journey in work.journeys_of(person) if journey.status != "ended"}),
        consented=agreed[Purpose.MARKETING],
        consented_before=_agreed(before)[Purpose.MARKETING],
        agreed=agreed,
    )


async def _words(db: Connection, shop: str, person: str) -> _Words:
    """Read what a person said yes and no to, before these events."""
    rows = await db.fetch(
        "select channel, purpose, granted from consents where shop = $1 and customer_id = $2", shop, person
    )
    return {(row["channel"], row["purpose"]): row["granted"] for row in rows}


def _said_now(work: Work, person: str) -> _Words:
    """Give what a person says yes and no to in these events; of several words the last counts."""
    said = [event for event in sorted(work.identified, key=lambda e: e.order) if work.person(event) == person]
    return {(word.channel, word.purpose): word.granted for event in said for word in consents(event)}


def _agreed(words: _Words) -> dict[Purpose, tuple[Medium, ...]]:
    """Tell by which media a person has said yes to each purpose."""
    return {purpose: tuple(m for m in Medium if words.get((m, purpose))) for purpose in Purpose}


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
