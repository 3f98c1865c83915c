"""Published plan versions. They never change, so each is read once and kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from journeys.plan import Plan

if TYPE_CHECKING:
    from storage.database import Connection, Pool


class UnknownPlanError(LookupError):
    """The shop has published no such plan."""


@dataclass(frozen=True)
class PlanVersion:
    """One version of a plan of a shop; ``messages`` is the catalog of its messages as JSON."""

    shop: str
    version: int
    plan: Plan
    messages: str


class Plans:
    """Reads plan versions and keeps what it has read."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, int], PlanVersion] = {}

    async def version(self, db: Pool | Connection, shop: str, plan: str, version: int) -> PlanVersion:
        """Read one version.

        Raises:
            UnknownPlanError: it was never published.

        """
        key = (shop, plan, version)
        if key not in self._known:
            row = await db.fetchrow(
                "select content, messages from plan_versions where shop = $1 and plan = $2 and version = $3", *key
            )
            if row is None:
                raise UnknownPlanError(f"{plan} version {version}")
            content = Plan.model_validate_json(row["content"])
            self._known[key] = PlanVersion(shop, version, content, row["messages"])
        return self._known[key]

    async def newest(self, db: Pool | Connection, shop: str) -> list[PlanVersion]:
        """Read the newest version of every plan of a shop, by name."""
        rows = await db.fetch(
            "select plan, max(version) as version from plan_versions where shop = $1 group by plan order by plan", shop
        )
        return [await self.version(db, shop, row["plan"], row["version"]) for row in rows]

    async def newest_of(self, db: Pool | Connection, shop: str, plan: str) -> PlanVersion:
        """Read the newest version of one plan.

        Raises:
            UnknownPlanError: the shop has published none of that name.

        """
        for version in await self.newest(db, shop):
            if version.plan.name == plan:
                return version
        raise UnknownPlanError(plan)


async def publish(db: Pool | Connection, shop: str, plan: Plan, messages: str) -> int:
    """Publish a plan with its messages and return its version; what is published already gets no new one."""
    content = plan.model_dump_json(by_alias=True)
    digest = hashlib.sha256(f"{content}\0{messages}".encode()).hexdigest()
    newest = await db.fetchrow(
        "select version, content_hash from plan_versions where shop = $1 and plan = $2 order by version desc limit 1",
        shop,
        plan.name,
    )
    if newest is not None and newest["content_hash"] == digest:
        return int(newest["version"])
    version = newest["version"] + 1 if newest else 1
    await db.execute(
        "insert into plan_versions (shop, plan, version, content, messages, content_hash)"
        " values ($1, $2, $3, $4, $5, $6)",
        shop,
        plan.name,
        version,
        content,
        messages,
        digest,
    )
    await db.executemany(
        "insert into asked_events (shop, name) values ($1, $2) on conflict do nothing",
        [(shop, name) for name in sorted(plan.names)],
    )
    return version
