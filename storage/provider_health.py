"""Which providers fail for everybody. One that does is not called for a while: a breaker, shared by all workers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from journeys.facts import Channel

if TYPE_CHECKING:
    from storage.database import Connection, Pool

OPENS_AFTER = 5
"""Failures one after the other, with no answer in between."""
FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=10)


async def down(db: Pool | Connection, shop: str, channel: Channel, at: datetime) -> frozenset[str]:
    """Name the providers of a shop's channel that are not called now."""
    rows = await db.fetch(
        "select provider from provider_health where shop = $1 and channel = $2 and open_until > $3", shop, channel, at
    )
    return frozenset(row["provider"] for row in rows)


async def answered(db: Pool | Connection, shop: str, channel: Channel, provider: str) -> None:
    """Note that a provider works."""
    await db.execute(
        "delete from provider_health where shop = $1 and channel = $2 and provider = $3", shop, channel, provider
    )


async def failed(db: Pool | Connection, shop: str, channel: Channel, provider: str, reason: str, at: datetime) -> None:
    """Note that a provider failed. From the fifth time on it rests: half a minute, then twice as long, up to ten."""
    await db.execute(
        "insert into provider_health as known (shop, channel, provider, failures, reason) values ($1, $2, $3, 1, $4)"
        " on conflict (shop, channel, provider) do update set failures = known.failures + 1, reason = excluded.reason,"
        " open_until = case when known.failures + 1 >= $6 then"
        " $5::timestamptz + least($7::interval * (2 ^ least(known.failures + 1 - $6, 10)), $8::interval) end",
        shop,
        channel,
        provider,
        reason,
        at,
        OPENS_AFTER,
        FIRST_REST,
        LONGEST_REST,
    )


async def all_down(db: Pool | Connection, at: datetime) -> list[str]:
    """Name the providers that rest, of whatever shop, for whoever watches the system."""
    rows = await db.fetch(
        "select distinct provider || ' (' || channel || ')' as name from provider_health"
        " where open_until > $1 order by name",
        at,
    )
    return [row["name"] for row in rows]
