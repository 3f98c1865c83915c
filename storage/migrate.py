"""Bring a database to the newest schema: SQL files in order, each once, under a lock.

The files of ``migrations`` are steps and never change; those of ``functions`` say what is, and are run whenever they
have changed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import asyncpg

MIGRATIONS = Path(__file__).parent / "migrations"
FUNCTIONS = Path(__file__).parent / "functions"
_LOCK = 0x52656C61
"""Any fixed number: the advisory lock that keeps two migrations apart."""


class MigrationError(Exception):
    """The database and the migration files do not fit together."""


async def migrate(url: str) -> list[str]:
    """Apply what is missing and return the names of the files that were applied.

    Raises:
        MigrationError: a file that was applied before has changed since.

    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        await connection.execute(
            "create table if not exists migrations (name text primary key, checksum text not null)"
        )
        known = {r["name"]: r["checksum"] for r in await connection.fetch("select name, checksum from migrations")}
        files = [*sorted(MIGRATIONS.glob("*.sql")), *sorted(FUNCTIONS.glob("*.sql"))]
        return [file.name for file in files if await _apply(connection, file, known)]
    finally:
        await connection.close()


async def _apply(connection: asyncpg.Connection[asyncpg.Record], file: Path, known: dict[str, str]) -> bool:
    sql = file.read_text()
    checksum = hashlib.sha256(sql.encode()).hexdigest()
    if known.get(file.name) == checksum:
        return False
    if file.name in known and file.parent == MIGRATIONS:
        raise MigrationError(f"{file.name} was changed after it was applied; write a new migration instead")
    async with connection.transaction():
        await connection.execute(sql)
        await connection.execute(
            "insert into migrations (name, checksum) values ($1, $2) on conflict (name) do update set checksum = $2",
            file.name,
            checksum,
        )
    return True
