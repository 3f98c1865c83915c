"""Drafts of plans: what somebody writes, until it is published. One for each plan of a shop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.plan import Plan
from storage import plans

if TYPE_CHECKING:
    from storage.database import Connection, Pool


@dataclass(frozen=True)
class Draft:
    """A draft; ``messages`` is the catalog of its messages as JSON."""

    plan: Plan
    messages: str
    content_hash: str
    saved_at: datetime


async def find(db: Pool | Connection, shop: str, plan: str) -> Draft | None:
    """Read the draft of a plan."""
    row = await db.fetchrow(
        "select content, messages, content_hash, saved_at from plan_drafts where shop = $1 and plan = $2", shop, plan
    )
    if row is None:
        return None
    return Draft(Plan.model_validate_json(row["content"]), row["messages"], row["content_hash"], row["saved_at"])


async def current(db: Connection, shop: str, plan: str) -> str | None:
    """Give the hash of what an editor works on: the draft, or else the newest version."""
    found: str | None = await db.fetchval(
        "select coalesce((select content_hash from plan_drafts where shop = $1 and plan = $2),"
        " (select content_hash from plan_versions where shop = $1 and plan = $2 order by version desc limit 1))",
        shop,
        plan,
    )
    return found


async def save(db: Connection, shop: str, plan: Plan, messages: str, at: datetime) -> Draft:
    """Save a draft in place of the one that is there. The caller holds the shop's plans (``plans.hold``)."""
    content, digest = plans.content_of(plan, messages)
    await db.execute(
        "insert into plan_drafts (shop, plan, content, messages, content_hash, saved_at)"
        " values ($1, $2, $3, $4, $5, $6) on conflict (shop, plan) do update set"
        " content = excluded.content, messages = excluded.messages, content_hash = excluded.content_hash,"
        " saved_at = excluded.saved_at",
        shop,
        plan.name,
        content,
        messages,
        digest,
        at,
    )
    return Draft(plan, messages, digest, at)


async def discard(db: Connection, shop: str, plan: str) -> bool:
    """Forget a draft; tell whether there was one."""
    done = await db.execute("delete from plan_drafts where shop = $1 and plan = $2", shop, plan)
    return done == "DELETE 1"
