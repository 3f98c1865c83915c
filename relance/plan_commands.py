"""``relance plan``."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from activities import preview
from activities.trial import TrialRefusedError
from messages import advice
from relance import plan_files
from relance.assembly import Parts
from relance.errors import UsageError
from relance.plan_files import PlanFile
from relance.processes import connected
from relance.settings import Settings
from storage import paused_plans, plans, shops
from storage.plans import PlanVersion, UnknownPlanError
from storage.shops import UnknownShopError

console = Console()


async def check(name: str) -> None:
    """Check a plan and its messages."""
    file = plan_files.read(name)
    _advise(file)
    console.print(f"{file.plan.name}: fine ({len(file.plan.by_id)} steps, {len(file.messages.languages)} languages)")


def _advise(file: PlanFile) -> None:
    for said in advice.advise(file.messages, file.plan):
        console.print(f"advice: {said}", markup=False, highlight=False)


async def publish(settings: Settings, name: str, shop: str) -> None:
    """Publish a plan for a shop."""
    file = plan_files.read(name)
    _advise(file)
    async with connected(settings) as parts:
        try:
            await shops.get(parts.pool, shop)
        except UnknownShopError:
            raise UsageError(f"there is no shop '{shop}'; relance shop create {shop} makes it") from None
        version = await plans.publish(parts.pool, shop, file.plan, file.messages.model_dump_json())
    console.print(f"{file.plan.name} version {version} is published for {shop}; running journeys keep their version")


async def show_preview(settings: Settings, name: str, shop: str, cart: str) -> None:
    """Print what a plan would do for a cart."""
    async with connected(settings) as parts:
        version = await _published(parts, shop, name)
        lines = await preview.of_cart(parts.pool, shop, version.plan, cart, datetime.now(UTC))
    if lines is None:
        raise UsageError(f"shop '{shop}' has no cart '{cart}'")
    table = Table("when (UTC)", "step", "what", "channel", "why")
    for line in lines:
        until = f" until {line.until:%Y-%m-%d %H:%M}" if line.until else ""
        table.add_row(f"{line.at:%Y-%m-%d %H:%M}", line.step or "-", line.what + until, "", line.why or "")
        for said in line.channels:
            table.add_row("", "", said.answer, said.channel, said.reason or "")
    console.print(table)


async def test(settings: Settings, name: str, shop: str, to: str, step: str | None) -> None:
    """Send one message of a plan to an address on the shop's allowlist."""
    async with connected(settings) as parts:
        version = await _published(parts, shop, name)
        try:
            sent = await parts.trials.send(await shops.get(parts.pool, shop), version, to, step)
        except TrialRefusedError as error:
            raise UsageError(str(error)) from None
    why = f" ({sent.reason})" if sent.reason else ""
    console.print(f"{sent.step} by {sent.channel}, {sent.provider}: {sent.state}{why}", highlight=False)
    console.print(sent.text, markup=False, highlight=False)


async def pause(settings: Settings, name: str, shop: str) -> None:
    """Hold back what a plan would send."""
    async with connected(settings) as parts:
        await _published(parts, shop, name)
        await paused_plans.pause(parts.pool, shop, name, datetime.now(UTC))
    console.print(f"{name} is paused for {shop}: nothing of it goes out until relance plan resume {name} --shop {shop}")


async def resume(settings: Settings, name: str, shop: str) -> None:
    """Let a plan go on."""
    async with connected(settings) as parts:
        await _published(parts, shop, name)
        was_paused = await paused_plans.resume(parts.pool, shop, name)
    console.print(f"{name} goes on for {shop}" if was_paused else f"{name} was not paused for {shop}")


async def _published(parts: Parts, shop: str, name: str) -> PlanVersion:
    try:
        return await parts.plans.newest_of(parts.pool, shop, name)
    except UnknownPlanError:
        raise UsageError(f"shop '{shop}' has published no plan '{name}'") from None
