"""What a shop spends in a day (UTC): counted when a message is claimed, and put right when its cost is known."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.database import Connection


async def reserve(db: Connection, shop: str, at: datetime, price: Decimal, ceiling: Decimal) -> bool:
    """Count a price before it is spent, where the day's ceiling is not reached yet; tell whether it is counted.

    Others that want to do the same wait until the transaction ends: so no more than one message goes above the ceiling.
    """
    reserved: bool | None = await db.fetchval(
        "insert into spend as known (shop, day, amount) values ($1, $2, $3)"
        " on conflict (shop, day) do update set amount = known.amount + excluded.amount where known.amount < $4"
        " returning true",
        shop,
        at.astimezone(UTC).date(),
        price,
        ceiling,
    )
    return bool(reserved)


async def spend(db: Connection, shop: str, at: datetime, cost: Decimal) -> None:
    """Count what a message costs on its day; less than nothing puts right what was reserved."""
    await db.execute(
        "insert into spend as known (shop, day, amount) values ($1, $2, $3)"
        " on conflict (shop, day) do update set amount = known.amount + excluded.amount",
        shop,
        at.astimezone(UTC).date(),
        cost,
    )
