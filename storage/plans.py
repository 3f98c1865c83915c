"""Published plan versions. They never change, so each is read once and kept.

A version that we cannot read any more, by our own mistake, is logged, and passed over where many plans are read: it
must not keep the others from going on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError

from journeys.circles import circle, told
from journeys.plan import Plan

if TYPE_CHECKING:
    from storage.database import Connection, Pool

log = structlog.get_logger()


class UnknownPlanError(LookupError):
    """The shop has published no such plan."""


class CircularStartError(ValueError):
    """A plan would start itself again by way of others; the text says by which."""


@dataclass(frozen=True)
class PlanVersion:
    """One version of a plan of a shop; ``messages`` is the catalog of its messages as JSON."""

    shop: str
    version: int
    plan: Plan
    messages: str
    content_hash: str
    published_at: datetime


class Plans:
    """Reads plan versions and keeps what it has read."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, int], PlanVersion] = {}
        self._unreadable: set[tuple[str, str, int]] = set()

    async def version(self, db: Pool | Connection, shop: str, plan: str, version: int) -> PlanVersion:
        """Read one version.

        Raises:
            UnknownPlanError: it was never published.

        """
        key = (shop, plan, version)
        if key not in self._known:
            row = await db.fetchrow(
                "select content, messages, content_hash, published_at from plan_versions"
                " where shop = $1 and plan = $2 and version = $3",
                *key,
            )
            if row is None:
                raise UnknownPlanError(f"{plan} version {version}")
            content = Plan.model_validate_json(row["content"])
            self._known[key] = PlanVersion(
                shop, version, content, row["messages"], row["content_hash"], row["published_at"]
            )
        return self._known[key]

    async def readable(self, db: Pool | Connection, shop: str, plan: str, version: int) -> PlanVersion | None:
        """Read one version; None where we cannot read it any more, which is logged once.

        Raises:
            UnknownPlanError: it was never published.

        """
        key = (shop, plan, version)
        if key in self._unreadable:
            return None
        try:
            return await self.version(db, *key)
        except ValidationError as error:
            self._unreadable.add(key)
            problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
            log.warning("a plan cannot be read", shop=shop, plan=plan, version=version, problem=problem["msg"])
            return None

    async def all_readable(self, db: Pool | Connection, shop: str, versions: Mapping[str, int]) -> list[PlanVersion]:
        """Read a version of each of some plans, by name, and leave out those that we cannot read any more."""
        found = [await self.readable(db, shop, plan, version) for plan, version in sorted(versions.items())]
        return [version for version in found if version is not None]

    async def newest(self, db: Pool | Connection, shop: str) -> list[PlanVersion]:
        """Read the newest version of every plan of a shop, by name, but for those that we cannot read any more."""
        return await self.all_readable(db, shop, await newest_numbers(db, shop))

    async def newest_of(self, db: Pool | Connection, shop: str, plan: str) -> PlanVersion:
        """Read the newest version of one plan.

        Raises:
            UnknownPlanError: the shop has published none of that name.

        """
        newest = await db.fetchval("select max(version) from plan_versions where shop = $1 and plan = $2", shop, plan)
        if newest is None:
            raise UnknownPlanError(plan)
        return await self.version(db, shop, plan, newest)


async def newest_numbers(db: Pool | Connection, shop: str) -> dict[str, int]:
    """Give the number of the newest version of every plan of a shop, by name; nothing is read of the plans."""
    rows = await db.fetch(
        "select plan, max(version) as version from plan_versions where shop = $1 group by plan order by plan", shop
    )
    return {row["plan"]: row["version"] for row in rows}


async def hold(db: Connection, shop: str) -> None:
    """Keep others from publishing or editing a shop's plans until the transaction ends: they may start each other."""
    await db.execute("select pg_advisory_xact_lock(hashtextextended($1, 1))", shop)


def content_of(plan: Plan, messages: str) -> tuple[str, str]:
    """Give a plan's content as it is kept, and the hash of it and its messages: the same content has the same."""
    content = plan.model_dump_json(by_alias=True)
    return content, hashlib.sha256(f"{content}\0{messages}".encode()).hexdigest()


async def publish(pool: Pool, shop: str, plan: Plan, messages: str) -> int:
    """Publish a plan with its messages and return its version; what is published already gets no new one.

    Raises:
        CircularStartError: by way of the shop's other plans it would start itself again.

    """
    async with pool.acquire() as db, db.transaction():
        return await publish_in(db, shop, plan, messages)


async def publish_in(db: Connection, shop: str, plan: Plan, messages: str) -> int:
    """Publish a plan in the caller's transaction. Of two who do, the second finds the first one's version.

    Raises:
        CircularStartError: by way of the shop's other plans, archived ones included, it would start itself again.

    """
    await hold(db, shop)
    content, digest = content_of(plan, messages)
    newest = await db.fetchrow(
        "select version, content_hash from plan_versions where shop = $1 and plan = $2 order by version desc limit 1",
        shop,
        plan.name,
    )
    if newest is not None and newest["content_hash"] == digest:
        return int(newest["version"])
    if way := circle(plan, [other.plan for other in await Plans().newest(db, shop)]):
        raise CircularStartError(told(way))
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
