"""How far each import of a file has come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.database import Connection, Pool


@dataclass(frozen=True)
class Key:
    """What is imported: a file, as it is to be read, for a shop."""

    shop: str
    what: str
    file_digest: str


@dataclass(frozen=True)
class Progress:
    """What became of a file's lines so far.

    Attributes:
        lines_done: the lines of the file up to here are dealt with.
        known: rows that said nothing new.

    """

    lines_done: int
    new: int
    known: int
    rejected: int
    started_at: datetime
    finished_at: datetime | None


@asynccontextmanager
async def alone(pool: Pool, key: Key) -> AsyncIterator[bool]:
    """Keep others from the same import meanwhile; gives whether nobody was at it."""
    async with pool.acquire() as db:
        # Taken by the session, so it ends with the process, however that ends; going back to the pool frees it too.
        yield await db.fetchval(
            "select pg_try_advisory_lock(hashtextextended($1, 2))", f"{key.shop} {key.what} {key.file_digest}"
        )


async def begin(db: Pool | Connection, key: Key, at: datetime, *, again: bool) -> Progress:
    """Read how far an import has come, and have a row for it; ``again`` forgets what was."""
    row = await db.fetchrow(
        "insert into imports as known (shop, what, file_digest, started_at) values ($1, $2, $3, $4)"
        " on conflict (shop, what, file_digest) do update set"
        " lines_done = case when $5 then 0 else known.lines_done end,"
        " new = case when $5 then 0 else known.new end,"
        " known = case when $5 then 0 else known.known end,"
        " rejected = case when $5 then 0 else known.rejected end,"
        " started_at = case when $5 then $4 else known.started_at end,"
        " finished_at = case when $5 then null else known.finished_at end"
        " returning lines_done, new, known.known, rejected, started_at, finished_at",
        key.shop,
        key.what,
        key.file_digest,
        at,
        again,
    )
    return Progress(**dict(row or {}))


async def save(db: Pool | Connection, key: Key, progress: Progress) -> None:
    """Write how far an import has come."""
    await db.execute(
        "update imports set lines_done = $4, new = $5, known = $6, rejected = $7, finished_at = $8"
        " where shop = $1 and what = $2 and file_digest = $3",
        key.shop,
        key.what,
        key.file_digest,
        progress.lines_done,
        progress.new,
        progress.known,
        progress.rejected,
        progress.finished_at,
    )
