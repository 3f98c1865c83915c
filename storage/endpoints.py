"""Where each shop is called by signed webhooks, and for what; the settings are encrypted already."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.database import Connection, Pool


class Kind(StrEnum):
    """What a shop is called for."""

    OFFER_API = "offer_api"
    """To give codes for offers."""
    TASK_HOOK = "task_hook"
    """To hear of tasks."""


async def save(db: Pool | Connection, shop: str, kind: Kind, settings: bytes) -> None:
    """Keep where a shop is called, in place of what was kept before."""
    await db.execute(
        "insert into endpoints (shop, kind, settings) values ($1, $2, $3)"
        " on conflict (shop, kind) do update set settings = excluded.settings",
        shop,
        kind,
        settings,
    )


async def get(db: Pool | Connection, shop: str, kind: Kind) -> bytes | None:
    """Read where a shop is called; None where it has told of no such address."""
    settings: bytes | None = await db.fetchval(
        "select settings from endpoints where shop = $1 and kind = $2", shop, kind
    )
    return settings


async def remove(db: Pool | Connection, shop: str, kind: Kind) -> bool:
    """Forget where a shop is called; tell whether it had told of it."""
    return await db.execute("delete from endpoints where shop = $1 and kind = $2", shop, kind) == "DELETE 1"


async def outside_sandbox(db: Pool | Connection, kind: Kind) -> dict[str, bytes]:
    """Read where all shops are called that are not in sandbox mode; one that is hears when it leaves that."""
    rows = await db.fetch(
        "select shop, settings from endpoints join shops using (shop) where kind = $1 and mode <> 'sandbox'", kind
    )
    return {row["shop"]: row["settings"] for row in rows}
