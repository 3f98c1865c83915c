"""The commands of ``relance plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from relance import plan_commands, plan_life, sheet_commands
from relance.errors import UsageError
from relance.running import run, settings

plan = typer.Typer(
    no_args_is_help=True, help="Plans: check, show, publish and steer them, and write them as worksheets."
)

Named = Annotated[str, typer.Argument(metavar="PLAN", help="A plan's name, or the path of its file.")]
Published = Annotated[str, typer.Argument(metavar="PLAN", help="A plan that the shop has published.")]
OneOrAll = Annotated[str | None, typer.Argument(metavar="[PLAN]", help="A plan that the shop has published.")]
Shop = Annotated[str, typer.Option("--shop", help="Whose plan it is.")]
All = Annotated[bool, typer.Option("--all", help="All plans of the shop.")]


@plan.command("check", epilog="Example: `relance plan check plans/cart-recovery.yaml`")
def check(name: Named) -> None:
    """Check a plan and its messages; every problem is told with its file, line and field, or its step."""
    run(plan_commands.check(name))


@plan.command("show", epilog="Example: `relance plan show cart-recovery --mermaid`")
def show(
    name: Named,
    shop: Annotated[str | None, typer.Option("--shop", help="As this shop has published it.")] = None,
    version: Annotated[int | None, typer.Option(help="Which version.", show_default="the newest", min=1)] = None,
    *,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="As a Mermaid flowchart.")] = False,
) -> None:
    """Show a plan in words, step by step, or as a flowchart."""
    run(plan_commands.show(settings(), name, shop, version, mermaid=mermaid), log_level="error")


@plan.command("list", epilog="Example: `relance plan list --shop boutique`")
def listing(shop: Annotated[str, typer.Option("--shop", help="Whose plans.")]) -> None:
    """List a shop's plans: version, since when, paused, archived, and how many journeys run."""
    run(plan_life.listing(settings(), shop), log_level="error")


@plan.command("publish", epilog="Example: `relance plan publish cart-recovery --shop boutique`")
def publish(name: Named, shop: Annotated[str, typer.Option("--shop", help="Whose plan it becomes.")]) -> None:
    """Publish a plan for a shop. What is published already gets no new version."""
    run(plan_commands.publish(settings(), name, shop))


@plan.command("diff", epilog="Example: `relance plan diff cart-recovery --shop boutique --from 1 --to 3`")
def diff(
    name: Published,
    shop: Shop,
    older: Annotated[
        int | None, typer.Option("--from", help="The version before.", show_default="the one before --to", min=1)
    ] = None,
    newer: Annotated[
        int | None, typer.Option("--to", help="The version after.", show_default="the newest", min=1)
    ] = None,
) -> None:
    """Tell what changed between two versions: fields of the header, steps, messages."""
    run(plan_life.diff(settings(), name, shop, older, newer), log_level="error")


@plan.command("rollback", epilog="Example: `relance plan rollback cart-recovery --shop boutique --to 1`")
def rollback(
    name: Published,
    shop: Shop,
    to: Annotated[int, typer.Option("--to", help="The version whose content is published again.", min=1)],
) -> None:
    """Publish an older version's content again, as a new version."""
    run(plan_life.rollback(settings(), name, shop, to))


@plan.command("archive", epilog="Example: `relance plan archive cart-recovery --shop boutique`")
def archive(shop: Shop, name: OneOrAll = None, *, every: All = False) -> None:
    """Let a plan start no journeys any more; those that run go on."""
    run(plan_life.archive(settings(), name, shop, every=every))


@plan.command("unarchive", epilog="Example: `relance plan unarchive cart-recovery --shop boutique`")
def unarchive(shop: Shop, name: OneOrAll = None, *, every: All = False) -> None:
    """Let an archived plan start journeys again."""
    run(plan_life.unarchive(settings(), name, shop, every=every))


@plan.command("preview", epilog="Example: `relance plan preview cart-recovery --shop boutique --cart c-1`")
def preview(
    name: Published,
    shop: Shop,
    key: Annotated[
        str, typer.Option("--cart", "--key", help="The cart, the order or the customer, by the shop's own id.")
    ],
) -> None:
    """Tell what a plan would do from now on, step by step. Nothing is sent."""
    run(plan_commands.show_preview(settings(), name, shop, key))


@plan.command("test", epilog="Example: `relance plan test cart-recovery --shop boutique --to +33639980001`")
def send_a_test(
    name: Published,
    shop: Shop,
    to: Annotated[str, typer.Option(help="An address on the shop's allowlist.")],
    step: Annotated[str | None, typer.Option(help="Whose message.", show_default="the plan's first")] = None,
) -> None:
    """Send one message of a plan to an address on the shop's allowlist, with made-up words about a cart."""
    run(plan_commands.test(settings(), name, shop, to, step))


@plan.command("runs", epilog="Example: `relance plan runs promotion --shop boutique`")
def runs(
    name: Published, shop: Shop, limit: Annotated[int, typer.Option(help="So many at most.", min=1, max=10_000)] = 20
) -> None:
    """List the moments of a plan's schedule that have come, newest first: how many people entered."""
    run(plan_life.runs(settings(), name, shop, limit), log_level="error")


@plan.command("pause", epilog="Example: `relance plan pause cart-recovery --shop boutique`")
def pause(shop: Shop, name: OneOrAll = None, *, every: All = False) -> None:
    """Hold back all that a plan would send, until it goes on; its journeys keep waiting."""
    run(plan_life.pause(settings(), name, shop, every=every))


@plan.command("resume", epilog="Example: `relance plan resume --all --shop boutique`")
def resume(shop: Shop, name: OneOrAll = None, *, every: All = False) -> None:
    """Let a paused plan go on."""
    run(plan_life.resume(settings(), name, shop, every=every))


@plan.command("import", epilog="Example: `relance plan import worksheet.xlsx --only fr --out plans`")
def import_sheet(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A worksheet, as CSV or XLSX.")],
    only: Annotated[str | None, typer.Option(help="Its one language, fr, it, pt or en: everybody gets it.")] = None,
    out: Annotated[Path | None, typer.Option(help="The folder that the plans are written to.")] = None,
    for_shop: Annotated[str | None, typer.Option("--shop", help="Publish them for this shop.")] = None,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Write over files that say otherwise.")] = False,
) -> None:
    """Make plans of a worksheet; every mistake is told with its cell, and nothing is written while there is one."""
    if out and for_shop:
        raise UsageError("give --out or --shop, not both; relance plan publish publishes what --out wrote")
    if for_shop:
        return run(sheet_commands.publish(settings(), file, only, for_shop), log_level="error")
    return run(sheet_commands.write(file, only, out, replace=replace) if out else sheet_commands.check(file, only))


@plan.command("export", epilog="Example: `relance plan export cart-recovery --out sheet.csv`")
def export(
    name: Annotated[str, typer.Argument(metavar="PLAN", help="A plan's name, or the path of its file.")],
    out: Annotated[Path, typer.Option(help="The sheet, a .csv or .xlsx file.")],
    for_shop: Annotated[str | None, typer.Option("--shop", help="The plan as this shop has published it.")] = None,
    language: Annotated[str, typer.Option(help="Of the columns, segments and channels: fr, it, pt, en.")] = "en",
) -> None:
    """Write a plan as a worksheet; what a sheet cannot say is told."""
    if for_shop:
        return run(sheet_commands.export_published(settings(), name, for_shop, out, language), log_level="error")
    return run(sheet_commands.export(name, out, language))


@plan.command("worksheet", epilog="Example: `relance plan worksheet --empty --language fr --out worksheet.xlsx`")
def worksheet(
    out: Annotated[Path, typer.Option(help="The .xlsx file.")],
    language: Annotated[str, typer.Option(help="Of its words: fr, it, pt, en.")] = "en",
    *,
    empty: Annotated[bool, typer.Option("--empty", help="With the examples on a second sheet.")] = False,
) -> None:
    """Write a worksheet to fill in, with choices and an example row for each kind of journey."""
    run(sheet_commands.worksheet(out, language, empty=empty))
