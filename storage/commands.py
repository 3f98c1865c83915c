"""What people and programs tell journeys to do: start, cancel, pause, resume. In Postgres first, then for Temporal."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from journeys.circles import shown
from journeys.plan import Key, Plan
from journeys.signals import Cancel, Pause, Resume
from storage import carts, chains, journeys, loading, outbox, pausing, writing
from storage.asked import WHOSE
from storage.beginning import NotStarted
from storage.following import Following
from storage.holding import hold
from storage.journeys import Journey
from storage.plans import PlanVersion
from storage.work import MoreToHoldError

if TYPE_CHECKING:
    from storage.database import Connection, Pool


async def start(
    db: Connection, following: Following, version: PlanVersion, key: str, at: datetime
) -> Journey | NotStarted:
    """Start a plan's journey for a cart, an order or a person that was told of, in the caller's transaction."""
    if version.plan.key is Key.CART:
        return await _start_for_cart(db, following, version, key, at)
    person = await db.fetchval(WHOSE[version.plan.key], version.shop, key)
    if person is None:
        return NotStarted(f"there is no such {version.plan.key}; send its events first")
    return await _start_for_person(db, following, version, person, key, at)


async def start_after(
    db: Connection, following: Following, version: PlanVersion, plan: Plan, journey: Journey, at: datetime
) -> Journey | NotStarted:
    """Start a plan's journey for the same cart, order or person as another journey, whose plan is known.

    A plan that the journey itself came from, by whatever it was started, is not started again.
    """
    wanted = version.plan.key
    keys = {plan.key: journey.key, Key.CUSTOMER: journey.customer_id}
    if not plan.key.leads_to(wanted):
        return NotStarted(f"a journey about a {plan.key} has no {wanted} to follow")
    chain = await chains.plans_of(db, journey.id)
    if version.plan.name in chain:
        return NotStarted(f"it would come round again: {shown([*chain, version.plan.name])}")
    if wanted is Key.CART:
        begun = await _start_for_cart(db, following, version, keys[wanted], at)
    else:
        begun = await _start_for_person(db, following, version, journey.customer_id, keys[wanted], at)
    if isinstance(begun, Journey):
        await chains.note(db, begun.id, journey.id, at)
    return begun


async def _start_for_person(
    db: Connection, following: Following, version: PlanVersion, person: str, key: str, at: datetime
) -> Journey | NotStarted:
    work = await loading.hold_person(db, version.shop, person)
    person = work.who(person)
    await loading.load_whole(db, work, [person])
    about = key if version.plan.key is Key.ORDER else person
    begun = await following.happening.enter(db, work, version, person, about, at)
    await writing.write(db, work)
    return begun


async def _start_for_cart(
    db: Connection, following: Following, version: PlanVersion, cart_id: str, at: datetime
) -> Journey | NotStarted:
    people: frozenset[str] = frozenset()
    while True:
        try:
            # What is locked in it is let go when it fails: people are always locked before their carts.
            async with db.transaction():
                return await _start(db, following, version, cart_id, at, people)
        except MoreToHoldError as more:
            people |= more.people


async def _start(
    db: Connection,
    following: Following,
    version: PlanVersion,
    cart_id: str,
    at: datetime,
    people: frozenset[str],
) -> Journey | NotStarted:
    work = await loading.hold_cart(db, version.shop, cart_id, people)
    if cart_id not in work.contents:
        return NotStarted("there is no such cart; send its events first")
    stored = await carts.settle(db, work, cart_id)
    begun = await following.enter(db, work, version, stored, at=at)
    await writing.write(db, work)
    return begun


async def cancel(pool: Pool, journey: str, reason: str, at: datetime) -> bool:
    """Cancel a journey; tell whether it had not ended. The reason stays in Postgres.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    async with pool.acquire() as db, db.transaction():
        found = await hold(db, journey)
        if not await journeys.end(db, found.id, "cancelled", reason, at):
            return False
        await outbox.signal(db, found.id, Cancel(at=at))
        await journeys.explain(db, journey, reason)
        return True


async def pause(pool: Pool, journey: str, at: datetime) -> bool:
    """Pause a running journey; tell whether it was running.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    async with pool.acquire() as db, db.transaction():
        await hold(db, journey)
        if not await pausing.pause(db, journey, at):
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
        if not await pausing.resume(db, journey, at):
            return False
        await journeys.log(db, journey, at, "resumed", "by command")
        await outbox.signal(db, journey, Resume(at=at, noted=True))
        return True
