"""The one way in: an event is recorded, applied, and what Temporal must hear is enqueued, in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import asyncpg

from journeys.cart import CART_EVENTS, Cart, apply
from journeys.customers import consents
from journeys.events import Event, Name
from storage import carts, customers, identity
from storage.database import PASSING
from storage.following import Following

if TYPE_CHECKING:
    from storage.database import Connection, Pool


_TRIES = 5


class Taken(StrEnum):
    """What became of an event."""

    NEW = "new"
    DUPLICATE = "duplicate"


async def take(pool: Pool, following: Following, shop: str, event: Event) -> Taken:
    """Take an event in. When this returns it is committed and visible to every later decision.

    Raises:
        BadEventError: it cannot be applied; nothing was kept.

    """
    for _ in range(_TRIES - 1):
        # People who share carts may wait for each other; Postgres lets one go on, and the other comes again.
        with contextlib.suppress(asyncpg.DeadlockDetectedError):
            return await _take(pool, following, shop, event)
    return await _take(pool, following, shop, event)


async def take_all(pool: Pool, following: Following, shop: str, events: Sequence[Event]) -> list[Taken]:
    """Take events in, one after the other. Each was checked, and when this returns each is committed.

    One that we cannot take, by our own mistake, keeps none of the others from being taken; the mistake is raised then.
    """
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


async def _take(pool: Pool, following: Following, shop: str, event: Event) -> Taken:
    async with pool.acquire() as db, db.transaction():
        if not await _first_time(db, shop, event):
            return Taken.DUPLICATE
        customer, joined = await identity.meet(db, shop, event)
        await _record(db, shop, customer, event)
        if joined is not None:
            await following.visitor_joined(db, shop, customer, joined, event)
        if event.kind == "identify":
            await customers.identify(db, shop, customer, event)
            return Taken.NEW
        await customers.be_active(db, shop, customer, event)
        if event.name in CART_EVENTS and event.cart_id is not None:
            stored = await carts.take(db, shop, customer, event)
            await following.cart_changed(db, shop, stored, event)
        if event.name == Name.ORDER_COMPLETED:
            completed = await carts.order(db, shop, customer, event)
            if completed is not None:
                await following.ordered(db, shop, customer, event, completed)
        return Taken.NEW


def check(event: Event) -> None:
    """Make sure that an event can be applied, whatever was told before it.

    Raises:
        BadEventError: it cannot.

    """
    if event.kind == "identify":
        consents(event)
    elif event.name in CART_EVENTS:
        apply(Cart(), event)


async def _first_time(db: Connection, shop: str, event: Event) -> bool:
    done = await db.execute(
        "insert into seen (shop, message_id) values ($1, $2) on conflict do nothing", shop, event.message_id
    )
    return done == "INSERT 0 1"


async def _record(db: Connection, shop: str, customer: str, event: Event) -> None:
    await db.execute(
        "insert into events (shop, message_id, kind, name, at, received_at, customer_id, cart_id, order_id, content)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        shop,
        event.message_id,
        event.kind,
        event.name,
        event.at,
        event.received_at,
        customer,
        event.cart_id,
        event.order_id,
        event.model_dump(mode="json"),
    )
