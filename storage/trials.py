"""Trials in the ledger: messages to the shop's own addresses, which belong to no journey and to nobody."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.facts import Channel
from journeys.ledger import State

if TYPE_CHECKING:
    from storage.database import Pool


@dataclass(frozen=True)
class Row:
    """What is tried."""

    shop: str
    plan: str
    step: str
    channel: Channel
    provider: str
    address: str


async def claim(pool: Pool, send_id: str, row: Row, at: datetime) -> None:
    """Write down that the provider is about to be called."""
    await pool.execute(
        "insert into sends (send_id, journey, step, try, shop, customer_id, key, channel, state, decided_at, attempt,"
        " provider, address, plan, purpose)"
        " values ($1, 'test:' || $1, $2, 1, $3, '', '', $4, 'claimed', $5, $6, $7, $8, $9, 'transactional')",
        send_id,
        row.step,
        row.shop,
        row.channel,
        at,
        uuid.uuid4(),
        row.provider,
        row.address,
        row.plan,
    )


async def settle(
    pool: Pool, send_id: str, state: State, provider_id: str | None, reason: str | None, at: datetime
) -> None:
    """Write down what became of it."""
    await pool.execute(
        "update sends set state = $2, provider_id = $3, reason = $4, attempt = null,"
        " sent_at = case when $2 in ('accepted', 'unknown') then $5::timestamptz end"
        " where send_id = $1 and state = 'claimed'",
        send_id,
        state,
        provider_id,
        reason,
        at,
    )
