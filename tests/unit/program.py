"""The program, called in the test's own process, and what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg

SECRET = "a secret that only the tests use, 32 characters or more"
PAGE = '{"type": "page", "userId": "u", "timestamp": "2026-01-01T00:00:00Z"}'


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str


Relance = Callable[..., Done]


def the_line(done: Done) -> str:
    """Give the one line that says what is wrong; anything else printed is a failure."""
    assert (done.code, done.out) == (2, "")
    [line] = done.err.splitlines()
    assert line.startswith("relance: ")
    return line


def rows(database_url: str, query: str) -> list[asyncpg.Record]:
    """Ask the database."""

    async def ask() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(database_url)
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    return asyncio.run(ask())


def dump(database_url: str) -> str:
    """Give every row of every table, as text."""
    tables = [row["tablename"] for row in rows(database_url, "select * from pg_tables where schemaname = 'public'")]
    return "\n".join(str(row) for table in tables for row in rows(database_url, f'select * from "{table}"'))
