"""What Temporal must hear: written in the transaction that decided it, delivered by the relay at least once.

The rows of one journey are delivered in order, by one relay at a time; those of different journeys at the same time.
A row that cannot be delivered as it is gets parked with its reason, and stops no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from journeys.signals import Signal, name_of
from storage.journeys import Journey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.database import Connection, Pool

LEASE = timedelta(seconds=30)
COUNTED = 100_000
RUN = 20
"""Rows of one journey that are taken at once, at most."""

_JOURNEY = ", ".join(f"j.{name}" for name in Journey.__dataclass_fields__)


@dataclass(frozen=True)
class Delivery:
    """One row. Without a signal it asks for the start alone."""

    id: int
    signal: str | None
    payload: dict[str, Any] | None
    tries: int


@dataclass(frozen=True)
class Run:
    """The oldest rows of one journey, in order, leased until a moment."""

    journey: Journey
    until: datetime
    deliveries: list[Delivery]


@dataclass(frozen=True)
class GivenBack:
    """A row that could not be delivered; the rows of its journey that come after it wait with it.

    Attributes:
        wait: for how long.
        problem: what counts as a failure of the row's own; None where it has no part in it.

    """

    delivery: Delivery
    run: Run
    wait: timedelta
    problem: str | None = None


@dataclass(frozen=True)
class Waiting:
    """How the outbox stands: rows that wait, for how long the oldest of them does, and rows that are parked."""

    rows: int
    oldest: timedelta
    parked: int


@dataclass(frozen=True)
class Parked:
    """A row that was set aside, and why."""

    id: int
    journey: str
    signal: str | None
    parked_at: datetime
    tries: int
    problem: str


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


async def migrate(db: Connection, journey: str, *, at: datetime, version: int, left: str | None, step: str) -> None:
    """Have a journey's workflow hear that it was moved. The relay puts in the plan: it need not lie here for each."""
    payload = {"at": at.isoformat(), "version": version, "left": left, "step": step}
    await db.execute("insert into outbox (journey, signal, payload) values ($1, 'migrate', $2)", journey, payload)


async def lease(db: Pool, journeys: int) -> list[Run]:
    """Take what is due, of so many journeys at most; no other relay gets their rows while the lease lasts."""
    async with db.acquire() as connection, connection.transaction():
        # The table is empty one day and long the next: by its statistics Postgres would sort all of it each time.
        await connection.execute(
            "set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_sort = off;"
            "set local enable_hashjoin = off; set local enable_mergejoin = off"
        )
        rows = await connection.fetch(_LEASE, journeys, RUN, LEASE)
    runs: dict[str, Run] = {}
    for row in sorted(rows, key=lambda row: row["row"]):
        if row["id"] not in runs:
            journey = Journey(**{name: row[name] for name in Journey.__dataclass_fields__})
            runs[journey.id] = Run(journey, row["until"], [])
        delivery = Delivery(row["row"], row["signal"], row["payload"], row["tries"])
        runs[row["id"]].deliveries.append(delivery)
    return list(runs.values())


# A journey whose oldest row is leased or waits has none that is taken. A row that another relay leases meanwhile is not
# due any more when its lock is free, and is left out.
_LEASE = f"""
with heads as (
    select o.id, o.journey from outbox o
     where o.parked_at is null and o.try_at <= statement_timestamp()
       and o.id = (select f.id from outbox f where f.journey = o.journey and f.parked_at is null order by f.id limit 1)
     order by o.try_at, o.id limit $1 for update skip locked
), taken as (
    select next.id from heads, lateral (
        select f.id from outbox f
         where f.journey = heads.journey and f.parked_at is null and f.id >= heads.id order by f.id limit $2
    ) next
)
update outbox o set try_at = statement_timestamp() + $3::interval from taken, journeys j
 where o.id = taken.id and j.id = o.journey
returning o.id as row, o.signal, o.payload, o.tries, o.try_at as until, {_JOURNEY}
"""  # noqa: S608 constant columns


async def done(db: Pool, rows: Sequence[int]) -> None:
    """Forget rows that were delivered."""
    if rows:
        await db.execute("delete from outbox where id = any($1)", rows)


async def give_back(db: Pool, given: Sequence[GivenBack]) -> None:
    """Give rows back, to be tried again after a while. What somebody else has leased since stays theirs."""
    if given:
        await db.execute(
            "update outbox o set try_at = clock_timestamp() + g.wait,"
            " tries = o.tries + (o.id = g.id and g.problem is not null)::int,"
            " problem = case when o.id = g.id then coalesce(g.problem, o.problem) else o.problem end"
            " from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::interval[], $5::text[])"
            " as g (journey, id, until, wait, problem)"
            " where o.journey = g.journey and o.parked_at is null and o.try_at <= g.until",
            [g.run.journey.id for g in given],
            [g.delivery.id for g in given],
            [g.run.until for g in given],
            [g.wait for g in given],
            [g.problem for g in given],
        )


async def park(db: Pool, problems: dict[int, str]) -> None:
    """Set rows aside, each with the reason why it cannot be delivered. The reason must not name a person."""
    if problems:
        await db.execute(
            "update outbox o set parked_at = clock_timestamp(), tries = o.tries + 1, problem = p.problem"
            " from unnest($1::bigint[], $2::text[]) as p (id, problem) where o.id = p.id",
            list(problems),
            list(problems.values()),
        )


async def parked(db: Pool, shop: str | None, limit: int) -> list[Parked]:
    """List the rows that are parked, of one shop or of all, oldest first."""
    rows = await db.fetch(
        "select o.id, o.journey, o.signal, o.parked_at, o.tries, o.problem"
        " from outbox o join journeys j on j.id = o.journey"
        " where o.parked_at is not null and ($1::text is null or j.shop = $1) order by o.id limit $2",
        shop,
        limit,
    )
    return [Parked(**row) for row in rows]


async def retry(db: Pool, rows: Sequence[int] | None) -> list[int]:
    """Give parked rows back to the relay, all of them where none are named; tell which were parked.

    A relay may be at later rows of the same journey: it finishes with them first.
    """
    found = await db.fetch(
        "update outbox o set parked_at = null, problem = null, tries = 0, try_at = coalesce("
        "  (select max(w.try_at) from outbox w where w.journey = o.journey and w.parked_at is null), clock_timestamp())"
        " where o.parked_at is not null and ($1::bigint[] is null or o.id = any($1)) returning o.id",
        rows,
    )
    return sorted(row["id"] for row in found)


async def end_leases(db: Pool) -> None:
    """Make every row due, for whoever knows that no relay runs: those that were killed have left leases."""
    await db.execute("update outbox set try_at = now() where parked_at is null and try_at > now()")


async def waiting(db: Pool) -> Waiting:
    """Tell how the outbox stands. It is asked again and again: of a long one no more than 100,000 rows are counted."""
    row = await db.fetchrow(
        "select (select count(*) from (select from outbox where parked_at is null limit $1) w) as rows,"
        " coalesce(clock_timestamp() - (select wanted_at from outbox where parked_at is null order by id limit 1),"
        "  interval '0') as oldest,"
        " (select count(*) from (select from outbox where parked_at is not null limit $1) p) as parked",
        COUNTED,
    )
    return Waiting(**row) if row else Waiting(0, timedelta(0), 0)
