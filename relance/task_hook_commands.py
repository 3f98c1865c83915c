"""``relance task-hook``."""

from __future__ import annotations

from rich.console import Console

from relance import endpoints, shop_commands
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from storage import task_hooks

console = Console()


async def set_hook(settings: Settings, name: str, url: str, secret: str | None) -> None:
    """Keep where a shop hears of tasks and the secret by which that is signed; print that if it was made here."""
    endpoint = endpoints.read(url, secret)
    async with connected(settings) as parts:
        await shop_commands.get(parts, name)
        await task_hooks.save(parts.pool, name, parts.secret.task_hooks.encrypt(endpoint.write()))
    if secret is not None:
        console.print(f"shop {name} hears of tasks at {endpoint.url}", highlight=False, markup=False)
    else:
        print(endpoint.secret.get_secret_value())  # noqa: T201 plain, so that scripts can read it


async def remove_hook(settings: Settings, name: str) -> None:
    """Forget where a shop hears of tasks."""
    async with connected(settings) as parts:
        await shop_commands.get(parts, name)
        if not await task_hooks.remove(parts.pool, name):
            raise UsageError(f"shop {name} hears of no tasks")
    console.print(f"shop {name} hears of no tasks any more", highlight=False)
