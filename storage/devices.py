"""Devices that take pushes, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic_core import to_json

from journeys.addresses import comparable
from journeys.devices import Kind
from journeys.facts import Medium
from storage.work import Work

if TYPE_CHECKING:
    from storage.database import Connection, Pool

_WRITE = """
insert into devices as d (shop, told_by, kind, address, seen_at)
select $1, told_by, kind, address, seen_at
  from jsonb_to_recordset($2::text::jsonb) as r (told_by text, kind text, address text, seen_at timestamptz)
on conflict (shop, kind, address) do update set told_by = excluded.told_by, seen_at = excluded.seen_at
 where (d.seen_at, d.told_by) < (excluded.seen_at, excluded.told_by)
"""
_READ = """
select kind, address, seen_at from devices
 where shop = $1
   and (told_by = $2 or told_by in (select alias_id from aliases where shop = $1 and customer_id = $2))
 order by seen_at desc, address
"""


@dataclass(frozen=True)
class Device:
    """A device of a person.

    Attributes:
        address: what a push goes to: an app's token, or a browser's subscription as JSON.
        seen_at: when an event last came from it.

    """

    kind: Kind
    address: str
    seen_at: datetime


async def write(db: Connection, work: Work) -> None:
    """Write the devices that events told of. A device that comes from another person later is theirs from then on."""
    newest: dict[tuple[str, str], tuple[datetime, str]] = {}
    for event in (recorded.event for recorded in work.recorded):
        if event.device is None:
            continue
        key, seen = (event.device.kind, event.device.address), (event.at, event.user_id or event.anonymous_id or "")
        newest[key] = max(seen, newest.get(key, seen))
    if not newest:
        return
    # In one order for all transactions: none waits for a row of another that waits for one of its own.
    rows = [
        {"kind": kind, "address": address, "told_by": told_by, "seen_at": seen_at}
        for (kind, address), (seen_at, told_by) in sorted(newest.items())
    ]
    await db.execute(_WRITE, work.shop, to_json(rows).decode())


async def of_person(db: Pool | Connection, shop: str, customer: str) -> list[Device]:
    """List the devices told under any of a person's ids, newest first, without those that are suppressed."""
    rows = await db.fetch(_READ, shop, customer)
    suppressed = {
        row["address"]
        for row in await db.fetch(
            "select address from suppressions where shop = $1 and channel = $2 and address = any($3::text[])"
            " and not marketing_only",
            shop,
            Medium.PUSH,
            [comparable(Medium.PUSH, row["address"]) for row in rows],
        )
    }
    return [
        Device(Kind(row["kind"]), row["address"], row["seen_at"])
        for row in rows
        if comparable(Medium.PUSH, row["address"]) not in suppressed
    ]
