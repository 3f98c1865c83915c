"""Carts and orders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.cart import CART_EVENTS, Cart, apply, fold
from journeys.events import Event

if TYPE_CHECKING:
    from storage.database import Connection


_ITS_ORDER = """
select at, order_id from orders
 where shop = k.shop
   and (cart_id = k.cart_id or (cart_id is null and customer_id = k.customer_id and at >= k.opened_at))
 order by at, order_id limit 1
"""


@dataclass(frozen=True)
class StoredCart:
    """A cart with its owner and, where it was ordered, when."""

    cart_id: str
    customer: str
    cart: Cart
    ordered_at: datetime | None
    order_id: str | None


async def lock(db: Connection, shop: str, cart_id: str) -> bool:
    """Lock a cart's row until the transaction ends; tell whether there is one."""
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


async def take(db: Connection, shop: str, customer: str, event: Event) -> StoredCart:
    """Take a cart event (it must be in the event log already) and return the cart as it stands now.

    The next event is applied; one that is older than what the cart holds makes it be folded anew from the log.

    Raises:
        BadEventError: the event cannot be applied.

    """
    cart_id = event.cart_id or ""
    known = await _locked(db, shop, cart_id) or StoredCart(cart_id, customer, Cart(), None, None)
    if known.cart.last is None or known.cart.last < event.order:
        cart = apply(known.cart, event)
    else:
        # One that cannot be applied must not get into the log, wherever it would stand.
        apply(Cart(), event)
        cart = fold(await _events(db, shop, cart_id))
    # A known user takes over what an unknown visitor filled, not the other way round.
    owner = customer if event.user_id is not None else known.customer
    stored = replace(known, customer=owner, cart=cart)
    await _save(db, shop, stored)
    if known.cart.last and (known.customer, known.cart.opened_at) == (owner, cart.opened_at):
        return stored
    # Its order may have come before it.
    await complete(db, shop, cart_id, owner)
    return await get(db, shop, cart_id) or stored


async def _locked(db: Connection, shop: str, cart_id: str) -> StoredCart | None:
    if not await lock(db, shop, cart_id):
        # There is no row to lock yet, and two people may tell of a new cart at the same time.
        await db.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"{shop} {cart_id}")
        await lock(db, shop, cart_id)
    return await get(db, shop, cart_id)


async def _events(db: Connection, shop: str, cart_id: str) -> list[Event]:
    rows = await db.fetch(
        "select content from events where shop = $1 and cart_id = $2 and name = any($3)",
        shop,
        cart_id,
        [str(name) for name in CART_EVENTS],
    )
    return [Event.model_validate(row["content"]) for row in rows]


async def _save(db: Connection, shop: str, stored: StoredCart) -> None:
    cart = stored.cart
    await db.execute(
        "insert into carts"
        " (shop, cart_id, customer_id, content, opened_at, holds_items, last_at, ordered_at, order_id)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (shop, cart_id) do update set"
        " customer_id = $3, content = $4, opened_at = $5, holds_items = $6, last_at = $7, ordered_at = $8,"
        " order_id = $9",
        shop,
        stored.cart_id,
        stored.customer,
        cart.model_dump(mode="json"),
        cart.opened_at,
        bool(cart.items),
        cart.last[0] if cart.last else None,
        stored.ordered_at,
        stored.order_id,
    )


@dataclass(frozen=True)
class Completed:
    """A cart that was ordered: when first, and by which order."""

    cart_id: str
    ordered_at: datetime
    order_id: str


async def order(db: Connection, shop: str, customer: str, event: Event) -> list[Completed] | None:
    """Take an order and return the carts that it completes, locked. None: the order is known already.

    An order may be told twice, by the browser and by the backend; only one of them may know its cart.
    """
    if event.cart_id is not None:
        await _locked(db, shop, event.cart_id)
    new = await db.execute(
        "insert into orders (shop, order_id, customer_id, cart_id, at, message_id) values ($1, $2, $3, $4, $5, $6)"
        " on conflict (shop, order_id) do update set cart_id = excluded.cart_id"
        " where orders.cart_id is null and excluded.cart_id is not null",
        shop,
        event.order_id,
        customer,
        event.cart_id,
        event.at,
        event.message_id,
    )
    if new == "INSERT 0 0":
        return None
    return await complete(db, shop, event.cart_id, customer)


async def complete(db: Connection, shop: str, cart_id: str | None, customer: str) -> list[Completed]:
    """Find the orders of a cart (of all carts of a person where none is named); return what they complete, locked.

    An order that names a cart completes that one; one that names none, the person's carts opened before it. Where
    several orders complete a cart, the earliest counts, whichever came in first.
    """
    which = "k.shop = $1 and (k.cart_id = $2 or ($2::text is null and k.customer_id = $3))"
    await db.execute(f"select from carts k where {which} order by cart_id for update", shop, cart_id, customer)
    rows = await db.fetch(
        "update carts c set ordered_at = o.at, order_id = o.order_id from carts k cross join lateral"  # noqa: S608 constant
        f" ({_ITS_ORDER}) o where {which} and c.shop = k.shop and c.cart_id = k.cart_id"
        " and (c.ordered_at is null or (c.ordered_at, c.order_id) > (o.at, o.order_id))"
        " returning c.cart_id, c.ordered_at, c.order_id",
        shop,
        cart_id,
        customer,
    )
    return [Completed(**row) for row in rows]
