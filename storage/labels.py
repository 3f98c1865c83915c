"""Labels: what plans put on customers, for conditions to ask."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.database import Connection, Pool


async def put(db: Connection, shop: str, customer: str, told: Mapping[str, str], at: datetime) -> None:
    """Put labels on a customer; the newest word on each counts."""
    await db.executemany(
        "insert into labels as l (shop, customer_id, name, value, set_at) values ($1, $2, $3, $4, $5)"
        " on conflict (shop, customer_id, name) do update set value = excluded.value, set_at = excluded.set_at"
        " where l.set_at <= excluded.set_at",
        [(shop, customer, name, value, at) for name, value in sorted(told.items())],
    )


async def of_person(db: Pool | Connection, shop: str, customer: str) -> dict[str, str]:
    """Read what plans have put on a person."""
    rows = await db.fetch("select name, value from labels where shop = $1 and customer_id = $2", shop, customer)
    return {row["name"]: row["value"] for row in rows}
