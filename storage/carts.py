"""Carts and orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.cart import CART_EVENTS, Cart, apply, fold
from journeys.events import Event

if TYPE_CHECKING:
    from storage.database import Connection


@dataclass(frozen=True)
class StoredCart:
    """A cart with its owner and, where it was ordered, when."""

    cart_id: str
    customer: str
    cart: Cart
    ordered_at: datetime | None
    order_id: str | None


async def lock(db: Connection, shop: str, cart_id: str) -> None:
    """Lock a cart's row until the transaction ends."""
    await db.execute("select from carts where shop = $1 and cart_id = $2 for update", shop, cart_id)


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
    await lock(db, shop, cart_id)
    known = await get(db, shop, cart_id)
    if known is None or known.cart.last is None or known.cart.last < event.order:
        cart = apply(known.cart if known else Cart(), event)
    else:
        # One that cannot be applied must not get into the log, wherever it would stand.
        apply(Cart(), event)
        cart = fold(await _events(db, shop, cart_id))
    owner = _owner(known, customer, event)
    ordered = await _order_of(db, shop, cart_id, owner, cart)
    stored = StoredCart(cart_id, owner, cart, ordered[0], ordered[1])
    await _save(db, shop, stored)
    return stored


def _owner(known: StoredCart | None, customer: str, event: Event) -> str:
    """Keep the owner, unless a known user takes over what an unknown visitor filled."""
    if known is None or event.user_id is not None:
        return customer
    return known.customer


async def _events(db: Connection, shop: str, cart_id: str) -> list[Event]:
    rows = await db.fetch(
        "select content from events where shop = $1 and cart_id = $2 and name = any($3)",
        shop,
        cart_id,
        [str(name) for name in CART_EVENTS],
    )
    return [Event.model_validate(row["content"]) for row in rows]


async def _order_of(
    db: Connection, shop: str, cart_id: str, customer: str, cart: Cart
) -> tuple[datetime | None, str | None]:
    row = await db.fetchrow(
        "select at, order_id from orders where shop = $1 and"
        " (cart_id = $2 or (cart_id is null and customer_id = $3 and at >= $4)) order by at, order_id limit 1",
        shop,
        cart_id,
        customer,
        cart.opened_at,
    )
    return (row["at"], row["order_id"]) if row else (None, None)


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
    """Take an order and return the carts that it completes, locked.

    An order that names a cart completes that one; one that names none, the person's carts opened before it. Where
    several orders complete a cart, the earliest counts, whichever came in first. None: the order is known already.
    """
    new = await db.execute(
        "insert into orders (shop, order_id, customer_id, cart_id, at, message_id) values ($1, $2, $3, $4, $5, $6)"
        " on conflict do nothing",
        shop,
        event.order_id,
        customer,
        event.cart_id,
        event.at,
        event.message_id,
    )
    if new == "INSERT 0 0":
        return None
    await db.execute(
        "select from carts where shop = $1 and (cart_id = $2 or ($2::text is null and customer_id = $3))"
        " order by cart_id for update",
        shop,
        event.cart_id,
        customer,
    )
    rows = await db.fetch(
        "update carts set ordered_at = $5, order_id = $4 where shop = $1"
        " and (cart_id = $2 or ($2::text is null and customer_id = $3 and opened_at <= $5))"
        " and (ordered_at is null or (ordered_at, order_id) > ($5, $4)) returning cart_id, ordered_at, order_id",
        shop,
        event.cart_id,
        customer,
        event.order_id,
        event.at,
    )
    return [Completed(**row) for row in rows]
