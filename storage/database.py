"""The connection pool, and how values travel between Python and Postgres."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    # asyncpg's classes take no parameters at run time.
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    Connection, Pool = asyncpg.Connection, asyncpg.Pool

_STATEMENT_TIMEOUT_MS = 30_000

PASSING = (
    OSError,
    asyncpg.InterfaceError,
    # asyncpg's own word where a connection breaks between two steps of one statement.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
)
"""Troubles of the database that pass: nothing was committed or nobody can say, and the same may be tried again."""


async def connect(url: str, *, max_size: int = 10) -> Pool:
    """Open a pool of connections whose ``json`` and ``jsonb`` values are Python objects."""
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=max_size,
        init=_set_up,
        server_settings={"application_name": "relance", "statement_timeout": str(_STATEMENT_TIMEOUT_MS)},
    )


async def _set_up(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=_encode, decoder=json.loads)


def _encode(value: Any) -> str:
    return json.dumps(value, default=str)
