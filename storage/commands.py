"""What people and programs tell journeys to do: start, cancel, pause, resume. In Postgres first, then for Temporal."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from journeys.signals import Cancel, Pause, Resume
from storage import carts, customers, journeys, outbox
from storage.following import Following, NotStarted, end
from storage.holding import hold
from storage.journeys import Journey
from storage.plans import PlanVersion

if TYPE_CHECKING:
    from storage.database import Connection, Pool


async def start(
    db: Connection, following: Following, version: PlanVersion, cart_id: str, at: datetime
) -> Journey | NotStarted:
    """Start a plan's journey for a cart that the shop has told of, in the caller's transaction."""
    stored = await carts.get(db, version.shop, cart_id)
    if stored is None:
        return NotStarted("there is no such cart; send its events first")
    await customers.lock(db, version.shop, stored.customer)
    await carts.lock(db, version.shop, cart_id)
    stored = await carts.get(db, version.shop, cart_id) or stored
    return await following.enter(db, version, stored, at=at)


async def cancel(pool: Pool, journey: str, reason: str, at: datetime) -> bool:
    """Cancel a journey; tell whether it had not ended. The reason stays in Postgres.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    async with pool.acquire() as db, db.transaction():
        found = await hold(db, journey)
        if not await end(db, found, Cancel(at=at)):
            return False
        await journeys.explain(db, journey, reason)
        return True


async def pause(pool: Pool, journey: str, at: datetime) -> bool:
    """Pause a running journey; tell whether it was running.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    async with pool.acquire() as db, db.transaction():
        await hold(db, journey)
        if not await journeys.pause(db, journey, at):
            return False
        await journeys.log(db, journey, at, "paused", "by command")
        await outbox.signal(db, journey, Pause(at=at, noted=True))
        return True


async def resume(pool: Pool, journey: str, at: datetime) -> bool:
    """Resume a paused journey; tell whether it was paused.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    async with pool.acquire() as db, db.transaction():
        await hold(db, journey)
        if not await journeys.resume(db, journey, at):
            return False
        await journeys.log(db, journey, at, "resumed", "by command")
        await outbox.signal(db, journey, Resume(at=at, noted=True))
        return True
