"""What people answered beside STOP, START and HELP: kept until somebody has read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.facts import Medium

if TYPE_CHECKING:
    from storage.database import Pool


@dataclass(frozen=True)
class Told:
    """An answer as it came in.

    Attributes:
        message_id: the provider's; the same one told again is the same answer.
        customer_id: who has the address, where anybody is known to.
        journey: the one that wrote to the address last, in the 30 days before.

    """

    provider: str
    message_id: str
    medium: Medium
    address: str
    customer_id: str | None
    journey: str | None
    text: str
    at: datetime


@dataclass(frozen=True)
class Reply:
    """An answer that waits for a person to read it."""

    reply_id: int
    medium: Medium
    address: str
    customer_id: str | None
    journey: str | None
    text: str
    at: datetime


async def keep(pool: Pool, shop: str, told: Told) -> None:
    """Keep an answer; once, however often it is told."""
    await pool.execute(
        "insert into replies (shop, provider, message_id, medium, address, customer_id, journey, text, at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
        shop,
        told.provider,
        told.message_id,
        told.medium,
        told.address,
        told.customer_id,
        told.journey,
        told.text,
        told.at,
    )


async def to_read(pool: Pool, shop: str, limit: int) -> list[Reply]:
    """Give the answers that wait, oldest first."""
    columns = ", ".join(Reply.__dataclass_fields__)
    rows = await pool.fetch(
        f"select {columns} from replies where shop = $1 and done_at is null order by at, reply_id limit $2",  # noqa: S608 constant columns
        shop,
        limit,
    )
    return [Reply(**{**row, "medium": Medium(row["medium"])}) for row in rows]


async def done(pool: Pool, shop: str, reply_id: int, at: datetime) -> bool:
    """Note that somebody took care of an answer, first then; tell whether there is such an answer."""
    noted = await pool.execute(
        "update replies set done_at = coalesce(done_at, $3) where shop = $1 and reply_id = $2", shop, reply_id, at
    )
    return noted == "UPDATE 1"
