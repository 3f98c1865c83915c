"""What Temporal must hear: written in the transaction that decided it, delivered by the relay at least once.

The rows of one journey are delivered in order, one after the other; those of different journeys at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from journeys.signals import Signal, name_of

if TYPE_CHECKING:
    from storage.database import Connection, Pool

LEASE = timedelta(seconds=30)


@dataclass(frozen=True)
class Delivery:
    """One row that a relay has leased. Without a signal it asks for the start alone."""

    id: int
    journey: str
    signal: str | None
    payload: dict[str, Any] | None
    tries: int


async def start(db: Connection, journey: str) -> None:
    """Have a journey's workflow started."""
    await db.execute("insert into outbox (journey) values ($1)", journey)


async def signal(db: Connection, journey: str, what: Signal) -> None:
    """Have a journey's workflow hear a signal."""
    await db.execute(
        "insert into outbox (journey, signal, payload) values ($1, $2, $3)",
        journey,
        name_of(what),
        what.model_dump(mode="json"),
    )


async def lease(db: Pool, limit: int) -> list[Delivery]:
    """Take rows that are due, each the oldest of its journey; no other relay gets them while the lease lasts."""
    rows = await db.fetch(
        "update outbox set leased_until = clock_timestamp() + $2, tries = tries + 1 where id in ("
        "  select id from outbox o where try_at <= clock_timestamp()"
        "  and (leased_until is null or leased_until < clock_timestamp())"
        "  and not exists (select from outbox older where older.journey = o.journey and older.id < o.id)"
        "  order by id limit $1 for update skip locked"
        ") returning id, journey, signal, payload, tries",
        limit,
        LEASE,
    )
    return sorted((Delivery(**row) for row in rows), key=lambda d: d.id)


async def done(db: Pool, delivery: Delivery) -> None:
    """Forget a row that was delivered."""
    await db.execute("delete from outbox where id = $1", delivery.id)


async def later(db: Pool, delivery: Delivery, wait: timedelta, problem: str) -> None:
    """Give a row back, to be tried again after a while."""
    await db.execute(
        "update outbox set leased_until = null, try_at = clock_timestamp() + $2, problem = $3 where id = $1",
        delivery.id,
        wait,
        problem,
    )


async def end_leases(db: Pool) -> None:
    """Give back the rows of relays that were killed, for whoever knows that none runs."""
    await db.execute("update outbox set leased_until = null where leased_until is not null")


async def waiting(db: Pool) -> tuple[int, timedelta]:
    """Count the rows that wait, and tell for how long the oldest one does."""
    row = await db.fetchrow(
        "select count(*) as n, coalesce(clock_timestamp() - min(wanted_at), interval '0') as age from outbox"
    )
    return (row["n"], row["age"]) if row else (0, timedelta(0))
