"""Webhooks of shops: the secrets that sign them, and the signed bodies that could not be read."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.database import Connection, Pool

FORGOTTEN_AT_A_TIME = 500


@dataclass(frozen=True)
class HookSecret:
    """A secret by which a shop's source signs; ``secret`` is encrypted."""

    secret_id: str
    shop: str
    source: str
    secret: bytes
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class KeptBody:
    """A signed body that could not be read, or not wholly.

    Attributes:
        heading: what the headers said of the body: the topic, or the webhook's id.
        reason: what is wrong with it, without any of its values.

    """

    kept_id: int
    shop: str
    source: str
    heading: str
    reason: str
    received_at: datetime


_SECRET = "secret_id, shop, source, secret, created_at, last_used_at, revoked_at"  # noqa: S105 columns
_KEPT = "kept_id, shop, source, heading, reason, received_at"


async def add_secret(db: Pool | Connection, shop: str, source: str, secret: bytes) -> str:
    """Keep a secret, which is encrypted already, and give its id. The shop must be there."""
    secret_id = secrets.token_hex(5)
    await db.execute(
        "insert into hook_secrets (secret_id, shop, source, secret) values ($1, $2, $3, $4)",
        secret_id,
        shop,
        source,
        secret,
    )
    return secret_id


async def valid_secrets(db: Pool | Connection, shop: str, source: str) -> list[HookSecret]:
    """List the secrets that are good now, the newest first; none where there is no such shop."""
    rows = await db.fetch(
        f"select {_SECRET} from hook_secrets where shop = $1 and source = $2 and revoked_at is null"  # noqa: S608 constant
        " order by created_at desc",
        shop,
        source,
    )
    return [HookSecret(**row) for row in rows]


async def list_secrets(db: Pool | Connection, shop: str | None) -> list[HookSecret]:
    """List secrets, of one shop or of all, revoked ones too."""
    rows = await db.fetch(
        f"select {_SECRET} from hook_secrets where $1::text is null or shop = $1 order by created_at",  # noqa: S608 constant
        shop,
    )
    return [HookSecret(**row) for row in rows]


async def revoke_secret(db: Pool | Connection, secret_id: str) -> bool:
    """Revoke a secret; tell whether there was one to revoke."""
    done = await db.execute(
        "update hook_secrets set revoked_at = now() where secret_id = $1 and revoked_at is null", secret_id
    )
    return done == "UPDATE 1"


async def note_use(db: Pool | Connection, secret_id: str) -> None:
    """Note that something was signed by a secret, at most once a minute."""
    await db.execute(
        "update hook_secrets set last_used_at = now() where secret_id = $1"
        " and (last_used_at is null or last_used_at < now() - interval '1 minute')",
        secret_id,
    )


async def keep(db: Pool | Connection, shop: str, source: str, heading: str, body: bytes, reason: str) -> None:
    """Keep a signed body; the same one again is kept once."""
    await db.execute(
        "insert into hook_bodies_kept (shop, source, heading, reason, body, digest) values ($1, $2, $3, $4, $5, $6)"
        " on conflict (shop, source, heading, digest) do update set reason = excluded.reason",
        shop,
        source,
        heading,
        reason,
        body,
        hashlib.sha256(body).digest(),
    )


async def kept(db: Pool | Connection, shop: str | None) -> list[KeptBody]:
    """List what was kept, of one shop or of all, oldest first."""
    rows = await db.fetch(
        f"select {_KEPT} from hook_bodies_kept where $1::text is null or shop = $1 order by kept_id",  # noqa: S608 constant
        shop,
    )
    return [KeptBody(**row) for row in rows]


async def kept_body(db: Pool | Connection, kept_id: int) -> bytes:
    """Read a kept body; empty where it is gone."""
    return await db.fetchval("select body from hook_bodies_kept where kept_id = $1", kept_id) or b""


async def forget(db: Pool | Connection, kept_id: int) -> bool:
    """Let go of a kept body; tell whether there was one."""
    return await db.execute("delete from hook_bodies_kept where kept_id = $1", kept_id) == "DELETE 1"


async def forget_before(db: Pool | Connection, moment: datetime) -> None:
    """Let go of the bodies that came in before a moment, a few at a time: a body may be large."""
    more = True
    while more:
        done = await db.execute(
            "delete from hook_bodies_kept where kept_id = any(array("
            "select kept_id from hook_bodies_kept where received_at < $1 limit $2))",
            moment,
            FORGOTTEN_AT_A_TIME,
        )
        more = done != "DELETE 0"
