"""What became of a call, written into the ledger by the attempt that made it, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from journeys.ledger import State
from storage import spending
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
    cost = outcome.cost if went_out else None
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
            cost,
        )
        is_held = done == "UPDATE 1"
        if is_held or await _was_told_before(db, wanted, claimed, outcome):
            difference = (cost or Decimal(0)) - claimed.reserved
            if difference:
                await spending.spend(db, claimed.situation.row["shop"], wanted.at, difference)
    return is_held


async def _was_told_before(db: Connection, wanted: Try, claimed: Claimed, outcome: Outcome) -> bool:
    """Add what only the call's own answer tells to a row that a receipt has accepted meanwhile; tell whether it has."""
    if outcome.state is not State.ACCEPTED:
        return False
    done = await db.execute(
        "update sends set provider = $4, provider_id = $5, cost = coalesce(cost, $6)"
        " where journey = $1 and step = $2 and try = $3 and state = 'accepted' and provider_id is null",
        wanted.journey,
        wanted.slot,
        claimed.number,
        outcome.provider,
        outcome.provider_id,
        outcome.cost,
    )
    return done == "UPDATE 1"
