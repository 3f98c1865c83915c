"""``relance shop`` and ``relance key``."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from channels import accounts
from journeys.addresses import usable
from journeys.facts import Channel
from journeys.gate import Mode
from relance import plan_files
from relance.assembly import Parts
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from storage import plans, shops
from storage.shops import Shop, UnknownShopError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LANGUAGES = ("fr", "it", "pt", "en")

console = Console()


async def create(settings: Settings, name: str, title: str) -> None:
    """Make a shop with the plans that come along."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' cannot be a shop's id: use small letters, digits and -, at most 40")
    async with connected(settings) as parts:
        if not await shops.create(parts.pool, name, title):
            raise UsageError(f"there is a shop '{name}' already")
        for plan in plan_files.names():
            file = plan_files.read(plan)
            await plans.publish(parts.pool, name, file.plan, file.messages.model_dump_json())
    console.print(f"made shop {name} in sandbox mode; next: relance key create {name} write")


async def change(
    settings: Settings,
    name: str,
    title: str | None,
    mode: str | None,
    language: str | None,
    cart_url: str | None,
    allow: list[str],
    disallow: list[str],
    account: str | None,
) -> None:
    """Change a shop's settings."""
    if not any((title, mode, language, cart_url, allow, disallow, account)):
        raise UsageError("nothing to change; relance shop set --help shows what there is")
    allow = [_address(given) for given in allow]
    if language is not None and language not in _LANGUAGES:
        raise UsageError(f"'{language}' is not one of {', '.join(_LANGUAGES)}")
    if cart_url is not None and not cart_url.startswith(("https://", "http://")):
        raise UsageError("--cart-url must be an https or http address")
    async with connected(settings) as parts:
        shop = await get(parts, name)
        connection = _account(account, parts) if account is not None else None
        changed = dataclasses.replace(
            shop,
            name=title or shop.name,
            mode=_mode(mode) if mode else shop.mode,
            language=language or shop.language,
            cart_url=cart_url or shop.cart_url,
            allowlist=tuple(a for a in dict.fromkeys((*shop.allowlist, *allow)) if a not in disallow),
        )
        await shops.save(parts.pool, changed)
        if connection is not None:
            await shops.set_account(parts.pool, name, *connection)
    console.print(f"changed shop {name}")


def _address(given: str) -> str:
    for channel in Channel:
        if address := usable(channel, given):
            return address
    raise UsageError(f"'{given}' is neither a telephone number such as +33639980001 nor an e-mail address")


def _mode(mode: str) -> Mode:
    if mode == Mode.LIVE:
        raise UsageError("live mode is not open yet: caps, quiet hours and opt-out words come first; use allowlist")
    try:
        return Mode(mode)
    except ValueError:
        raise UsageError(f"'{mode}' is not one of sandbox, allowlist, stopped") from None


def _account(argument: str, parts: Parts) -> tuple[Channel, bytes]:
    """Read ``CHANNEL=FILE``; give the channel and the account's settings, encrypted."""
    name, _, file = argument.partition("=")
    try:
        channel = Channel(name if file else "")
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        provider = accounts.connect(accounts.read(text), parts.http)
    except ValidationError as error:
        errors = error.errors(include_input=False)
        problems = "; ".join(f"{'.'.join(str(p) for p in e['loc']) or 'account'}: {e['msg']}" for e in errors)
        raise UsageError(f"{file}: {problems}") from None
    except ValueError:
        raise UsageError(f"--account takes CHANNEL=FILE, with CHANNEL one of {', '.join(Channel)}") from None
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    if provider.channel is not channel:
        raise UsageError(f"this account cannot send by {channel}")
    return channel, parts.secret.accounts.encrypt(text.encode())


async def show(settings: Settings, name: str) -> None:
    """Show a shop."""
    async with connected(settings) as parts:
        shop = await get(parts, name)
        table = Table(show_header=False)
        for field in dataclasses.fields(shop):
            value = getattr(shop, field.name)
            text = ", ".join(value) if isinstance(value, tuple) else str(value or "")
            table.add_row(field.name, text or "-")
        table.add_row("accounts", ", ".join(await shops.connected_channels(parts.pool, name)) or "-")
        console.print(table)


async def create_key(settings: Settings, name: str, kind: str, label: str) -> None:
    """Make a key and print it."""
    if kind not in {"write", "api"}:
        raise UsageError(f"'{kind}' is not a kind of key: say write or api")
    async with connected(settings) as parts:
        await get(parts, name)
        print(await shops.create_key(parts.pool, name, kind, label))  # noqa: T201 plain, so that scripts can read it


async def list_keys(settings: Settings, name: str | None) -> None:
    """List keys."""
    async with connected(settings) as parts:
        if name is not None:
            await get(parts, name)
        table = Table("id", "shop", "kind", "label", "made", "revoked")
        for key in await shops.list_keys(parts.pool, name):
            revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "-"
            table.add_row(key.key_id, key.shop, key.kind, key.label, f"{key.created_at:%Y-%m-%d %H:%M}", revoked)
        console.print(table)


async def revoke_key(settings: Settings, key_id: str) -> None:
    """Revoke a key."""
    async with connected(settings) as parts:
        if not await shops.revoke_key(parts.pool, key_id):
            raise UsageError(f"there is no key '{key_id}' to revoke; relance key list shows them")
    console.print(f"revoked key {key_id}")


async def get(parts: Parts, name: str) -> Shop:
    """Read a shop.

    Raises:
        UsageError: there is none of that name.

    """
    try:
        return await shops.get(parts.pool, name)
    except UnknownShopError:
        raise UsageError(f"there is no shop '{name}'; relance shop create {name} makes it") from None
