"""The commands of ``relance tasks`` and ``relance task-mail``."""

from __future__ import annotations

from typing import Annotated

import typer

from relance import task_commands, task_mail_commands
from relance.running import run, settings

tasks = typer.Typer(no_args_is_help=True, help="Tasks: what plans have people do. List them, claim them, do them.")

task_mail = typer.Typer(no_args_is_help=True, help="Who is told of tasks by mail, by the shop's own e-mail account.")

Shop = Annotated[str, typer.Argument(metavar="SHOP")]
Id = Annotated[str, typer.Argument(metavar="ID", help="As 'relance tasks list' shows it.")]
By = Annotated[str, typer.Option("--by", help="Who does it.")]


@tasks.command("list", epilog="Example: `relance tasks list --shop boutique --state open`")
def listing(
    shop: Annotated[str, typer.Option("--shop", help="Whose tasks.")],
    state: Annotated[str | None, typer.Option(help="open, claimed, done, expired or withdrawn.")] = None,
    plan: Annotated[str | None, typer.Option(help="Those that journeys of this plan opened.")] = None,
    customer: Annotated[str | None, typer.Option(help="Those for this customer, by their id.")] = None,
    limit: Annotated[int, typer.Option(help="So many at most.", min=1, max=10_000)] = 50,
) -> None:
    """List a shop's tasks, those first that are due first."""
    listed = task_commands.listing(settings(), shop, state, limit, plan=plan, customer=customer)
    run(listed, log_level="error")


@tasks.command("show", epilog="Example: `relance tasks show 9b1d0c5f3a7e4c2288d6f1e0a5b4c3d2`")
def show(task: Id) -> None:
    """Show a task: for whom it is, until when, their story, words to begin with, and what was written."""
    run(task_commands.show(settings(), task), log_level="error")


@tasks.command("claim", epilog="Example: `relance tasks claim 9b1d0c5f3a7e4c2288d6f1e0a5b4c3d2 --by Zoé`")
def claim(task: Id, by: By) -> None:
    """Say who does a task; whoever claims it last does it."""
    run(task_commands.claim(settings(), task, by))


@tasks.command(
    "complete",
    epilog="Example: `relance tasks complete 9b1d0c5f3a7e4c2288d6f1e0a5b4c3d2 --by Zoé --text 'We keep it for you'`",
)
def complete(
    task: Id,
    by: By,
    text: Annotated[str, typer.Option("--text", help="What was done; a message may carry it. -: read it.")],
) -> None:
    """Say that a task is done; its journey goes on."""
    run(task_commands.complete(settings(), task, by, text))


@task_mail.command(
    "set", epilog="Example: `relance task-mail set boutique agents@shop.example --escalate-to chief@shop.example`"
)
def set_mail(
    name: Shop,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Who hears of new tasks.")],
    escalate_to: Annotated[
        str | None, typer.Option(help="Who hears of those that are late.", show_default="the same")
    ] = None,
) -> None:
    """Keep who is told of tasks by mail, in place of what was kept."""
    run(task_mail_commands.keep(settings(), name, address, escalate_to))


@task_mail.command("show")
def show_mail(name: Shop) -> None:
    """Show who is told of tasks by mail."""
    run(task_mail_commands.show(settings(), name), log_level="error")


@task_mail.command("remove")
def remove_mail(name: Shop) -> None:
    """Tell nobody by mail from now on."""
    run(task_mail_commands.remove(settings(), name))
