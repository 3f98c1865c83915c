"""What became of a call, written into the ledger by the attempt that made it, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from journeys.ledger import State
from storage.sends import Claimed, Try

if TYPE_CHECKING:
    from storage.database import Connection, Pool


@dataclass(frozen=True)
class Outcome:
    """What became of a call, as the ledger keeps it."""

    state: State
    at: datetime
    provider: str
    provider_id: str | None = None
    reason: str | None = None
    cost: Decimal | None = None


async def settle(pool: Pool, wanted: Try, claimed: Claimed, outcome: Outcome) -> bool:
    """Write what became of a call; tell whether this attempt still holds the row."""
    went_out = outcome.state in {State.ACCEPTED, State.UNKNOWN}
    async with pool.acquire() as db, db.transaction():
        done = await db.execute(
            "update sends set state = $5, sent_at = $6, provider = $7, provider_id = $8, reason = $9, cost = $10,"
            " attempt = null where journey = $1 and step = $2 and try = $3 and attempt = $4 and state = 'claimed'",
            wanted.journey,
            wanted.slot,
            claimed.number,
            claimed.attempt,
            outcome.state,
            outcome.at if went_out else None,
            outcome.provider,
            outcome.provider_id,
            outcome.reason,
            outcome.cost if went_out else None,
        )
        if done == "UPDATE 1" and went_out and outcome.cost:
            await spend(db, claimed.situation.row["shop"], outcome.at, outcome.cost)
    return done == "UPDATE 1"


async def spend(db: Connection, shop: str, at: datetime, cost: Decimal) -> None:
    """Count what a message costs on its day."""
    await db.execute(
        "insert into spend as known (shop, day, amount) values ($1, $2, $3)"
        " on conflict (shop, day) do update set amount = known.amount + excluded.amount",
        shop,
        at.astimezone(UTC).date(),
        cost,
    )
