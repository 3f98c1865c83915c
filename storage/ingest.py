"""The one way in: events are recorded, applied, and what Temporal must hear is enqueued, in one transaction."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

import asyncpg

from journeys.cart import CART_EVENTS, Cart, apply
from journeys.customers import consents
from journeys.events import Event, Name
from journeys.returns import Fate
from storage import carts, loading, people, returns, writing
from storage.database import PASSING
from storage.following import Following
from storage.people import Link
from storage.work import MoreToHoldError, Recorded, Work, ids_of

if TYPE_CHECKING:
    from storage.database import Connection, Pool


T = TypeVar("T")

_TRIES = 5
AT_ONCE = 100
"""Events in a transaction. Each may lock three ids of a cart, and Postgres has room for 6,400 locks by default."""


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
    [taken] = await take_together(pool, following, shop, [event])
    return taken


async def take_together(pool: Pool, following: Following, shop: str, events: Sequence[Event]) -> list[Taken]:
    """Take events in that one caller tells, all in one transaction. Each was checked; then each is committed."""
    if len(events) == 1 and _is_activity(events[0]):
        activity = await _in_spite_of_deadlocks(lambda: _take_activity(pool, shop, events[0]))
        if activity is not None:
            return [activity]
    more = MoreToHoldError()
    while True:
        try:
            return await _in_spite_of_deadlocks(functools.partial(_take, pool, following, shop, events, more))
        except MoreToHoldError as found:
            more = MoreToHoldError(people=more.people | found.people, carts=more.carts | found.carts)


async def take_all(pool: Pool, following: Following, shop: str, events: Sequence[Event]) -> list[Taken]:
    """Take events in that one caller tells, many in a transaction. Each was checked; then each is committed.

    One that we cannot take, by our own mistake, keeps none of the others from being taken; the mistake is raised then.
    """
    taken: list[Taken] = []
    for first in range(0, len(events), AT_ONCE):
        some = events[first : first + AT_ONCE]
        try:
            taken += await take_together(pool, following, shop, some)
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


_KNOWN = frozenset(Name)


def _is_activity(event: Event) -> bool:
    of_itself = event.is_activity and event.kind != "alias" and event.name not in _KNOWN
    return of_itself and event.device is None and not carts.tokens_of(event)


async def _take_activity(pool: Pool, shop: str, event: Event) -> Taken | None:
    """Take an event in one call; None where there is more to it."""
    new: bool | None = await pool.fetchval(
        "select take_activity($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::jsonb, $11, $12)",
        shop,
        event.message_id,
        event.from_backend,
        event.user_id,
        event.anonymous_id,
        event.kind,
        event.name,
        event.at,
        event.received_at,
        event.model_dump_json(),
        event.locale,
        event.timezone,
    )
    return None if new is None else (Taken.NEW if new else Taken.DUPLICATE)


# All others


async def _in_spite_of_deadlocks(take: Callable[[], Awaitable[T]]) -> T:
    """People who share carts may wait for each other: Postgres lets one go on, and the other comes again."""
    for _ in range(_TRIES - 1):
        with contextlib.suppress(asyncpg.DeadlockDetectedError):
            return await take()
    return await take()


async def _take(
    pool: Pool, following: Following, shop: str, events: Sequence[Event], more: MoreToHoldError
) -> list[Taken]:
    told: dict[str, Event] = {}
    for event in events:
        told.setdefault(event.message_id, event)
    async with pool.acquire() as db, db.transaction():
        fresh, work = await _begin(db, shop, list(told.values()), more)
        for event in told.values():
            if event.message_id in fresh:
                await _apply(db, work, following, event)
        await writing.write(db, work)
    return [_became(event, fresh) for event in events]


def _became(event: Event, fresh: set[str]) -> Taken:
    """Tell what became of an event of a batch; where a batch says the same twice, the first is the new one."""
    if event.message_id not in fresh:
        return Taken.DUPLICATE
    fresh.remove(event.message_id)
    return Taken.NEW


async def _begin(db: Connection, shop: str, events: list[Event], more: MoreToHoldError) -> tuple[set[str], Work]:
    """Tell which events are new, lock what they are about, and read it."""
    tokens = {token for event in events for token in carts.tokens_of(event)} | {("cart", cart) for cart in more.carts}
    contacts = {contact for event in events for contact in people.verified(event)}
    ids = {*ids_of(events), *more.people}
    fresh, held, work = await loading.begin(
        db, shop, [event.message_id for event in events], events[0].from_backend, ids, tokens, contacts
    )
    await people.part(db, work, [event for event in events if event.message_id in fresh])
    for event in events:
        if event.user_id is not None:
            work.people[work.who(event.user_id)] = work.people[event.user_id] = True
    if fresh and (missing := people.to_hold(work) - held):
        raise MoreToHoldError(people=frozenset(missing))
    await loading.load_whole(db, work, _of_interest(work, [event for event in events if event.message_id in fresh]))
    return fresh, work


def _of_interest(work: Work, events: list[Event]) -> set[str]:
    """Name the people of whom everything will be asked: it is read once for all, instead of for each."""
    deciding = {
        work.person(event)
        for event in events
        if event.name == Name.ORDER_COMPLETED or (event.name in CART_EVENTS and event.cart_id not in work.carts)
    }
    return deciding.union(*(_joining(work, event) for event in events))


def _joining(work: Work, event: Event) -> set[str]:
    """Name the people whom an event may make one, unless nothing was told of one of them before."""
    if event.user_id is None:
        return set()
    people = {work.who(told) for told in (event.user_id, event.anonymous_id, event.previous_id) if told is not None}
    return set() if len(people) == 1 or people & work.strangers else people


_RECEIPTS = frozenset(Fate)


async def _note(db: Connection, work: Work, event: Event) -> None:
    """Note what the person did; and a provider's receipt, unless anybody could have made it up."""
    work.active.append(event)
    if event.name in _RECEIPTS and event.from_backend:
        await returns.apply(db, work.shop, event)


async def _apply(db: Connection, work: Work, following: Following, event: Event) -> None:
    for link in people.told_together(work, event):
        await _join(db, work, following, link)
    for kind, address in people.verified(event):
        work.vouch(kind, address, work.person(event))
    if event.kind == "identify":
        work.identified.append(event)
        work.recorded.append(Recorded(event, None))
        await following.happening.happened(db, work, event, None)
        return
    await _note(db, work, event)
    named_none = carts.names_none(work, event)
    cart_id = await carts.find(db, work, event)
    if event.name in CART_EVENTS and cart_id is not None:
        cart = await carts.take(db, work, cart_id, event)
        for link in people.told_of_cart(work, cart_id, cart, event):
            await _join(db, work, following, link)
        await following.cart_changed(db, work, await carts.settle(db, work, cart_id), event)
    elif event.name == Name.ORDER_COMPLETED and (order := carts.order(work, event, cart_id, of_person=named_none)):
        if cart_id in work.contents:
            for link in people.told_of_cart(work, cart_id, work.contents[cart_id], event):
                await _join(db, work, following, link)
        await following.ordered(db, work, order)
    elif cart_id in work.unsettled and cart_id in work.contents:
        await following.settled(db, work, await carts.settle(db, work, cart_id))
    work.recorded.append(Recorded(event, cart_id))
    await following.happening.happened(db, work, event, cart_id)


async def _join(db: Connection, work: Work, following: Following, link: Link) -> None:
    moved = await people.join(db, work, link)
    if moved is not None:
        await following.joined(db, work, link, moved)
