"""``relance offer-api`` and ``relance task-hook``: where a shop is called by signed webhooks."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError
from rich.console import Console

from channels.signed import Endpoint
from relance import hook_commands, shop_commands
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from storage import endpoints
from storage.endpoints import Kind

console = Console()


@dataclass(frozen=True)
class _Said:
    """What is said of a kind of address: that it is known, that it is not, and that it is not any more."""

    known: str
    unknown: str
    forgotten: str


_SAID = {
    Kind.OFFER_API: _Said(
        "codes of shop {shop} come from {url}",
        "shop {shop} has told of no API for codes",
        "shop {shop} is asked for no codes any more",
    ),
    Kind.TASK_HOOK: _Said(
        "shop {shop} hears of tasks at {url}",
        "shop {shop} hears of no tasks",
        "shop {shop} hears of no tasks any more",
    ),
}


async def keep(settings: Settings, kind: Kind, name: str, url: str, secret: str | None) -> None:
    """Keep where a shop is called and the secret by which that is signed; print that if it was made here."""
    endpoint = _read(url, secret)
    async with connected(settings) as parts:
        await shop_commands.get(parts, name)
        await endpoints.save(parts.pool, name, kind, parts.secret.endpoint(kind).encrypt(endpoint.write()))
    if secret is not None:
        console.print(_SAID[kind].known.format(shop=name, url=endpoint.url), highlight=False, markup=False)
    else:
        print(endpoint.secret.get_secret_value())  # noqa: T201 plain, so that scripts can read it


async def remove(settings: Settings, kind: Kind, name: str) -> None:
    """Forget where a shop is called."""
    async with connected(settings) as parts:
        await shop_commands.get(parts, name)
        if not await endpoints.remove(parts.pool, name, kind):
            raise UsageError(_SAID[kind].unknown.format(shop=name))
    console.print(_SAID[kind].forgotten.format(shop=name), highlight=False)


def _read(url: str, secret: str | None) -> Endpoint:
    """Put an address and its secret together; the secret is made here where it is not to be read.

    Raises:
        UsageError: one of them cannot be.

    """
    hook_commands.refuse_plain(secret)
    text = hook_commands.new_secret() if secret is None else hook_commands.read_secret()
    try:
        return Endpoint.model_validate({"url": url, "secret": text})
    except ValidationError as error:
        told = [f"{e['loc'][0]}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors(include_input=False)]
        raise UsageError("; ".join(told)) from None
