"""The segments and scores of people, as last counted, and counting them anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from journeys.facts import Segment
from journeys.rfm import Rfm, scores
from journeys.segments import segments_of
from storage import summaries

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.database import Connection, Pool

_READ = "select segments, r, f, m, computed_at from person_segments where shop = $1 and customer_id = $2"
# Rows are made first, so that there is always one to lock: who counts the same people counts after one another.
_MAKE = """
insert into person_segments (shop, customer_id, segments, computed_at)
select $1, c.customer_id, '{prospect}', $3 from customers c
 where c.shop = $1 and c.customer_id = any($2::text[]) order by c.customer_id on conflict do nothing
"""
_HOLD = """
select customer_id, segments, r, f, m, computed_at from person_segments
 where shop = $1 and customer_id = any($2::text[]) order by customer_id for update
"""
_KEEP = """
update person_segments g set segments = n.segments, r = n.r, f = n.f, m = n.m, computed_at = $3
  from jsonb_populate_recordset(null::person_segments, $2::text::jsonb) n
 where g.shop = $1 and g.customer_id = n.customer_id
"""
_CHANGED = """
insert into segment_changes (shop, customer_id, at, properties)
select $1, c.customer_id, c.at, c.properties
  from jsonb_populate_recordset(null::segment_changes, $2::text::jsonb) c
  join shops s on s.shop = $1 and s.segments_since is not null
"""
_NEXT = """
select c.customer_id from customers c
  left join person_segments g on g.shop = c.shop and g.customer_id = c.customer_id
 where c.shop = $1 and c.customer_id > $2 and (g.computed_at is null or g.computed_at < $3)
   and not exists (select from aliases a where a.shop = c.shop and a.alias_id = c.customer_id)
 order by c.customer_id limit $4
"""


@dataclass(frozen=True)
class Kept:
    """What is kept of a person: all segments, and the scores where there are any.

    Attributes:
        computed_at: when it was counted; None where it never was.

    """

    segments: tuple[Segment, ...] = (Segment.PROSPECT,)
    rfm: Rfm | None = None
    computed_at: datetime | None = None


NEVER_COUNTED = Kept()
"""By all that is known, somebody who has done nothing yet."""


def kept_of(row: Mapping[str, Any] | Record | None) -> Kept:
    """Read a row of the table; None where there is none."""
    if row is None:
        return NEVER_COUNTED
    rfm = None if row["r"] is None else Rfm(r=row["r"], f=row["f"], m=row["m"])
    return Kept(tuple(Segment(name) for name in row["segments"]), rfm, row["computed_at"])


async def of_person(db: Pool | Connection, shop: str, customer: str) -> Kept:
    """Read what is kept of a person, by the id that they have by now."""
    return kept_of(await db.fetchrow(_READ, shop, customer))


async def next_people(db: Pool | Connection, shop: str, after: str, before: datetime, limit: int) -> list[str]:
    """Give the next people, by id, who were not counted since a moment."""
    return [row["customer_id"] for row in await db.fetch(_NEXT, shop, after, before, limit)]


async def count(db: Connection, shop: str, people: Mapping[str, datetime], at: datetime) -> int:
    """Count people anew, keep it, and note each change that it makes, to be told; tell how many changed.

    Args:
        db: a transaction.
        shop: whose people they are.
        people: by id, each with the moment at which a change counts as made. Ids that are unknown are passed over.
        at: the moment as of which is counted.

    """
    ids = sorted(people)
    await db.execute(_MAKE, shop, ids, at)
    before = {row["customer_id"]: kept_of(row) for row in await db.fetch(_HOLD, shop, ids)}
    # Asked with the rows held: whoever held them before has kept what was then.
    now = await _counted(db, shop, before, at)
    rows = [{"customer_id": person, "segments": kept.segments, **_scores(kept)} for person, kept in now.items()]
    await db.execute(_KEEP, shop, to_json(rows).decode(), at)
    changes = [
        {"customer_id": person, "at": people[person], "properties": change(before[person], kept)}
        for person, kept in now.items()
        if (kept.segments, kept.rfm) != (before[person].segments, before[person].rfm)
    ]
    await db.execute(_CHANGED, shop, to_json(changes).decode())
    return len(changes)


async def begin_to_tell(db: Pool | Connection, shop: str, at: datetime) -> None:
    """Tell a shop's changes from now on: everybody was counted once."""
    await db.execute("update shops set segments_since = $2 where shop = $1 and segments_since is null", shop, at)


def change(before: Kept, after: Kept) -> dict[str, Any]:
    """Tell a change as the properties of its event."""
    return {
        "before": before.segments,
        "after": after.segments,
        "added": [segment for segment in after.segments if segment not in before.segments],
        "removed": [segment for segment in before.segments if segment not in after.segments],
        "rfm_before": str(before.rfm) if before.rfm else None,
        "rfm_after": str(after.rfm) if after.rfm else None,
    }


def told(change: Mapping[str, Any]) -> str:
    """Say a change, by the properties of its event: ``555 to 455; now lapsing, no longer loyal``."""
    before, after = (change.get(name) or "no scores" for name in ("rfm_before", "rfm_after"))
    scores_moved = [] if before == after else [f"{before} to {after}"]
    moves = [f"now {segment}" for segment in _listed(change, "added")]
    moves += [f"no longer {segment}" for segment in _listed(change, "removed")]
    return "; ".join([*scores_moved, *filter(None, [", ".join(moves)])]).replace("_", " ")


def _listed(change: Mapping[str, Any], name: str) -> list[Any]:
    """Read a list of an event; what a shop's own backend tells by the same name may be anything."""
    found = change.get(name)
    return found if isinstance(found, list) else []


async def _counted(db: Connection, shop: str, people: Collection[str], at: datetime) -> dict[str, Kept]:
    edges = await summaries.edges(db, shop)
    found = await summaries.read(db, shop, people, at)
    return {
        person: Kept(segments_of(did), scores(did.orders, did.spent, did.currency, edges), at)
        for person, did in found.items()
    }


def _scores(kept: Kept) -> dict[str, int | None]:
    return kept.rfm.model_dump() if kept.rfm else {"r": None, "f": None, "m": None}
