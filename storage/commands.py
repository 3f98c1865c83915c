"""What people and programs tell journeys to do: start, cancel, pause, resume. In Postgres first, then for Temporal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.signals import Cancel, Pause, Resume
from storage import carts, customers, journeys, outbox
from storage.following import Following, NotStarted, end
from storage.journeys import Journey
from storage.plans import PlanVersion
from storage.situation import UnknownJourneyError

if TYPE_CHECKING:
    from storage.database import Connection, Pool


async def start(
    pool: Pool, following: Following, version: PlanVersion, cart_id: str, at: datetime
) -> Journey | NotStarted:
    """Start a plan's journey for a cart that the shop has told of."""
    async with pool.acquire() as db, db.transaction():
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
    async with _locked(pool, journey) as (db, found):
        if not await end(db, found, Cancel(at=at)):
            return False
        await journeys.explain(db, journey, reason)
        return True


async def pause(pool: Pool, journey: str, at: datetime) -> bool:
    """Pause a running journey; tell whether it was running.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    async with _locked(pool, journey) as (db, _):
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
    async with _locked(pool, journey) as (db, _):
        if not await journeys.resume(db, journey, at):
            return False
        await journeys.log(db, journey, at, "resumed", "by command")
        await outbox.signal(db, journey, Resume(at=at, noted=True))
        return True


@asynccontextmanager
async def _locked(pool: Pool, journey: str) -> AsyncIterator[tuple[Connection, Journey]]:
    """Lock a journey with its person and its cart, in the order in which ingest and claims do."""
    async with pool.acquire() as db, db.transaction():
        found = await journeys.get(db, journey)
        if found is None:
            raise UnknownJourneyError(journey)
        await customers.lock(db, found.shop, found.customer_id)
        await carts.lock(db, found.shop, found.cart_id)
        await journeys.lock(db, journey)
        yield db, found
