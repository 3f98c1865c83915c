"""The one way in: events are recorded, applied, and what Temporal must hear is enqueued, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import asyncpg

from journeys.cart import CART_EVENTS, Cart, apply
from journeys.customers import consents
from journeys.events import Event, Name
from storage import carts, loading, people, writing
from storage.database import PASSING
from storage.following import Following
from storage.people import Link
from storage.work import MoreToHoldError, Recorded, Work, ids_of

if TYPE_CHECKING:
    from storage.database import Connection, Pool


_TRIES = 5
_AT_ONCE = 500
"""Events in a transaction: the locks of that many people and carts fit into Postgres' own table many times over."""


class Taken(StrEnum):
    """What became of an event."""

    NEW = "new"
    DUPLICATE = "duplicate"


def check(event: Event) -> None:
    """Make sure that an event can be applied, whatever was told before it.

    Raises:
        BadEventError: it cannot.

    """
    if event.kind == "identify":
        consents(event)
    elif event.name in CART_EVENTS:
        apply(Cart(), event)


async def take(pool: Pool, following: Following, shop: str, event: Event) -> Taken:
    """Take an event in. When this returns it is committed and visible to every later decision.

    Raises:
        BadEventError: it cannot be applied; nothing was kept.

    """
    check(event)
    if _is_activity(event) and (taken := await _take_activity(pool, shop, event)) is not None:
        return taken
    [taken] = await _take_together(pool, following, shop, [event])
    return taken


async def take_all(pool: Pool, following: Following, shop: str, events: Sequence[Event]) -> list[Taken]:
    """Take events in, many in a transaction. Each was checked, and when this returns each is committed.

    One that we cannot take, by our own mistake, keeps none of the others from being taken; the mistake is raised then.
    """
    if len(events) == 1:
        return [await take(pool, following, shop, events[0])]
    taken: list[Taken] = []
    for first in range(0, len(events), _AT_ONCE):
        some = events[first : first + _AT_ONCE]
        try:
            taken += await _take_together(pool, following, shop, some)
        except PASSING:
            raise
        except Exception:  # noqa: BLE001 one of them is at fault: each by itself tells which, and raises it
            taken += await _take_each(pool, following, shop, some)
    return taken


async def _take_each(pool: Pool, following: Following, shop: str, events: Sequence[Event]) -> list[Taken]:
    taken: list[Taken] = []
    ours: Exception | None = None
    for event in events:
        try:
            taken.append(await take(pool, following, shop, event))
        except PASSING:
            raise
        except Exception as error:  # noqa: BLE001 it is raised once the others are in
            ours = error
    if ours is not None:
        raise ours
    return taken


# What is a person's activity and nothing else


def _is_activity(event: Event) -> bool:
    return event.kind not in {"identify", "alias"} and event.name not in set(Name) and not carts.tokens_of(event)


async def _take_activity(pool: Pool, shop: str, event: Event) -> Taken | None:
    """Take an event in one call; None where there is more to it."""
    new: bool | None = await pool.fetchval(
        "select take_activity($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        shop,
        event.message_id,
        event.user_id,
        event.anonymous_id,
        event.kind,
        event.name,
        event.at,
        event.received_at,
        event.model_dump(mode="json"),
        event.locale,
        event.timezone,
    )
    return None if new is None else (Taken.NEW if new else Taken.DUPLICATE)


# All others


async def _take_together(pool: Pool, following: Following, shop: str, events: Sequence[Event]) -> list[Taken]:
    more = MoreToHoldError()
    tries = 0
    while True:
        try:
            return await _take(pool, following, shop, events, more)
        except MoreToHoldError as found:
            more = MoreToHoldError(people=more.people | found.people, carts=more.carts | found.carts)
        except asyncpg.DeadlockDetectedError:
            # People who share carts may wait for each other; Postgres lets one go on, and the other comes again.
            tries += 1
            if tries == _TRIES:
                raise


async def _take(
    pool: Pool, following: Following, shop: str, events: Sequence[Event], more: MoreToHoldError
) -> list[Taken]:
    first = {event.message_id: event for event in reversed(events)}
    async with pool.acquire() as db, db.transaction():
        fresh, work = await _begin(db, shop, list(first.values()), more)
        new = [event for event in events if event.message_id in fresh and first[event.message_id] is event]
        for event in new:
            await _apply(db, work, following, event)
        await writing.write(db, work)
    taken = {id(event) for event in new}
    return [Taken.NEW if id(event) in taken else Taken.DUPLICATE for event in events]


async def _begin(db: Connection, shop: str, events: list[Event], more: MoreToHoldError) -> tuple[set[str], Work]:
    """Tell which events are new, lock what they are about, and read it."""
    ids = sorted({*ids_of(events), *more.people})
    tokens = {token for event in events for token in carts.tokens_of(event)} | {("cart", cart) for cart in more.carts}
    contacts = {contact for event in events for contact in people.verified(event)}
    keys = sorted({name for _, name in tokens | contacts})
    messages = [event.message_id for event in events]
    row = await db.fetchrow("select fresh, people from admit($1, $2, $3, $4)", shop, messages, ids, keys)
    if row is None or row["fresh"] is None:
        return set(), Work(shop)
    work = await loading.load(db, shop, ids, row["people"], tokens, contacts)
    for event in events:
        if event.user_id is not None:
            work.people[work.who(event.user_id)] = work.people[event.user_id] = True
    if missing := people.to_hold(work) - set(row["people"]):
        raise MoreToHoldError(people=frozenset(missing))
    return set(row["fresh"]), work


async def _apply(db: Connection, work: Work, following: Following, event: Event) -> None:
    for link in people.told_together(work, event):
        await _join(db, work, following, link)
    for kind, address in people.verified(event):
        work.vouch(kind, address, work.person(event))
    if event.kind == "identify":
        work.identified.append(event)
        work.recorded.append(Recorded(event, None))
        return
    work.active.append(event)
    cart_id = await carts.find(db, work, event)
    if event.name in CART_EVENTS and cart_id is not None:
        cart = await carts.take(db, work, cart_id, event)
        for link in people.told_of_cart(work, cart_id, cart, event):
            await _join(db, work, following, link)
        await following.cart_changed(db, work, await carts.settle(db, work, cart_id), event)
    elif event.name == Name.ORDER_COMPLETED and carts.order(work, event, cart_id):
        if cart_id in work.contents:
            for link in people.told_of_cart(work, cart_id, work.contents[cart_id], event):
                await _join(db, work, following, link)
        await following.ordered(db, work, event, cart_id)
    elif cart_id in work.unsettled and cart_id in work.contents:
        await following.settled(db, work, await carts.settle(db, work, cart_id))
    work.recorded.append(Recorded(event, cart_id))


async def _join(db: Connection, work: Work, following: Following, link: Link) -> None:
    moved = await people.join(db, work, link)
    if moved is not None:
        await following.joined(db, work, link, moved)
