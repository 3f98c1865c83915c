"""Shops, their channel accounts and their keys."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.facts import Channel
from journeys.policy import Policy
from journeys.question import Mode

if TYPE_CHECKING:
    from storage.database import Connection, Pool


class UnknownShopError(LookupError):
    """There is no such shop."""


@dataclass(frozen=True)
class Shop:
    """One storefront."""

    shop: str
    name: str
    mode: Mode
    language: str
    cart_url: str | None
    allowlist: tuple[str, ...]
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True)
class Key:
    """A key of a shop, without its secret."""

    key_id: str
    shop: str
    kind: str
    label: str
    created_at: datetime
    revoked_at: datetime | None


async def create(db: Pool | Connection, shop: str, name: str) -> bool:
    """Make a shop in sandbox mode; tell whether it is new."""
    made = await db.execute("insert into shops (shop, name) values ($1, $2) on conflict do nothing", shop, name)
    return made == "INSERT 0 1"


async def get(db: Pool | Connection, shop: str) -> Shop:
    """Read a shop.

    Raises:
        UnknownShopError: there is none of that name.

    """
    row = await db.fetchrow(
        "select shop, name, mode, language, cart_url, allowlist, policy from shops where shop = $1", shop
    )
    if row is None:
        raise UnknownShopError(shop)
    policy = Policy.model_validate(row["policy"])
    return Shop(**{**row, "mode": Mode(row["mode"]), "allowlist": tuple(row["allowlist"]), "policy": policy})


async def names(db: Pool | Connection) -> list[str]:
    """List the ids of all shops."""
    return [row["shop"] for row in await db.fetch("select shop from shops order by shop")]


async def save(db: Pool | Connection, shop: Shop) -> None:
    """Write a shop's settings."""
    await db.execute(
        "update shops set name = $2, mode = $3, language = $4, cart_url = $5, allowlist = $6, policy = $7"
        " where shop = $1",
        shop.shop,
        shop.name,
        shop.mode,
        shop.language,
        shop.cart_url,
        list(shop.allowlist),
        shop.policy.model_dump(mode="json", exclude_defaults=True),
    )


async def set_account(db: Pool | Connection, shop: str, channel: Channel, settings: bytes, rank: int = 1) -> None:
    """Keep a channel account, the first or the second; ``settings`` are encrypted already."""
    await db.execute(
        "insert into channel_accounts (shop, channel, rank, settings) values ($1, $2, $3, $4)"
        " on conflict (shop, channel, rank) do update set settings = excluded.settings",
        shop,
        channel,
        rank,
        settings,
    )


async def accounts(db: Pool | Connection, shop: str, channel: Channel) -> list[bytes]:
    """Read the encrypted settings of a channel's accounts: the one that is called first, then the other."""
    rows = await db.fetch(
        "select settings from channel_accounts where shop = $1 and channel = $2 order by rank", shop, channel
    )
    return [row["settings"] for row in rows]


async def connected_channels(db: Pool | Connection, shop: str) -> list[str]:
    """List the channels for which the shop has an account."""
    rows = await db.fetch("select distinct channel from channel_accounts where shop = $1 order by channel", shop)
    return [row["channel"] for row in rows]


async def create_key(db: Pool | Connection, shop: str, kind: str, label: str, secret: str | None = None) -> str:
    """Make a key (or take the given one) and return its secret, which is not kept; only its hash is.

    Raises:
        UnknownShopError: there is no such shop.

    """
    await get(db, shop)
    secret = secret or f"{kind}_{secrets.token_urlsafe(32)}"
    digest = _hash(secret)
    await db.execute(
        "insert into keys (key_id, shop, kind, hash, label) values ($1, $2, $3, $4, $5) on conflict do nothing",
        digest.hex()[:10],
        shop,
        kind,
        digest,
        label,
    )
    return secret


async def list_keys(db: Pool | Connection, shop: str | None) -> list[Key]:
    """List keys, of one shop or of all."""
    rows = await db.fetch(
        "select key_id, shop, kind, label, created_at, revoked_at from keys"
        " where $1::text is null or shop = $1 order by created_at",
        shop,
    )
    return [Key(**row) for row in rows]


async def revoke_key(db: Pool | Connection, key_id: str) -> bool:
    """Revoke a key; tell whether there was one to revoke."""
    done = await db.execute("update keys set revoked_at = now() where key_id = $1 and revoked_at is null", key_id)
    return done == "UPDATE 1"


async def find_key(db: Pool | Connection, secret: str) -> Key | None:
    """Read the key that has this secret, or None where it is unknown or revoked."""
    row = await db.fetchrow(
        "select key_id, shop, kind, label, created_at, revoked_at from keys where hash = $1 and revoked_at is null",
        _hash(secret),
    )
    return None if row is None else Key(**row)


async def shop_of_key(db: Pool | Connection, kind: str, secret: str) -> str | None:
    """Tell whose key this is, or None where it is unknown, revoked or of another kind."""
    shop: str | None = await db.fetchval(
        "select shop from keys where hash = $1 and kind = $2 and revoked_at is null", _hash(secret), kind
    )
    return shop


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
