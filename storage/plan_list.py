"""How a shop's plans stand: their versions, drafts, pauses, archives, and how many journeys run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.database import Connection, Pool


@dataclass(frozen=True)
class PlanStands:
    """One plan. ``version`` and what belongs to it are None where there is a draft only.

    Attributes:
        paused_at: since when nothing of it goes out.
        archived_at: since when nothing starts it.
        running: journeys that have not ended, of every version.
        draft_saved_at: when its draft was saved, where there is one.

    """

    name: str
    version: int | None
    published_at: datetime | None
    content_hash: str | None
    paused_at: datetime | None
    archived_at: datetime | None
    running: int
    draft_saved_at: datetime | None


@dataclass(frozen=True)
class VersionStands:
    """One version of a plan, and how many of its journeys have not ended."""

    version: int
    published_at: datetime
    content_hash: str
    running: int


_STANDS = """
select n.plan as name, v.version, v.published_at, v.content_hash, p.paused_at, a.archived_at,
       d.saved_at as draft_saved_at,
       (select count(*) from journeys j where j.shop = $1 and j.plan = n.plan and j.status <> 'ended') as running
  from (select plan from plan_versions where shop = $1 union select plan from plan_drafts where shop = $1) n
  left join lateral (
      select version, published_at, content_hash from plan_versions
       where shop = $1 and plan = n.plan order by version desc limit 1) v on true
  left join paused_plans p on p.shop = $1 and p.plan = n.plan
  left join archived_plans a on a.shop = $1 and a.plan = n.plan
  left join plan_drafts d on d.shop = $1 and d.plan = n.plan
"""


async def page(db: Pool | Connection, shop: str, *, after: str | None = None, limit: int = 1000) -> list[PlanStands]:
    """List a shop's plans by name, from a name onwards."""
    rows = await db.fetch(
        _STANDS + ' where $2::text is null or n.plan collate "C" > $2 order by n.plan collate "C" limit $3',
        shop,
        after,
        limit,
    )
    return [PlanStands(**row) for row in rows]


async def find(db: Pool | Connection, shop: str, plan: str) -> PlanStands | None:
    """Tell how one plan stands; None where the shop has none of that name, not even a draft."""
    row = await db.fetchrow(_STANDS + " where n.plan = $2", shop, plan)
    return PlanStands(**row) if row else None


async def versions(db: Pool | Connection, shop: str, plan: str) -> list[VersionStands]:
    """List the versions of a plan, newest first."""
    rows = await db.fetch(
        "select v.version, v.published_at, v.content_hash,"
        " (select count(*) from journeys j where j.shop = v.shop and j.plan = v.plan and j.plan_version = v.version"
        "   and j.status <> 'ended') as running"
        " from plan_versions v where v.shop = $1 and v.plan = $2 order by v.version desc",
        shop,
        plan,
    )
    return [VersionStands(**row) for row in rows]
