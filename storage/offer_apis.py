"""Where each shop's own API for codes is; the settings are encrypted already."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.database import Connection, Pool


async def save(db: Pool | Connection, shop: str, settings: bytes) -> None:
    """Keep a shop's API, in place of the one before."""
    await db.execute(
        "insert into offer_apis (shop, settings) values ($1, $2)"
        " on conflict (shop) do update set settings = excluded.settings",
        shop,
        settings,
    )


async def get(db: Pool | Connection, shop: str) -> bytes | None:
    """Read a shop's API; None where it has told of none."""
    settings: bytes | None = await db.fetchval("select settings from offer_apis where shop = $1", shop)
    return settings


async def remove(db: Pool | Connection, shop: str) -> bool:
    """Forget a shop's API; tell whether there was one."""
    return await db.execute("delete from offer_apis where shop = $1", shop) == "DELETE 1"
