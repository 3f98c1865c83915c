"""``relance offer-api``."""

from __future__ import annotations

from rich.console import Console

from relance import endpoints, shop_commands
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from storage import offer_apis

console = Console()


async def set_api(settings: Settings, name: str, url: str, secret: str | None) -> None:
    """Keep where a shop's API is and the secret by which calls to it are signed; print that if it was made here."""
    api = endpoints.read(url, secret)
    async with connected(settings) as parts:
        await shop_commands.get(parts, name)
        await offer_apis.save(parts.pool, name, parts.secret.offer_apis.encrypt(api.write()))
    if secret is not None:
        console.print(f"codes of shop {name} come from {api.url}", highlight=False, markup=False)
    else:
        print(api.secret.get_secret_value())  # noqa: T201 plain, so that scripts can read it


async def remove_api(settings: Settings, name: str) -> None:
    """Forget a shop's API."""
    async with connected(settings) as parts:
        await shop_commands.get(parts, name)
        if not await offer_apis.remove(parts.pool, name):
            raise UsageError(f"shop {name} has told of no API for codes")
    console.print(f"shop {name} is asked for no codes any more")
