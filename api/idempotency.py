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
    from storage.database import Pool

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
    do: Callable[[], Awaitable[Body]],
    kind: type[Body],
) -> Answer[Body]:
    """Do something once for a key.

    A call that fails keeps nothing: it may be repeated. One whose process died is taken over after a minute.

    Raises:
        Problem: 422 where the key came with another body before, 409 while the first call still runs.

    """
    digest = hashlib.sha256(request.model_dump_json().encode()).digest()
    if not await _begin(pool, caller, route, key, digest):
        return Answer(await _replay(pool, caller, route, key, digest, kind), replayed=True)
    try:
        body = await do()
    except BaseException:
        await pool.execute("delete from idempotency where caller = $1 and route = $2 and key = $3", caller, route, key)
        raise
    await pool.execute(
        "update idempotency set answer = $4 where caller = $1 and route = $2 and key = $3",
        caller,
        route,
        key,
        body.model_dump(mode="json"),
    )
    return Answer(body, replayed=False)


async def _begin(pool: Pool, caller: str, route: str, key: str, digest: bytes) -> bool:
    await pool.execute("delete from idempotency where created_at < now() - interval '24 hours'")
    done = await pool.execute(
        "insert into idempotency as i (caller, route, key, body_hash) values ($1, $2, $3, $4)"
        " on conflict (caller, route, key) do update set created_at = now()"
        " where i.answer is null and i.body_hash = $4 and i.created_at < now() - interval '1 minute'",
        caller,
        route,
        key,
        digest,
    )
    return done == "INSERT 0 1"


async def _replay(pool: Pool, caller: str, route: str, key: str, digest: bytes, kind: type[Body]) -> Body:
    row = await pool.fetchrow(
        "select body_hash, answer from idempotency where caller = $1 and route = $2 and key = $3", caller, route, key
    )
    if row is None or (row["body_hash"] == digest and row["answer"] is None):
        detail = "The first call with this Idempotency-Key is still running; repeat this one in a moment."
        raise Problem(HTTP_409_CONFLICT, "Still running", detail)
    if row["body_hash"] != digest:
        detail = "This Idempotency-Key came with another body before; use a new key for a new request."
        raise Problem(HTTP_422_UNPROCESSABLE_CONTENT, "The Idempotency-Key was used", detail)
    return kind.model_validate(row["answer"], by_name=True)
