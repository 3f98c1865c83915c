"""``relance plan``: check, show, publish, preview, test."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from activities import preview
from activities.trial import TrialRefusedError
from journeys import named_plans, plan_check, plan_show
from journeys.plan import Plan
from messages import judging
from messages.catalog import PlanFile
from relance import plan_files, plan_life, shop_commands, tables
from relance.errors import UsageError
from relance.plan_life import SHOWN, published
from relance.processes import connected
from relance.settings import Settings
from storage import plan_list, shops

console = Console()


async def check(name: str) -> None:
    """Check a plan and its messages."""
    file = plan_files.read(name)
    beside = plan_files.beside(name)
    _judge(file, beside, [*(plan.name for plan in beside), *plan_files.names(), *plan_files.library()])
    console.print(f"{file.plan.name}: fine ({len(file.plan.by_id)} steps, {len(file.messages.languages)} languages)")
    _say_when(file.plan)


def _say_when(plan: Plan) -> None:
    """Print when people enter next, where a schedule lets them in."""
    if moments := plan_show.next_moments(plan, datetime.now(UTC)):
        console.print(f"next moments: {moments}", markup=False, highlight=False, soft_wrap=True)


def _judge(file: PlanFile, others: Sequence[Plan], known: Collection[str]) -> None:
    """Print what is advised.

    Args:
        file: the plan and its messages.
        others: the plans that it may start.
        known: the names of all that are at hand.

    Raises:
        UsageError: something in the plan can never happen.

    """
    now = datetime.now(UTC)
    judged = judging.judge(file.messages, file.plan, others)
    found = [*plan_check.passed(file.plan, now), *judged, *named_plans.missing(file.plan, known)]
    for one in found:
        if one.level == "advice":
            console.print(f"advice: {one.sentence}", markup=False, highlight=False)
    plan_life.allow(file.plan, found)


async def show(settings: Settings, name: str, shop: str | None, version: int | None, *, mermaid: bool) -> None:
    """Print a plan, from its file or as a shop has published it."""
    if shop is None and version is not None:
        raise UsageError("a version is a shop's: say which with --shop")
    if shop is None:
        plan = plan_files.read(name).plan
    else:
        async with connected(settings) as parts:
            found = await published(parts, shop, name, version)
        plan = found.plan
        if not mermaid:
            console.print(
                f"version {found.version}, published {found.published_at:%Y-%m-%d %H:%M} UTC", highlight=False
            )
    lines = plan_show.mermaid(plan).splitlines() if mermaid else plan_show.text(plan)
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if not mermaid:
        _say_when(plan)


async def publish(settings: Settings, name: str, shop: str) -> None:
    """Publish a plan for a shop."""
    file = plan_files.read(name)
    async with connected(settings) as parts:
        await shop_commands.get(parts, shop)
        others = [version.plan for version in await parts.plans.newest(parts.pool, shop)]
        _judge(file, others, [plan.name for plan in others])
        number = await plan_life.publish(parts, shop, file.plan, file.messages.model_dump_json())
        version = await published(parts, shop, file.plan.name, number)
        stands = await plan_list.find(parts.pool, shop, file.plan.name)
    content = f"(content {version.content_hash[:SHOWN]})"
    said = f"{file.plan.name} version {number} is published for {shop} {content}; running journeys keep their version"
    console.print(said, highlight=False, soft_wrap=True)
    _say_when(file.plan)
    if stands is not None and stands.archived_at is not None:
        until = f"relance plan unarchive {file.plan.name} --shop {shop}"
        console.print(f"the plan is archived: it starts no journeys until {until}", highlight=False, soft_wrap=True)


async def show_preview(settings: Settings, name: str, shop: str, key: str) -> None:
    """Print what a plan would do for a cart, an order or a customer."""
    async with connected(settings) as parts:
        version = await published(parts, shop, name)
        lines = await preview.of_key(parts.pool, shop, version.plan, key, datetime.now(UTC))
    if lines is None:
        raise UsageError(f"shop '{shop}' has no {version.plan.key} '{key}'")
    table = Table("when (UTC)", "step", "what", "channel", "why")
    for line in lines:
        until = f" until {line.until:%Y-%m-%d %H:%M}" if line.until else ""
        table.add_row(f"{line.at:%Y-%m-%d %H:%M}", line.step or "-", line.what + until, "", line.why or "")
        for said in line.channels:
            table.add_row("", "", said.answer, said.channel, said.reason or "")
    tables.show(console, table)


async def test(settings: Settings, name: str, shop: str, to: str, step: str | None) -> None:
    """Send one message of a plan to an address on the shop's allowlist."""
    async with connected(settings) as parts:
        version = await published(parts, shop, name)
        try:
            sent = await parts.trials.send(await shops.get(parts.pool, shop), version, to, step)
        except TrialRefusedError as error:
            raise UsageError(str(error)) from None
    why = f" ({sent.reason})" if sent.reason else ""
    console.print(f"{sent.step} by {sent.channel}, {sent.provider}: {sent.state}{why}", highlight=False)
    console.print(sent.text, markup=False, highlight=False)
