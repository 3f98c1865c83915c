"""The commands of ``relance offer-api`` and ``relance task-hook``."""

from __future__ import annotations

from typing import Annotated

import typer

from relance import endpoint_commands
from relance.running import run, settings
from storage.endpoints import Kind

Shop = Annotated[str, typer.Argument(metavar="SHOP")]
Secret = Annotated[str | None, typer.Option(help="-: read the secret, or from standard input, in place of a new one.")]

offer_api = typer.Typer(no_args_is_help=True, help="The shop's own API that gives codes for offers.")
task_hook = typer.Typer(no_args_is_help=True, help="Where the shop hears of tasks, by signed webhooks.")


@offer_api.command("set", epilog="Example: `relance offer-api set boutique https://boutique.example/codes`")
def set_api(
    name: Shop,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where it is asked for codes.")],
    secret: Secret = None,
) -> None:
    """Keep where it is, in place of what was kept; print the secret by which calls are signed, if it is new."""
    run(endpoint_commands.keep(settings(), Kind.OFFER_API, name, url, secret))


@offer_api.command("remove")
def remove_api(name: Shop) -> None:
    """Forget where it is: it is asked for no codes from now on."""
    run(endpoint_commands.remove(settings(), Kind.OFFER_API, name))


@task_hook.command("set", epilog="Example: `relance task-hook set boutique https://boutique.example/tasks`")
def set_hook(
    name: Shop,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where it is told of tasks.")],
    secret: Secret = None,
) -> None:
    """Keep where it is, in place of what was kept; print the secret by which calls are signed, if it is new."""
    run(endpoint_commands.keep(settings(), Kind.TASK_HOOK, name, url, secret))


@task_hook.command("remove")
def remove_hook(name: Shop) -> None:
    """Forget where it is: nobody is told of tasks from now on."""
    run(endpoint_commands.remove(settings(), Kind.TASK_HOOK, name))
