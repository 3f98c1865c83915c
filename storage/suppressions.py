"""Addresses that nothing is sent to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.addresses import comparable
from journeys.facts import Channel
from journeys.imports import Suppression

if TYPE_CHECKING:
    from storage.database import Connection, Pool


async def add(db: Connection, shop: str, suppression: Suppression, now: datetime) -> bool:
    """Suppress an address; tell whether it is new. The oldest word on it is kept: it was suppressed from then on."""
    new: bool | None = await db.fetchval(
        "insert into suppressions as known (shop, channel, address, reason, at) values ($1, $2, $3, $4, $5)"
        " on conflict (shop, channel, address) do update set reason = excluded.reason, at = excluded.at"
        " where (excluded.at, excluded.reason) < (known.at, known.reason)"
        " returning xmax = 0",
        shop,
        suppression.channel,
        suppression.address,
        suppression.reason,
        suppression.at or now,
    )
    return bool(new)


async def among(db: Pool | Connection, shop: str, addresses: Mapping[Channel, str]) -> frozenset[Channel]:
    """Tell for which channels the address is suppressed."""
    rows = await db.fetch(
        "select channel from suppressions join unnest($2::text[], $3::text[]) as asked (channel, address)"
        " using (channel, address) where shop = $1",
        shop,
        [str(channel) for channel in addresses],
        [comparable(channel, address) for channel, address in addresses.items()],
    )
    return frozenset(Channel(row["channel"]) for row in rows)
