"""``relance hook``."""

from __future__ import annotations

import base64
import getpass
import secrets
import sys

from rich.console import Console
from rich.markup import escape

from api.hooks.returning import SOURCES
from api.hooks.taking import ADAPTERS, read
from relance import tables
from relance.assembly import Parts
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from relance.typed import piped
from storage import hooks, shops
from storage.hooks import KeptBody
from storage.shops import UnknownShopError
from workers import temporal

_SECRET_BYTES = 32

_THEIRS = {"shopify", "twilio"}
"""Their secrets are made by them: Shopify's own, and the auth token of a Twilio account."""

console = Console()


async def create(settings: Settings, name: str, source: str, secret: str | None) -> None:
    """Keep a secret; print it if it was made here."""
    known = [*ADAPTERS, *SOURCES]
    if source not in known:
        raise UsageError(f"'{source}' is not a source of webhooks: say {', '.join(known)}")
    refuse_plain(secret)
    async with connected(settings) as parts:
        await _exists(parts, name)
        is_given = secret is not None or source in _THEIRS
        text = _read(source) if is_given else new_secret()
        secret_id = await hooks.add_secret(parts.pool, name, source, parts.secret.hooks.encrypt(text.encode()))
    if is_given:
        console.print(f"kept secret {secret_id}; webhooks go to {settings.public_url}/v1/hooks/{name}/{source}")
    else:
        print(text)  # noqa: T201 plain, so that scripts can read it


def refuse_plain(secret: str | None) -> None:
    """Take no secret from a command line.

    Raises:
        UsageError: it says something else than where to read the secret.

    """
    if secret is not None and secret != "-":  # noqa: S105 no secret
        raise UsageError("others can see what stands on a command line: say '--secret -' and type or pipe the secret")


def new_secret() -> str:
    """Make a secret of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def read_secret() -> str:
    """Read a secret that somebody else made.

    Raises:
        UsageError: there is none.

    """
    typed = getpass.getpass("secret: ") if sys.stdin.isatty() else piped()
    text = typed.rstrip("\r\n")
    if not text.strip():
        raise UsageError("the secret is empty; pipe it, or type it where it is asked for")
    return text


def _read(source: str) -> str:
    text = read_secret()
    if source == "standard" and not _is_standard(text):
        raise UsageError("a secret of Standard Webhooks is 'whsec_' and base64 of 24 bytes or more")
    return text


def _is_standard(text: str) -> bool:
    prefix, _, key = text.partition("_")
    try:
        return prefix == "whsec" and len(base64.b64decode(key, validate=True)) >= 24  # noqa: PLR2004 the specification's
    except ValueError:
        return False


async def list_secrets(settings: Settings, name: str | None) -> None:
    """List secrets."""
    async with connected(settings) as parts:
        if name is not None:
            await _exists(parts, name)
        table = tables.by_id("shop", "source", "made", "last used", "revoked")
        for one in await hooks.list_secrets(parts.pool, name):
            times = (one.created_at, one.last_used_at, one.revoked_at)
            table.add_row(one.secret_id, one.shop, one.source, *(f"{at:%Y-%m-%d %H:%M}" if at else "-" for at in times))
        tables.show(console, table)


async def revoke(settings: Settings, secret_id: str) -> None:
    """Revoke a secret."""
    async with connected(settings) as parts:
        if not await hooks.revoke_secret(parts.pool, secret_id):
            raise UsageError(f"there is no secret '{secret_id}' to revoke; relance hook list shows them")
    console.print(f"revoked secret {secret_id}")


async def kept(settings: Settings, name: str | None) -> None:
    """List kept bodies."""
    async with connected(settings) as parts:
        if name is not None:
            await _exists(parts, name)
        table = tables.by_id("shop", "source", "topic or id", "received", "reason")
        for one in await hooks.kept(parts.pool, name):
            received = f"{one.received_at:%Y-%m-%d %H:%M}"
            table.add_row(str(one.kept_id), one.shop, one.source, escape(one.heading), received, escape(one.reason))
        tables.show(console, table)


async def retry(settings: Settings, kept_id: int | None, *, everything: bool) -> None:
    """Read kept bodies anew."""
    if everything == (kept_id is not None):
        raise UsageError("say which body to read anew, or --all; relance hook kept shows them")
    async with connected(settings) as parts:
        found = [one for one in await hooks.kept(parts.pool, None) if everything or one.kept_id == kept_id]
        if not found and not everything:
            raise UsageError(f"there is no body {kept_id}; relance hook kept shows them")
        for one in found:
            await _retry(parts, one)


async def _retry(parts: Parts, one: KeptBody) -> None:
    services = parts.services(await temporal.connect(lazy=True))
    body = await hooks.kept_body(parts.pool, one.kept_id)
    _, reason = await read(services, one.shop, ADAPTERS[one.source], one.heading, body)
    if reason is not None:
        console.print(f"{one.kept_id}: kept still: {reason}", highlight=False, markup=False)
        return
    await hooks.forget(parts.pool, one.kept_id)
    console.print(f"{one.kept_id}: taken", highlight=False)


async def forget(settings: Settings, kept_id: int) -> None:
    """Delete a kept body."""
    async with connected(settings) as parts:
        if not await hooks.forget(parts.pool, kept_id):
            raise UsageError(f"there is no body {kept_id}; relance hook kept shows them")
    console.print(f"forgot {kept_id}")


async def _exists(parts: Parts, name: str) -> None:
    try:
        await shops.get(parts.pool, name)
    except UnknownShopError:
        raise UsageError(f"there is no shop '{name}'; relance shop create {name} makes it") from None
