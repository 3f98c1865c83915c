"""Idempotency-Key, the way Stripe does it: the first call's answer is kept and given again for 24 hours."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel
from starlette.status import HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_CONTENT

from api.problems import Problem

if TYPE_CHECKING:
    from storage.database import Connection, Pool

Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True)
class Answer(Generic[Body]):
    """What a call answers, and whether it is an earlier call's answer."""

    body: Body
    replayed: bool


async def once(
    pool: Pool,
    caller: str,
    route: str,
    key: str,
    request: BaseModel,
    do: Callable[[Connection], Awaitable[Body]],
    kind: type[Body],
) -> Answer[Body]:
    """Do something once for a key. The answer is kept in the transaction that does it: both are there, or neither.

    A call that comes while the first one with its key still runs does not wait for it: it would keep a connection from
    other calls.

    Raises:
        Problem: 409 where the first call with the key still runs, 422 where the key came with another body before.

    """
    digest = hashlib.sha256(request.model_dump_json().encode()).digest()
    await pool.execute("delete from idempotency where created_at < now() - interval '24 hours'")
    async with pool.acquire() as db, db.transaction():
        if not await _alone(db, caller, route, key):
            detail = "The first call with this Idempotency-Key still runs; send the same again in a second."
            raise Problem(HTTP_409_CONFLICT, "The first call still runs", detail, headers={"Retry-After": "1"})
        if not await _begin(db, caller, route, key, digest):
            return Answer(await _replay(db, caller, route, key, digest, kind), replayed=True)
        body = await do(db)
        await db.execute(
            "update idempotency set answer = $4 where caller = $1 and route = $2 and key = $3",
            caller,
            route,
            key,
            body.model_dump(mode="json"),
        )
        return Answer(body, replayed=False)


async def _alone(db: Connection, caller: str, route: str, key: str) -> bool:
    """Keep others from the same key until the transaction ends; tell whether nobody was at it."""
    alone: bool = await db.fetchval(
        "select pg_try_advisory_xact_lock(hashtextextended($1, 3))", f"{caller} {route} {key}"
    )
    return alone


async def _begin(db: Connection, caller: str, route: str, key: str, digest: bytes) -> bool:
    done = await db.execute(
        "insert into idempotency (caller, route, key, body_hash) values ($1, $2, $3, $4) on conflict do nothing",
        caller,
        route,
        key,
        digest,
    )
    return done == "INSERT 0 1"


async def _replay(db: Connection, caller: str, route: str, key: str, digest: bytes, kind: type[Body]) -> Body:
    row = await db.fetchrow(
        "select body_hash, answer from idempotency where caller = $1 and route = $2 and key = $3", caller, route, key
    )
    if row is None:
        # Cleared away since: 24 hours are over.
        detail = "The first call with this Idempotency-Key was a day ago; use a new key."
        raise Problem(HTTP_409_CONFLICT, "The Idempotency-Key is too old", detail)
    if row["body_hash"] != digest:
        detail = "This Idempotency-Key came with another body before; use a new key for a new request."
        raise Problem(HTTP_422_UNPROCESSABLE_CONTENT, "The Idempotency-Key was used", detail)
    return kind.model_validate(row["answer"], by_name=True)
