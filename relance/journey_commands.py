"""``relance journeys``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from relance import shop_commands, tables
from relance.assembly import Parts
from relance.errors import UsageError
from relance.plan_life import published
from relance.processes import connected
from relance.settings import Settings
from storage import commands, moving, story
from storage import journeys as rows
from storage.journeys import Journey, UnknownJourneyError
from storage.moving import Landing, Moving

STATUSES = ("running", "paused", "ended")
SHOWN = 200
"""So many journeys that are moved are told one by one; those that stay are all told."""

console = Console()


async def listing(
    settings: Settings,
    shop: str,
    plan: str | None,
    key: str | None,
    customer: str | None,
    status: str | None,
    limit: int,
) -> None:
    """List a shop's journeys."""
    if status is not None and status not in STATUSES:
        raise UsageError(f"'{status}' is not one of {', '.join(STATUSES)}")
    async with connected(settings) as parts:
        await shop_commands.get(parts, shop)
        found = await rows.page(
            parts.pool, shop, plan=plan, customer=customer, key=key, status=status, before=None, limit=limit + 1
        )
    if not found:
        console.print("no such journeys")
        return
    table = tables.by_id("version", "status", "step", "started (UTC)", "next (UTC)")
    for one in found[:limit]:
        status_of = one.outcome or one.status
        table.add_row(
            one.id, str(one.plan_version), status_of, one.stage or "-", _moment(one.started_at), _moment(_next(one))
        )
    tables.show(console, table)
    if len(found) > limit:
        console.print(f"these are the newest {limit}; --limit shows more")


async def show(settings: Settings, journey: str) -> None:
    """Tell a journey's story."""
    async with connected(settings) as parts:
        found = await _find(parts, journey)
        lines = await story.tell(parts.pool, found)
    ended = f": {found.outcome} ({found.reason})" if found.outcome else ""
    about = f"{found.id}, version {found.plan_version}, customer {found.customer_id}: {found.status}{ended}"
    console.print(about, markup=False, highlight=False, soft_wrap=True)
    table = Table("when (UTC)", "kind", "what", "why")
    for line in lines:
        table.add_row(_moment(line.at), line.kind, escape(line.what), escape(line.why or ""))
    tables.show(console, table)


async def cancel(settings: Settings, journey: str, reason: str) -> None:
    """Cancel a journey."""
    async with connected(settings) as parts:
        await _find(parts, journey)
        if not await commands.cancel(parts.pool, journey, reason, datetime.now(UTC)):
            raise UsageError(f"{journey} has ended")
    console.print(f"{journey} is cancelled: nothing goes out any more", highlight=False)


async def pause(settings: Settings, journey: str) -> None:
    """Pause a journey."""
    async with connected(settings) as parts:
        await _find(parts, journey)
        done = await commands.pause(parts.pool, journey, datetime.now(UTC))
        if not done and (await _find(parts, journey)).status == "ended":
            raise UsageError(f"{journey} has ended")
    console.print(f"{journey} is paused" if done else f"{journey} was paused already", highlight=False)


async def resume(settings: Settings, journey: str) -> None:
    """Resume a journey."""
    async with connected(settings) as parts:
        await _find(parts, journey)
        done = await commands.resume(parts.pool, journey, datetime.now(UTC))
        if not done and (await _find(parts, journey)).status == "ended":
            raise UsageError(f"{journey} has ended")
    console.print(f"{journey} goes on" if done else f"{journey} was not paused", highlight=False)


@dataclass(frozen=True)
class Chosen:
    """Which journeys are moved, to which version of their plan, and at which step they go on."""

    plan: str
    shop: str
    to: int
    keys: list[str]
    at: str | None
    every: bool


async def migrate(settings: Settings, chosen: Chosen, *, dry_run: bool) -> None:
    """Move journeys to another version of their plan."""
    if bool(chosen.keys) is chosen.every:
        raise UsageError("name the carts with --key, or give --all")
    async with connected(settings) as parts:
        version = await published(parts, chosen.shop, chosen.plan, chosen.to)
        try:
            mover = Moving(parts.plans, version, chosen.at)
        except ValueError as error:
            raise UsageError(str(error)) from None
        keys = None if chosen.every else chosen.keys
        found = await moving.chosen(parts.pool, chosen.shop, chosen.plan, chosen.to, keys)
        now = datetime.now(UTC)
        landings = [
            await mover.try_out(parts.pool, one) if dry_run else await mover.move(parts.pool, one, now) for one in found
        ]
    _tell(landings, chosen, dry_run=dry_run)


def _tell(landings: list[Landing], chosen: Chosen, *, dry_run: bool) -> None:
    moved = [one for one in landings if one.problem is None]
    stay = [one for one in landings if one.problem is not None]
    for one in moved[:SHOWN]:
        where = f"version {one.version} at {one.left} → version {chosen.to} at {one.step}"
        console.print(f"{one.journey}: {where}", highlight=False, markup=False, soft_wrap=True)
    if len(moved) > SHOWN:
        console.print(f"and {len(moved) - SHOWN} more", highlight=False)
    console.print(f"{'would be moved' if dry_run else 'moved'}: {len(moved)}", highlight=False)
    missing = sorted(set(chosen.keys) - {one.key for one in landings})
    problems = [f"{one.journey} stays: {one.problem}" for one in stay]
    problems += [f"{chosen.plan} has no running journey about '{key}'" for key in missing]
    if problems:
        raise UsageError("\n".join(problems))


async def _find(parts: Parts, journey: str) -> Journey:
    try:
        return await rows.get(parts.pool, journey)
    except UnknownJourneyError:
        raise UsageError(f"there is no journey '{journey}'; relance journeys list shows them") from None


def _next(journey: Journey) -> datetime | None:
    return journey.next_at if journey.status == "running" else None


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "-"
