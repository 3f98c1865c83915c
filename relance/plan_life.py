"""``relance plan``: what becomes of plans that a shop has published."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from journeys import plan_diff, plan_show
from journeys.entry import ByMoments
from journeys.plan import Plan
from journeys.plan_check import Finding
from messages import judging
from messages.catalog import Catalog
from relance import shop_commands, tables
from relance.assembly import Parts
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from storage import archived_plans, entry_runs, paused_plans, plan_list, plans
from storage.plans import CircularStartError, PlanVersion, UnknownPlanError

SHOWN = 12
"""So many digits of a content hash tell two versions apart."""

console = Console()


async def published(parts: Parts, shop: str, name: str, version: int | None = None) -> PlanVersion:
    """Read a version of a shop's plan, the newest where none is named.

    Raises:
        UsageError: the shop has published no such plan, or no such version of it.

    """
    try:
        newest = await parts.plans.newest_of(parts.pool, shop, name)
    except UnknownPlanError:
        raise UsageError(f"shop '{shop}' has published no plan '{name}'") from None
    if version is None:
        return newest
    if not 0 < version <= newest.version:
        raise UsageError(f"{name} has no version {version} for {shop}; the newest is {newest.version}")
    return await parts.plans.version(parts.pool, shop, name, version)


def allow(plan: Plan, found: Iterable[Finding]) -> None:
    """See to it that nothing that was found forbids to publish a plan.

    Raises:
        UsageError: something in the plan can never happen.

    """
    if errors := [one.sentence for one in found if one.level == "error"]:
        raise UsageError("\n".join(f"{plan.name}: {sentence}" for sentence in errors))


async def publish(parts: Parts, shop: str, plan: Plan, messages: str) -> int:
    """Publish a plan, and give its version.

    Raises:
        UsageError: by way of the shop's other plans it would start itself again.

    """
    try:
        return await plans.publish(parts.pool, shop, plan, messages)
    except CircularStartError as error:
        raise UsageError(f"{plan.name}: {error}") from None


async def listing(settings: Settings, shop: str) -> None:
    """List a shop's plans."""
    async with connected(settings) as parts:
        await shop_commands.get(parts, shop)
        found = await plan_list.page(parts.pool, shop)
    if not found:
        console.print(f"shop '{shop}' has no plans", highlight=False)
        return
    table = Table("plan", "version", "published (UTC)", "content", "state", "running")
    for one in found:
        since = f"{one.published_at:%Y-%m-%d %H:%M}" if one.published_at else "-"
        content = (one.content_hash or "-")[:SHOWN]
        table.add_row(one.name, str(one.version or "-"), since, content, _state(one), str(one.running))
    tables.show(console, table)


def _state(one: plan_list.PlanStands) -> str:
    said = {"archived": one.archived_at, "paused": one.paused_at, "has a draft": one.draft_saved_at}
    return ", ".join(word for word, at in said.items() if at) or "-"


async def diff(settings: Settings, name: str, shop: str, older: int | None, newer: int | None) -> None:
    """Print what changed between two versions."""
    async with connected(settings) as parts:
        after = await published(parts, shop, name, newer)
        if older is None and after.version == 1:
            raise UsageError(f"version 1 of {name} is the first: there is nothing before it")
        before = await published(parts, shop, name, older or after.version - 1)
    console.print(f"{name}: version {before.version} to version {after.version}", highlight=False)
    changes = plan_diff.changes(before.plan, after.plan, _words(before), _words(after))
    for change in changes:
        console.print(escape(plan_diff.sentence(change)), highlight=False, soft_wrap=True)
    if not changes:
        console.print("nothing changed")


def _words(version: PlanVersion) -> plan_diff.Words:
    words: plan_diff.Words = json.loads(version.messages)["languages"]
    return words


async def rollback(settings: Settings, name: str, shop: str, to: int) -> None:
    """Publish an older version's content again."""
    async with connected(settings) as parts:
        old, newest = await published(parts, shop, name, to), await published(parts, shop, name)
        if old.content_hash == newest.content_hash:
            raise UsageError(f"version {newest.version}, the newest of {name}, says what version {to} said")
        others = [one.plan for one in await parts.plans.newest(parts.pool, shop)]
        allow(old.plan, judging.judge(Catalog.model_validate_json(old.messages), old.plan, others))
        version = await publish(parts, shop, old.plan, old.messages)
        now = await published(parts, shop, name, version)
    console.print(
        f"{name} version {version} is published for {shop} with the content of version {to}"
        f" ({now.content_hash[:SHOWN]}); running journeys keep their version",
        highlight=False,
    )


async def archive(settings: Settings, name: str | None, shop: str, *, every: bool) -> None:
    """Let a plan, or each, start no journeys."""
    async with connected(settings) as parts:
        for one in await _chosen(parts, shop, name, every=every):
            await archived_plans.archive(parts.pool, shop, one, datetime.now(UTC))
            stands = await plan_list.find(parts.pool, shop, one)
            console.print(
                f"{one} is archived for {shop}: nothing starts it until relance plan unarchive {one} --shop {shop};"
                f" running journeys that go on: {stands.running if stands else 0}",
                highlight=False,
            )


async def unarchive(settings: Settings, name: str | None, shop: str, *, every: bool) -> None:
    """Let an archived plan, or each, start journeys again."""
    async with connected(settings) as parts:
        for one in await _chosen(parts, shop, name, every=every):
            was = await archived_plans.unarchive(parts.pool, shop, one)
            console.print(f"{one} starts journeys again for {shop}" if was else f"{one} was not archived for {shop}")


async def pause(settings: Settings, name: str | None, shop: str, *, every: bool) -> None:
    """Hold back what a plan, or each, would send."""
    async with connected(settings) as parts:
        for one in await _chosen(parts, shop, name, every=every):
            await paused_plans.pause(parts.pool, shop, one, datetime.now(UTC))
            until = f"relance plan resume {one} --shop {shop}"
            console.print(f"{one} is paused for {shop}: nothing of it goes out until {until}", highlight=False)


async def resume(settings: Settings, name: str | None, shop: str, *, every: bool) -> None:
    """Let a plan, or each, go on."""
    async with connected(settings) as parts:
        for one in await _chosen(parts, shop, name, every=every):
            was = await paused_plans.resume(parts.pool, shop, one)
            console.print(f"{one} goes on for {shop}" if was else f"{one} was not paused for {shop}")


async def runs(settings: Settings, name: str, shop: str, limit: int) -> None:
    """List the moments of a plan's schedule that have come."""
    async with connected(settings) as parts:
        version = await published(parts, shop, name)
        found = await entry_runs.page(parts.pool, shop, name, None, limit + 1)
    entry = version.plan.entry
    if not found:
        by_events = f"{name} is entered by events, at no moment of a schedule"
        console.print("no moment has come yet" if isinstance(entry, ByMoments) else by_events, highlight=False)
    else:
        table = Table("moment", "version", "state", "entered", "passed over", "why")
        for one in found[:limit]:
            moment = entry.show(one.due_at) if isinstance(entry, ByMoments) else f"{one.due_at:%Y-%m-%d %H:%M} UTC"
            counts = (str(one.entered), str(one.passed_over))
            table.add_row(moment, str(one.version), one.state, *counts, one.reason or "-")
        tables.show(console, table)
    if len(found) > limit:
        console.print(f"these are the newest {limit}; --limit shows more", highlight=False)
    if moments := plan_show.next_moments(version.plan, datetime.now(UTC)):
        console.print(f"next moments: {moments}", markup=False, highlight=False, soft_wrap=True)


async def _chosen(parts: Parts, shop: str, name: str | None, *, every: bool) -> list[str]:
    """Name the plans that are meant. None is read: what stops a plan must stop one that we cannot read, too."""
    if (name is not None) is every:
        raise UsageError("name one plan, or give --all; relance plan list shows them")
    found = list(await plans.newest_numbers(parts.pool, shop))
    if name is not None:
        if name not in found:
            raise UsageError(f"shop '{shop}' has published no plan '{name}'")
        return [name]
    await shop_commands.get(parts, shop)
    if not found:
        console.print(f"shop '{shop}' has published no plans: nothing is done", highlight=False)
    return found
