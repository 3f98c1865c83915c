"""Counts at once whom an event concerns, and tells what changed: as events, by the one way in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import structlog

from journeys.events import Event, Name, parse
from storage import ingest, segments
from storage.database import PASSING

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.database import Connection, Pool
    from storage.following import Following

AT_ONCE = 100

_TAKE = "select id, shop, customer_id, at from segment_queue order by id limit $1 for update skip locked"
# Who an id belongs to may have changed since.
_PEOPLE = """
select q.id, coalesce(a.customer_id, q.id) as person from unnest($2::text[]) q (id)
  left join aliases a on a.shop = $1 and a.alias_id = q.id
"""
_UNTOLD = """
select n.id, n.shop, n.customer_id, n.at, n.properties, c.known
  from segment_changes n join customers c on c.shop = n.shop and c.customer_id = n.customer_id
 order by n.id limit $1 for update of n skip locked
"""

log = structlog.get_logger()


async def count_waiting(pool: Pool, at: datetime) -> int:
    """Count those anew whom events concern, some of them; tell how many events those were.

    Several may do so at the same time. One whom we cannot count, by our own mistake, keeps none of the others waiting:
    the schedule comes back to them.
    """
    try:
        return await _count_waiting(pool, at, AT_ONCE)
    except PASSING:
        raise
    except Exception:  # noqa: BLE001 one of them is at fault: each by itself tells which, and is left out
        return await _count_waiting(pool, at, 1)


async def _count_waiting(pool: Pool, at: datetime, limit: int) -> int:
    async with pool.acquire() as db, db.transaction():
        rows = await db.fetch(_TAKE, limit)
        try:
            async with db.transaction():
                await _count(db, rows, at)
        except PASSING:
            raise
        except Exception as error:
            if len(rows) > 1:
                raise
            log.warning("somebody's segments cannot be counted", row=rows[0]["id"], problem=type(error).__name__)
        if rows:
            await db.execute("delete from segment_queue where id = any($1)", [row["id"] for row in rows])
    return len(rows)


async def _count(db: Connection, rows: Iterable[Record], at: datetime) -> None:
    of_shop: dict[str, dict[str, datetime]] = defaultdict(dict)
    for row in rows:
        told = of_shop[row["shop"]]
        told[row["customer_id"]] = max(row["at"], told.get(row["customer_id"], row["at"]))
    for shop, told in sorted(of_shop.items()):
        people = await _resolved(db, shop, told)
        # A shop's clock may be a little ahead of ours.
        await segments.count(db, shop, people, max(at, *people.values()))


async def _resolved(db: Connection, shop: str, told: dict[str, datetime]) -> dict[str, datetime]:
    people: dict[str, datetime] = {}
    for row in await db.fetch(_PEOPLE, shop, list(told)):
        at = told[row["id"]]
        people[row["person"]] = max(at, people.get(row["person"], at))
    return people


async def tell(pool: Pool, following: Following, at: datetime) -> int:
    """Tell changes as events, some of them; tell how many. One that was told and not forgotten counts once."""
    async with pool.acquire() as db, db.transaction():
        rows = await db.fetch(_UNTOLD, AT_ONCE)
        for shop, changes in groupby(sorted(rows, key=lambda row: row["shop"]), key=lambda row: row["shop"]):
            await ingest.take_all(pool, following, shop, [_event(dict(change), at) for change in changes])
        if rows:
            await db.execute("delete from segment_changes where id = any($1)", [row["id"] for row in rows])
    return len(rows)


def _event(change: dict[str, Any], at: datetime) -> Event:
    message = {
        "type": "track",
        "event": Name.SEGMENT_CHANGED.value,
        "messageId": f"segments:{change['id']}",
        "timestamp": min(change["at"], at).isoformat(),
        # A visitor must not become a user by it.
        "userId" if change["known"] else "anonymousId": change["customer_id"],
        "properties": change["properties"],
    }
    return parse(message, received_at=at, from_backend=True)
