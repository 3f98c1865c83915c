"""Addresses that nothing is sent to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.addresses import comparable
from journeys.facts import Channel, Medium
from journeys.imports import Suppression
from journeys.returns import OPTED_OUT_THERE

if TYPE_CHECKING:
    from storage.database import Connection, Pool


async def opt_out(db: Pool | Connection, shop: str, medium: Medium, address: str, at: datetime) -> None:
    """Note that STOP came from an address: no marketing goes there, whoever it belongs to."""
    await db.execute(
        "insert into suppressions (shop, channel, address, reason, at, marketing_only)"
        " values ($1, $2, $3, $4, $5, true) on conflict do nothing",
        shop,
        medium,
        comparable(medium, address),
        "STOP",
        at,
    )


async def opt_in(db: Pool | Connection, shop: str, medium: Medium, address: str, _at: datetime) -> None:
    """Note that START came from an address. What is suppressed for another reason than STOP stays so."""
    await db.execute(
        "delete from suppressions where shop = $1 and channel = $2 and address = $3"
        " and (marketing_only or strpos(reason, $4) > 0)",
        shop,
        medium,
        comparable(medium, address),
        OPTED_OUT_THERE,
    )


async def add(db: Connection, shop: str, suppression: Suppression, now: datetime) -> bool:
    """Suppress an address; tell whether it is new. The oldest word on it is kept: it was suppressed from then on."""
    new: bool | None = await db.fetchval(
        "insert into suppressions as known (shop, channel, address, reason, at) values ($1, $2, $3, $4, $5)"
        " on conflict (shop, channel, address) do update"
        " set reason = excluded.reason, at = excluded.at, marketing_only = false"
        " where known.marketing_only or (excluded.at, excluded.reason) < (known.at, known.reason)"
        " returning xmax = 0",
        shop,
        suppression.channel,
        suppression.address,
        suppression.reason,
        suppression.at or now,
    )
    return bool(new)


async def among(
    db: Pool | Connection, shop: str, addresses: Mapping[Channel, str]
) -> tuple[frozenset[Channel], frozenset[Channel]]:
    """Tell for which channels nothing may go to the address, and for which no marketing.

    It is so for a medium: who stops SMS wants no MMS.
    """
    rows = await db.fetch(
        "select distinct channel, address, marketing_only from suppressions"
        " join unnest($2::text[], $3::text[]) as asked (channel, address) using (channel, address) where shop = $1",
        shop,
        [str(channel.medium) for channel in addresses],
        [comparable(channel.medium, address) for channel, address in addresses.items()],
    )
    found = {(row["channel"], row["address"]): row["marketing_only"] for row in rows}
    said = {c: found.get((c.medium, comparable(c.medium, address))) for c, address in addresses.items()}
    return frozenset(c for c, only in said.items() if only is False), frozenset(c for c, only in said.items() if only)
