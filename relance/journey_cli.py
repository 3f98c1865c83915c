"""The commands of ``relance journeys``."""

from __future__ import annotations

from typing import Annotated

import typer

from relance import journey_commands
from relance.journey_commands import Chosen
from relance.running import run, settings

journeys = typer.Typer(no_args_is_help=True, help="Journeys: find them, tell their story, steer them, move them.")

Id = Annotated[str, typer.Argument(metavar="ID", help="As 'relance journeys list' shows it.")]
Shop = Annotated[str, typer.Option("--shop", help="Whose journeys.")]


@journeys.command("list", epilog="Example: `relance journeys list --shop boutique --status running`")
def listing(
    shop: Shop,
    plan: Annotated[str | None, typer.Option(help="Of this plan only.")] = None,
    key: Annotated[str | None, typer.Option(help="About this cart only.")] = None,
    customer: Annotated[str | None, typer.Option(help="Of this customer only.")] = None,
    status: Annotated[str | None, typer.Option(help="running, paused or ended.")] = None,
    limit: Annotated[int, typer.Option(help="So many at most.", min=1, max=10_000)] = 50,
) -> None:
    """List a shop's journeys, newest first."""
    command = journey_commands.listing(settings(), shop, plan, key, customer, status, limit)
    run(command, log_level="error")


@journeys.command("show", epilog="Example: `relance journeys show cart-recovery:boutique:c-1:1`")
def show(journey: Id) -> None:
    """Tell a journey's story: what came in, what was decided and why, what was sent, what comes next."""
    run(journey_commands.show(settings(), journey), log_level="error")


@journeys.command("cancel", epilog="Example: `relance journeys cancel cart-recovery:boutique:c-1:1`")
def cancel(
    journey: Id,
    reason: Annotated[str, typer.Option(help="Why. It is kept in Postgres only.")] = "cancelled by command",
) -> None:
    """Cancel a journey: nothing goes out any more."""
    run(journey_commands.cancel(settings(), journey, reason))


@journeys.command("pause", epilog="Example: `relance journeys pause cart-recovery:boutique:c-1:1`")
def pause(journey: Id) -> None:
    """Pause a journey: nothing happens until it is resumed."""
    run(journey_commands.pause(settings(), journey))


@journeys.command("resume", epilog="Example: `relance journeys resume cart-recovery:boutique:c-1:1`")
def resume(journey: Id) -> None:
    """Resume a paused journey with the time that was left."""
    run(journey_commands.resume(settings(), journey))


@journeys.command("migrate", epilog="Example: `relance journeys migrate cart-recovery --shop boutique --to 2 --all`")
def migrate(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A plan that the shop has published.")],
    shop: Shop,
    to: Annotated[int, typer.Option("--to", help="The version to which they are moved.", min=1)],
    key: Annotated[list[str] | None, typer.Option(help="The journey about this cart; may be repeated.")] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", help="The step at which all go on.", show_default="their own, or the next that is there"),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All of the plan's that have not ended.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell only where each would go on.")] = False,
) -> None:
    """Move running journeys to another version of their plan; tell for each where it goes on."""
    run(journey_commands.migrate(settings(), Chosen(plan, shop, to, key or [], at, every=every), dry_run=dry_run))
