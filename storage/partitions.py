"""The months of the event log, each a table of its own: made ahead, and dropped whole when they are no longer kept.

Months are UTC's, and go by when an event came in. What belongs to no month that was made lies in ``events_rest``.
No lock is waited for longer than a moment: whoever waits for one holds up all that come after.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from storage.database import Connection, Pool

AHEAD = 2
"""How many months are made besides the one that runs."""
REST_AT_A_TIME = 5000
_LOCK_TIMEOUT = "set local lock_timeout = '1s'"
_NO_STATEMENT_TIMEOUT = "set local statement_timeout = 0"
"""For moving a month's events: broken off, it would have kept inserts waiting for nothing, and would do so again."""
_MAKING = 0x6D6F6E74
"""Any fixed number: the advisory lock that keeps two makers of months apart."""
_NAME = re.compile(r"events_\d{4}_\d{2}")


def table(month: datetime) -> str:
    """Name the table of a month."""
    return f"events_{month:%Y_%m}"


def month_of(moment: datetime, plus: int = 0) -> datetime:
    """Give the first moment of the month of a moment, or of one so many months later."""
    utc = moment.astimezone(UTC)
    months = utc.year * 12 + utc.month - 1 + plus
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


async def made(db: Pool | Connection) -> list[str]:
    """Give the tables of the months that there are, oldest first."""
    rows = await db.fetch(
        "select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = 'events'::regclass order by 1"
    )
    return [row["name"] for row in rows if _NAME.fullmatch(row["name"])]


async def make_ahead(db: Connection, now: datetime) -> list[str]:
    """Make the tables of this month and of those to come that are missing; give their names.

    Raises:
        asyncpg.LockNotAvailableError: the event log is busy; nothing was done to the month that was to be made.

    """
    missing = []
    for month in (month_of(now, plus) for plus in range(AHEAD + 1)):
        async with db.transaction():
            await db.execute(_LOCK_TIMEOUT)
            await db.execute(_NO_STATEMENT_TIMEOUT)
            await db.execute("select pg_advisory_xact_lock($1)", _MAKING)
            if table(month) not in await made(db):
                if month <= now:
                    # Its events come in already: one that was bound for "events_rest" would be turned away there.
                    await db.execute("lock table only events in share row exclusive mode")
                await _make(db, month)
                missing.append(table(month))
    return missing


async def make_now(url: str) -> list[str]:
    """Make the months as ``make_ahead`` does, on a connection of its own that may take its time."""
    db = await asyncpg.connect(url)
    try:
        return await make_ahead(db, datetime.now(UTC))
    finally:
        await db.close()


async def _make(db: Connection, month: datetime) -> None:
    """Make one month. It takes over its events from ``events_rest``, which is not to be seen without them."""
    name, begins, ends = table(month), month.isoformat(), month_of(month, 1).isoformat()
    # The names and moments are made here, from a date. Attaching, unlike "partition of", keeps no insert waiting.
    await db.execute("lock table events_rest in access exclusive mode")
    await db.execute(f"create table {name} (like events including all)")
    await db.execute(
        "with moved as (delete from events_rest where received_at >= $1 and received_at < $2 returning *)"  # noqa: S608 our own name
        f" insert into {name} select * from moved",
        month,
        month_of(month, 1),
    )
    await db.execute(f"alter table events attach partition {name} for values from ('{begins}') to ('{ends}')")


async def drop_old(pool: Pool, now: datetime, keep: int) -> list[str]:
    """Drop the months before the last so many whole ones; give their names. The ids of their events stay known.

    Args:
        pool: Postgres.
        now: the time.
        keep: how many whole months are kept besides the one that runs; 0 keeps all.

    Raises:
        asyncpg.LockNotAvailableError: the event log is busy; the month that was to be dropped is still there.

    """
    if not keep:
        return []
    oldest = month_of(now, -keep)
    dropped = []
    for name in [name for name in await made(pool) if name < table(oldest)]:
        async with pool.acquire() as db, db.transaction():
            await db.execute(_LOCK_TIMEOUT)
            await db.execute(f"drop table {name}")
            await _kept_since(db, oldest)
        dropped.append(name)
    await _clear_rest(pool, oldest)
    return dropped


async def _clear_rest(pool: Pool, oldest: datetime) -> None:
    """Delete what is too old and lies in no month, a little at a time."""
    more = True
    while more:
        async with pool.acquire() as db, db.transaction():
            done = await db.execute(
                "delete from events_rest where ctid = any(array("
                "select ctid from events_rest where received_at < $1 limit $2))",
                oldest,
                REST_AT_A_TIME,
            )
            if more := done != "DELETE 0":
                await _kept_since(db, oldest)


async def _kept_since(db: Connection, moment: datetime) -> None:
    await db.execute("update event_log set kept_since = greatest(kept_since, $1)", moment)
