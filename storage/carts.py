"""Carts and their orders: which cart an event is about, what lies in it, and which order completed it."""

from __future__ import annotations

import bisect
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from journeys.cart import CART_EVENTS, Cart, apply, currency, fold, money
from journeys.events import BadEventError, Event, Name
from storage import loading
from storage.people import owner_of
from storage.work import CartRow, MoreToHoldError, Order, Work

if TYPE_CHECKING:
    from storage.database import Connection

OPEN_FOR = timedelta(days=30)
"""An event that names no cart is about the person's newest one, where that was touched within this time."""

_OF_A_CART = CART_EVENTS | {Name.CHECKOUT_STEP_VIEWED, Name.CHECKOUT_STEP_COMPLETED, Name.PAYMENT_INFO_ENTERED}


@dataclass(frozen=True)
class StoredCart:
    """A cart with its owner and, where it was ordered, when."""

    cart_id: str
    customer: str
    cart: Cart
    ordered_at: datetime | None
    order_id: str | None


async def lock(db: Connection, shop: str, cart_id: str) -> bool:
    """Lock a cart's row until the transaction ends; tell whether there is one. Lock its owner first."""
    locked = await db.execute("select from carts where shop = $1 and cart_id = $2 for update", shop, cart_id)
    return locked == "SELECT 1"


async def get(db: Connection, shop: str, cart_id: str) -> StoredCart | None:
    """Read a cart, or None where there is none."""
    row = await db.fetchrow(
        "select customer_id, content, ordered_at, order_id from carts where shop = $1 and cart_id = $2", shop, cart_id
    )
    if row is None:
        return None
    cart = Cart.model_validate(row["content"])
    return StoredCart(cart_id, row["customer_id"], cart, row["ordered_at"], row["order_id"])


# Which cart


def tokens_of(event: Event) -> list[tuple[str, str]]:
    """Give the ids by which an event names a cart, the surest first: kind and id."""
    named = (("cart", event.cart_id), ("checkout", event.checkout_id), ("order", event.order_id))
    return [(kind, token) for kind, token in named if token is not None]


async def find(db: Connection, work: Work, event: Event) -> str | None:
    """Tell which cart an event is about; None where it is about none.

    Shops name a cart by its own id, by a checkout's, or by an order's, and seldom by two of them. So: the cart that one
    of the ids is known to lead to, else the person's newest open one, else a new cart by the name that was given. What
    leads to a cart once leads to it from then on.
    """
    tokens = tokens_of(event)
    found = next((cart for token in tokens if (cart := _known(work, *token))), event.cart_id)
    if found is None and event.name in _OF_A_CART:
        found = await _newest_open(db, work, event)
    if found is None and event.name in CART_EVENTS and tokens:
        found = tokens[0][1]
    if found is not None:
        for kind, token in tokens:
            if (kind, token) != ("cart", found):
                work.learn(kind, token, found)
    return found


def _known(work: Work, kind: str, token: str) -> str | None:
    if kind == "cart" and token in work.carts:
        return token
    return work.tokens.get((kind, token))


async def _newest_open(db: Connection, work: Work, event: Event) -> str | None:
    person = work.person(event)
    await loading.load_whole(db, work, [person])
    touched = [
        cart
        for cart in work.carts_of(person)
        if cart.holds_items and cart.ordered_at is None and event.at - OPEN_FOR <= cart.last_at <= event.at
    ]
    if not touched:
        return None
    newest = max(touched, key=lambda cart: (cart.last_at, cart.cart_id)).cart_id
    if newest not in work.contents:
        raise MoreToHoldError(carts=frozenset({newest}))
    return newest


# What lies in it


async def take(db: Connection, work: Work, cart_id: str, event: Event) -> Cart:
    """Take a cart's event and return the cart as it stands now.

    The next event is applied; one that is older than what the cart holds makes it be folded anew from the log. Where
    the log does not reach back to the cart's beginning any more, such an event changes nothing.
    """
    known = work.contents.get(cart_id, Cart())
    if known.last is None or known.last < event.order:
        cart = apply(known, event)
    else:
        cart = await _folded(db, work, cart_id, known, event)
    work.contents[cart_id] = cart
    row = work.carts.get(cart_id) or CartRow(cart_id, work.person(event), None, holds_items=False, last_at=event.at)
    if cart_id not in work.carts or row.opened_at != cart.opened_at:
        work.unsettled.add(cart_id)
    last_at = cart.last[0] if cart.last else event.at
    work.put_cart(replace(row, opened_at=cart.opened_at, holds_items=bool(cart.items), last_at=last_at))
    return cart


async def _folded(db: Connection, work: Work, cart_id: str, known: Cart, event: Event) -> Cart:
    told = await loading.log_of(db, work.shop, cart_id)
    # Asked afterwards: a month may be dropped meanwhile.
    if known.opened_at is not None and known.opened_at < await loading.log_kept_since(db):
        return known
    told += [earlier.event for earlier in work.recorded if earlier.cart_id == cart_id]
    return fold([event, *(e for e in told if e.name in CART_EVENTS)])


# Its owner and its order


async def settle(db: Connection, work: Work, cart_id: str) -> StoredCart:
    """Give a cart that was told of to its owner, and look for the order that completes it: it may have come before."""
    row, cart = work.carts[cart_id], work.contents[cart_id]
    owner = owner_of(work, cart_id, cart) or row.customer_id
    if row.customer_id != owner:
        work.put_cart(replace(row, customer_id=owner))
        work.unsettled.add(cart_id)
    if cart_id in work.unsettled:
        work.unsettled.discard(cart_id)
        await loading.load_whole(db, work, [owner])
        complete(work, {cart_id})
    row = work.carts[cart_id]
    return StoredCart(cart_id, row.customer_id, cart, row.ordered_at, row.order_id)


def names_none(work: Work, event: Event) -> bool:
    """Tell whether an order names no cart: neither one itself, nor a checkout that is known to be one's.

    What its own id leads to does not count: a page may say so of an order that is not its visitor's.
    """
    checkout = event.checkout_id
    return event.cart_id is None and (checkout is None or _known(work, "checkout", checkout) is None)


def order(work: Work, event: Event, cart_id: str | None, *, of_person: bool) -> Order | None:
    """Take an order, whose cart was found; None where the same was told before.

    An order may be told by the browser and by the backend, of different people, and only one may know its cart: each
    word counts, whichever comes first.
    """
    told = Order(
        order_id=event.order_id or "",
        customer_id=work.person(event),
        cart_id=cart_id,
        checkout_id=event.checkout_id,
        of_person=of_person,
        at=event.at,
        message_id=event.message_id,
        from_backend=event.from_backend,
        total=_total(event),
        currency=_currency(event),
    )
    if any(_says_as_much(known, told) for known in work.orders.values()):
        return None
    work.put_order(told)
    return told


def _says_as_much(known: Order, told: Order) -> bool:
    if (known.order_id, known.customer_id) != (told.order_id, told.customer_id) or known.at > told.at:
        return False
    return (known.cart_id, known.of_person) == (told.cart_id, told.of_person)


def _total(event: Event) -> Decimal | None:
    """Read what an order came to. An order counts whatever its amount looks like."""
    named = next((field for field in ("total", "value", "revenue") if event.properties.get(field) is not None), None)
    if named is None:
        return None
    try:
        return money(event.properties, named, "properties.")
    except BadEventError:
        return None


def _currency(event: Event) -> str | None:
    try:
        return currency(event.properties)
    except BadEventError:
        return None


@dataclass(frozen=True)
class Completed:
    """A cart that was ordered: when first, and by which order."""

    cart_id: str
    ordered_at: datetime
    order_id: str


def complete(work: Work, cart_ids: Collection[str]) -> list[Completed]:
    """Find the orders of carts whose owners were read, and give what they complete.

    An order that names a cart completes that one; one that names none, the person's carts opened before it. Where
    several orders complete a cart, the earliest counts, whichever came in first.
    """
    naming, others = _first_orders(work)
    found = []
    for row in (work.carts[cart_id] for cart_id in sorted(cart_ids) if cart_id in work.carts):
        told = [naming[row.cart_id]] if row.cart_id in naming else []
        if row.opened_at is not None and (after := others.get(row.customer_id)):
            since = bisect.bisect_left(after, row.opened_at, key=lambda order: order.at)
            told += after[since : since + 1]
        first = min(told, key=lambda order: order.order, default=None)
        if first is None or (row.ordered_at is not None and (row.ordered_at, row.order_id or "") <= first.order):
            continue
        work.put_cart(replace(row, ordered_at=first.at, order_id=first.order_id))
        found.append(Completed(row.cart_id, first.at, first.order_id))
    return found


def _first_orders(work: Work) -> tuple[dict[str, Order], dict[str, list[Order]]]:
    """Give the first order of each cart, and each person's orders that named none, earliest first."""
    naming: dict[str, Order] = {}
    others: dict[str, list[Order]] = {}
    for told in sorted(work.orders.values(), key=lambda order: order.order):
        if told.of_person:
            others.setdefault(told.customer_id, []).append(told)
        if told.cart_id is not None:
            naming.setdefault(told.cart_id, told)
    return naming, others
