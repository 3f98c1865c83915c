"""The codes of a shop's own that wait to be given away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.database import Connection, Pool


async def add(db: Pool | Connection, shop: str, pool: str, codes: Sequence[str]) -> int:
    """Put codes into a pool; tell how many are new. One that waits or was given away already stays as it is."""
    rows = await db.fetch(
        "insert into offer_codes (shop, pool, code) select $1, $2, code from unnest($3::text[]) as told (code)"
        " where not exists (select from offers o where o.shop = $1 and o.code = told.code)"
        " and not exists (select from shop_codes s where s.shop = $1 and s.code = told.code)"
        " on conflict do nothing returning code",
        shop,
        pool,
        codes,
    )
    return len(rows)


async def take(db: Connection, shop: str, pool: str) -> str | None:
    """Take the code that waits the longest out of a pool; None where none is left.

    Claims that take one at the same time do not wait for each other, and one that fails puts its code back.
    """
    code: str | None = await db.fetchval(
        "delete from offer_codes where (shop, code) = (select shop, code from offer_codes where shop = $1 and pool = $2"
        " order by added_at, code limit 1 for update skip locked) returning code",
        shop,
        pool,
    )
    return code


async def left(db: Pool | Connection, shop: str, pool: str) -> int:
    """Count what is left in a pool."""
    count: int = await db.fetchval("select count(*) from offer_codes where shop = $1 and pool = $2", shop, pool)
    return count
