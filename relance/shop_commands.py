"""``relance shop`` and ``relance key``."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

from cryptography.fernet import Fernet
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from channels import accounts
from channels.signed import Endpoint
from journeys.addresses import usable
from journeys.facts import Channel, Medium
from journeys.policy import Policy
from journeys.question import Mode
from relance import plan_files, tables
from relance.assembly import Parts
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from relance.typed import piped
from storage import endpoints, plans, shops, task_mails
from storage.endpoints import Kind
from storage.shops import Shop, UnknownShopError
from storage.task_mails import Mailing

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
    policy: str | None,
) -> None:
    """Change a shop's settings."""
    if not any((title, mode, language, cart_url, allow, disallow, account, policy)):
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
            policy=_policy(policy, shop.policy) if policy else shop.policy,
        )
        await shops.save(parts.pool, changed)
        if connection is not None:
            channel, rank, secret_settings = connection
            await shops.set_account(parts.pool, name, channel, secret_settings, rank)
    console.print(f"changed shop {name}")


def _address(given: str) -> str:
    for medium in (Medium.SMS, Medium.EMAIL):
        if address := usable(medium, given):
            return address
    raise UsageError(f"'{given}' is neither a telephone number such as +33639980001 nor an e-mail address")


def _mode(mode: str) -> Mode:
    try:
        return Mode(mode)
    except ValueError:
        raise UsageError(f"'{mode}' is not one of {', '.join(Mode)}") from None


def _policy(file: str, known: Policy) -> Policy:
    """Read the shop's own rules from a JSON file; what it does not name stays."""
    try:
        given = json.loads(_text_of(file))
        if not isinstance(given, dict):
            raise UsageError(f"{file}: must be a JSON object; docs/gate.md says what it may hold")
        return Policy.model_validate({**known.model_dump(mode="json", exclude_defaults=True), **given})
    except ValidationError as error:
        raise UsageError(f"{file}: {_problems(error, 'policy')}") from None
    except ValueError as error:
        raise UsageError(f"{file}: is not JSON: {error}") from None


def _text_of(file: str) -> str:
    try:
        return piped() if file == "-" else Path(file).read_text()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None


def _problems(error: ValidationError, whole: str) -> str:
    """Tell what is wrong with settings, without any of their values: some are secrets."""
    errors = error.errors(include_input=False)
    return "; ".join(f"{'.'.join(str(p) for p in e['loc']) or whole}: {e['msg']}" for e in errors)


def _account(argument: str, parts: Parts) -> tuple[Channel, int, bytes]:
    """Read ``CHANNEL=FILE`` or ``CHANNEL:2=FILE``; give the channel, the account's rank and its settings, encrypted."""
    name, _, file = argument.partition("=")
    name, _, rank = name.partition(":")
    if rank not in {"", "1", "2"}:
        raise UsageError("a channel has a first and a second account: write sms=FILE or sms:2=FILE")
    try:
        channel = Channel(name if file else "")
    except ValueError:
        raise UsageError(f"--account takes CHANNEL=FILE, with CHANNEL one of {', '.join(Channel)}") from None
    text = _text_of(file)
    try:
        accounts.read(channel, text)
    except ValidationError as error:
        errors = error.errors(include_input=False)
        if any(e["loc"] in {("provider",), ()} for e in errors):
            raise UsageError(f"{file}: this account cannot send by {channel}: see docs/channels.md") from None
        raise UsageError(f"{file}: {_problems(error, 'account')}") from None
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from None
    return channel, int(rank or 1), parts.secret.accounts.encrypt(text.encode())


def _shown(value: object) -> str:
    if isinstance(value, Policy):
        return value.model_dump_json(exclude_defaults=True).replace("{}", "")
    return ", ".join(value) if isinstance(value, tuple) else str(value or "")


async def show(settings: Settings, name: str) -> None:
    """Show a shop."""
    async with connected(settings) as parts:
        shop = await get(parts, name)
        table = Table(show_header=False)
        for field in dataclasses.fields(shop):
            value = getattr(shop, field.name)
            text = _shown(value)
            table.add_row(field.name, text or "-")
        table.add_row("accounts", ", ".join(await shops.connected_channels(parts.pool, name)) or "-")
        for kind in Kind:
            table.add_row(kind, _url(parts.secret.endpoint(kind), await endpoints.get(parts.pool, name, kind)))
        table.add_row("task_mail", _addresses(await task_mails.get(parts.pool, name)))
        tables.show(console, table)


def _url(cipher: Fernet, kept: bytes | None) -> str:
    """Read where a shop is called; its secret is not shown."""
    return "-" if kept is None else str(Endpoint.model_validate_json(cipher.decrypt(kept)).url)


def _addresses(mailing: Mailing | None) -> str:
    return ", ".join(filter(None, [mailing.address, mailing.escalate_to])) if mailing else "-"


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
        table = tables.by_id("shop", "kind", "label", "made", "revoked")
        for key in await shops.list_keys(parts.pool, name):
            revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "-"
            table.add_row(key.key_id, key.shop, key.kind, key.label, f"{key.created_at:%Y-%m-%d %H:%M}", revoked)
        tables.show(console, table)


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
