"""``relance offer-api``."""

from __future__ import annotations

from pydantic import ValidationError
from rich.console import Console

from channels.offer_api import OfferApiSettings
from relance import hook_commands, shop_commands
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from storage import offer_apis

console = Console()


async def set_api(settings: Settings, name: str, url: str, secret: str | None) -> None:
    """Keep where a shop's API is and the secret by which calls to it are signed; print that if it was made here."""
    hook_commands.refuse_plain(secret)
    text = hook_commands.new_secret() if secret is None else hook_commands.read_secret()
    try:
        api = OfferApiSettings.model_validate({"url": url, "secret": text})
    except ValidationError as error:
        told = [f"{e['loc'][0]}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors(include_input=False)]
        raise UsageError("; ".join(told)) from None
    async with connected(settings) as parts:
        await shop_commands.get(parts, name)
        await offer_apis.save(parts.pool, name, parts.secret.offer_apis.encrypt(api.write()))
    if secret is not None:
        console.print(f"codes of shop {name} come from {api.url}", highlight=False, markup=False)
    else:
        print(text)  # noqa: T201 plain, so that scripts can read it


async def remove_api(settings: Settings, name: str) -> None:
    """Forget a shop's API."""
    async with connected(settings) as parts:
        await shop_commands.get(parts, name)
        if not await offer_apis.remove(parts.pool, name):
            raise UsageError(f"shop {name} has told of no API for codes")
    console.print(f"shop {name} is asked for no codes any more")
