"""Reads a unit of work: all that a transaction that takes events must know, in one statement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from journeys.cart import CART_EVENTS, Cart
from journeys.events import Event
from storage.journeys import Journey
from storage.work import Alias, CartRow, MoreToHoldError, Order, Work

if TYPE_CHECKING:
    from storage.database import Connection

_CART = "cart_id, customer_id, opened_at, holds_items, last_at, ordered_at, order_id"
_ORDER = "order_id, customer_id, cart_id, checkout_id, at, message_id, total, currency"
_JOURNEY = ", ".join(Journey.__dataclass_fields__)

# $2 ids that people are told of by, $3 who they are; $4 and $5 the kinds and the ids that carts are told of by;
# $6 and $7 the kinds and the addresses that the shop has verified.
_READ = f"""
with tokens as materialized (
    select i.kind, i.id, i.cart_id from cart_ids i join unnest($4::text[], $5::text[]) t (kind, id) using (kind, id)
     where i.shop = $1),
named as materialized (
    select {_CART}, content from carts
     where shop = $1 and cart_id = any($5::text[] || array(select cart_id from tokens)) order by cart_id for update),
tellers as materialized (
    select unnest($2::text[] || $3::text[]) as id
     union select customer_id from named
     union select t from named, jsonb_object_keys(coalesce(content -> 'told', '{{}}')) t),
found_aliases as materialized (
    select alias_id, customer_id, linked_to, linked_at from aliases
     where shop = $1 and alias_id = any(array(select id from tellers)))
select json_build_object(
    'aliases', (select json_agg(a) from found_aliases a),
    'people', (
        select json_object_agg(customer_id, known) from customers where shop = $1 and customer_id = any(array(
            select id from tellers union select customer_id from found_aliases))),
    'tokens', (select json_agg(t) from tokens t),
    'carts', (select json_agg(n) from named n),
    'orders', (
        select json_agg(o) from (
            select {_ORDER} from orders where shop = $1 and cart_id = any(array(select cart_id from named) || $5)
             union select {_ORDER} from orders where shop = $1 and order_id = any($5)
             union select {_ORDER} from orders where shop = $1 and cart_id is null and checkout_id = any($5)) o),
    'journeys', (
        select json_agg(j) from (
            select {_JOURNEY} from journeys
             where shop = $1 and cart_id = any(array(select cart_id from named))) j),
    'contacts', (
        select json_agg(c) from (
            select kind, address, customer_id from verified_contacts
              join unnest($6::text[], $7::text[]) t (kind, address) using (kind, address) where shop = $1) c),
    'plans', (
        select json_object_agg(plan, version) from (
            select plan, max(version) as version from plan_versions where shop = $1 group by plan) p)
)::text
"""  # noqa: S608 constant columns

_WHOLE = f"""
select json_build_object(
    'carts', (select json_agg(k) from (
        select {_CART} from carts where shop = $1 and customer_id = any($2::text[])) k),
    'orders', (select json_agg(o) from (
        select {_ORDER} from orders where shop = $1 and customer_id = any($2::text[])) o),
    'journeys', (select json_agg(j) from (
        select {_JOURNEY} from journeys
         where shop = $1 and (customer_id = any($2::text[]) or cart_id = any($3::text[])) order by id for update) j)
)::text
"""  # noqa: S608 constant columns


@dataclass(frozen=True)
class _Named(CartRow):
    content: Cart = field(default_factory=Cart)


@dataclass(frozen=True)
class _Token:
    kind: str
    id: str
    cart_id: str


@dataclass(frozen=True)
class _Contact:
    kind: str
    address: str
    customer_id: str


@dataclass(frozen=True)
class _Found:
    """The answer to a question, as Postgres tells it: a JSON document for each table, none where there is nothing."""

    aliases: list[Alias] | None = None
    people: dict[str, bool] | None = None
    tokens: list[_Token] | None = None
    carts: list[_Named] | None = None
    orders: list[Order] | None = None
    journeys: list[Journey] | None = None
    contacts: list[_Contact] | None = None
    plans: dict[str, int] | None = None


_FOUND = TypeAdapter(_Found)


async def load(
    db: Connection,
    shop: str,
    ids: Sequence[str],
    people: Sequence[str],
    tokens: Collection[tuple[str, str]],
    contacts: Collection[tuple[str, str]],
) -> Work:
    """Read what events are about.

    Args:
        db: the transaction; it has locked the people and the ids of the carts.
        shop: whose events they are.
        ids: the ids that the events tell of people by.
        people: who they are.
        tokens: kinds (cart, checkout, order) and ids that the events name carts by.
        contacts: kinds (email, phone) and addresses that the shop's backend says it has verified.

    """
    found = await _found(db, _READ, shop, ids, people, *_columns(tokens), *_columns(contacts))
    named = found.carts or []
    return Work(
        shop,
        people=found.people or {},
        aliases={alias.alias_id: alias for alias in found.aliases or []},
        contacts={(contact.kind, contact.address): contact.customer_id for contact in found.contacts or []},
        carts={cart.cart_id: _row(cart) for cart in named},
        contents={cart.cart_id: cart.content for cart in named},
        orders={order.order_id: order for order in found.orders or []},
        tokens={(token.kind, token.id): token.cart_id for token in found.tokens or []},
        journeys={journey.id: journey for journey in found.journeys or []},
        plans=found.plans or {},
    )


async def hold_cart(db: Connection, shop: str, cart_id: str, people: Collection[str]) -> Work:
    """Lock a cart with people who may have to do with it, and read it; without its owner among them, begin anew.

    Raises:
        MoreToHoldError: its owner is somebody else.

    """
    held = await db.fetchval("select hold_people($1, $2)", shop, sorted(people))
    work = await load(db, shop, sorted(people), held, [("cart", cart_id)], [])
    if missing := {cart.customer_id for cart in work.carts.values()} - set(held):
        raise MoreToHoldError(people=frozenset(missing))
    return work


async def load_whole(db: Connection, work: Work, people: Iterable[str]) -> None:
    """Read all carts, orders and journeys of people, unless that was done. What changed since stays as it is."""
    missing = sorted(set(people) - work.whole)
    if not missing:
        return
    found = await _found(db, _WHOLE, work.shop, missing, sorted(work.contents))
    for cart in found.carts or []:
        work.carts.setdefault(cart.cart_id, _row(cart))
    for order in found.orders or []:
        work.orders.setdefault(order.order_id, order)
    for journey in found.journeys or []:
        if journey.id not in work.changed_journeys:
            # Its row is locked only now: it may have ended since it was read first.
            work.journeys[journey.id] = journey
    work.whole.update(missing)


async def log_of(db: Connection, shop: str, cart_id: str) -> list[Event]:
    """Read the events of a cart."""
    rows = await db.fetch(
        "select content from events where shop = $1 and cart_id = $2 and name = any($3)",
        shop,
        cart_id,
        [str(name) for name in CART_EVENTS],
    )
    return [Event.model_validate(row["content"]) for row in rows]


async def log_kept_since(db: Connection) -> datetime:
    """Tell since when the log of events is whole; what came in before may have been dropped."""
    since: datetime = await db.fetchval("select kept_since from event_log")
    return since


async def _found(db: Connection, question: str, *values: object) -> _Found:
    row = await db.fetchrow(question, *values)
    assert row is not None  # noqa: S101 a select without a from has one row
    return _FOUND.validate_json(row[0])


def _row(cart: CartRow) -> CartRow:
    return CartRow(**{name: getattr(cart, name) for name in CartRow.__dataclass_fields__})


def _columns(pairs: Collection[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [kind for kind, _ in pairs], [name for _, name in pairs]
