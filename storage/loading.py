"""Reads a unit of work: all that a transaction that takes events must know. The questions are in ``functions/``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
    strangers: list[str] | None = None
    tokens: list[_Token] | None = None
    carts: list[_Named] | None = None
    orders: list[Order] | None = None
    journeys: list[Journey] | None = None
    contacts: list[_Contact] | None = None
    plans: dict[str, int] | None = None
    asked: frozenset[str] | None = None
    archived: list[str] | None = None


_FOUND = TypeAdapter(_Found)


async def begin(
    db: Connection,
    shop: str,
    message_ids: Collection[str],
    from_backend: bool,  # noqa: FBT001 a column
    ids: Collection[str],
    tokens: Collection[tuple[str, str]],
    contacts: Collection[tuple[str, str]],
) -> tuple[set[str], set[str], Work]:
    """Tell which events are new and, if any are, lock and read what they are about.

    Args:
        db: the transaction.
        shop: whose events they are.
        message_ids: the events'.
        from_backend: whether the backend tells them: its ids are its own.
        ids: the ids that they tell of people by.
        tokens: kinds (cart, checkout, order) and ids that they name carts by.
        contacts: kinds (email, phone) and addresses that the shop's backend says it has verified.

    Returns:
        The ids of the new ones, the people who are locked, and what was read.

    """
    row = await db.fetchrow(
        "select fresh, people, work::text from begin_work($1, $2, $3, $4, $5, $6, $7, $8)",
        shop,
        message_ids,
        from_backend,
        ids,
        *_columns(tokens),
        *_columns(contacts),
    )
    if row is None or row["fresh"] is None:
        return set(), set(), Work(shop)
    return set(row["fresh"]), set(row["people"]), _work(shop, row["work"])


async def hold_cart(db: Connection, shop: str, cart_id: str, people: Collection[str]) -> Work:
    """Lock a cart with people who may have to do with it, and read it; without its owner among them, begin anew.

    Raises:
        MoreToHoldError: its owner is somebody else.

    """
    told = sorted(people)
    held = await db.fetchval("select hold_people($1, $2)", shop, told)
    question = "select read_work($1, $2, $3, '{cart}', array[$4], '{}', '{}')::text"
    work = _work(shop, await db.fetchval(question, shop, told, held, cart_id))
    if missing := {cart.customer_id for cart in work.carts.values()} - set(held):
        raise MoreToHoldError(people=frozenset(missing))
    return work


async def hold_person(db: Connection, shop: str, person: str) -> Work:
    """Lock a person, for whom no event was told now."""
    return await hold_people(db, shop, [person])


async def hold_people(db: Connection, shop: str, people: Collection[str]) -> Work:
    """Lock people, for whom no event was told now."""
    told = sorted(people)
    held = await db.fetchval("select hold_people($1, $2)", shop, told)
    question = "select read_work($1, $2, $3, '{}', '{}', '{}', '{}')::text"
    return _work(shop, await db.fetchval(question, shop, told, held))


async def load_whole(db: Connection, work: Work, people: Iterable[str]) -> None:
    """Read all carts, orders and journeys of people, unless that was done. What changed since stays as it is."""
    missing = sorted(set(people) - work.whole)
    if not missing:
        return
    question = "select read_whole($1, $2, $3)::text"
    found = _FOUND.validate_json(await db.fetchval(question, work.shop, missing, sorted(work.contents)))
    for cart in found.carts or []:
        work.carts.setdefault(cart.cart_id, _row(cart))
    for order in found.orders or []:
        work.orders.setdefault(order.told_by, order)
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


def _work(shop: str, document: str) -> Work:
    found = _FOUND.validate_json(document)
    named = found.carts or []
    return Work(
        shop,
        people=found.people or {},
        strangers=set(found.strangers or ()),
        aliases={alias.alias_id: alias for alias in found.aliases or []},
        contacts={(contact.kind, contact.address): contact.customer_id for contact in found.contacts or []},
        carts={cart.cart_id: _row(cart) for cart in named},
        contents={cart.cart_id: cart.content for cart in named},
        orders={order.told_by: order for order in found.orders or []},
        tokens={(token.kind, token.id): token.cart_id for token in found.tokens or []},
        journeys={journey.id: journey for journey in found.journeys or []},
        plans=found.plans or {},
        asked=found.asked or frozenset(),
        archived=set(found.archived or ()),
    )


def _row(cart: CartRow) -> CartRow:
    return CartRow(**{name: getattr(cart, name) for name in CartRow.__dataclass_fields__})


def _columns(pairs: Collection[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [kind for kind, _ in pairs], [name for _, name in pairs]
