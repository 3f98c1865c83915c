"""Sends of which nobody can say whether they went out: which they are, and what their provider's books say of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from journeys.addresses import comparable
from journeys.facts import Channel
from journeys.imports import Suppression
from journeys.ledger import State
from storage import spending, suppressions

if TYPE_CHECKING:
    from storage.database import Pool

LOST_AFTER = timedelta(hours=1)
"""A claim that nobody holds any more, as its journey is over, has been given up by then: a call takes 10 s."""
ASK_AFTER = timedelta(minutes=2)
"""Most receipts have come by then."""
ASK_AGAIN = timedelta(hours=1)
ASKED_FOR = timedelta(hours=48)
"""Infobip's logs go back as far (https://www.infobip.com/docs/api/channels/sms/logs-and-status-reports)."""
_SLACK = timedelta(minutes=1)
"""Between our clock and the provider's."""


@dataclass(frozen=True)
class UnknownSend:
    """A row of the ledger that is unknown, and when its provider may have been called."""

    journey: str
    slot: str
    number: int
    send_id: str
    shop: str
    channel: Channel
    provider: str
    address: str
    since: datetime
    until: datetime
    others: frozenset[str]


async def give_up_lost(pool: Pool, now: datetime) -> int:
    """Call unknown what was claimed by a worker that is gone, in a journey that claims nothing any more; tell how many.

    While a journey runs, its own next try takes the claim over.
    """
    done = await pool.fetch(
        "update sends s set state = 'unknown', sent_at = s.decided_at, attempt = null,"
        " reason = 'the worker was lost while it called the provider'"
        " where state = 'claimed' and decided_at < $1"
        " and not exists (select from journeys j where j.id = s.journey and j.status <> 'ended') returning true",
        now - LOST_AFTER,
    )
    return len(done)


async def to_look_up(pool: Pool, now: datetime, limit: int) -> list[UnknownSend]:
    """Give the unknown sends to ask for, those first that were not asked for the longest."""
    rows = await pool.fetch(
        "select journey, step as slot, try as number, send_id, shop, channel, provider, address,"
        " decided_at as since, greatest(sent_at, decided_at) as until,"
        " array(select o.provider_id from sends o where o.shop = s.shop and o.address = s.address"
        "  and o.provider = s.provider and o.provider_id is not null) as others"
        " from sends s where state = 'unknown' and provider is not null and address is not null"
        " and decided_at between $1 and $2 and (looked_up_at is null or looked_up_at < $3)"
        " order by looked_up_at nulls first, decided_at limit $4",
        now - ASKED_FOR,
        now - ASK_AFTER,
        now - ASK_AGAIN,
        limit,
    )
    return [
        UnknownSend(
            **{
                **row,
                "channel": Channel(row["channel"]),
                "since": row["since"] - _SLACK,
                "until": row["until"] + _SLACK,
                "others": frozenset(row["others"]),
            }
        )
        for row in rows
    ]


async def note_looked_up(pool: Pool, send: UnknownSend, now: datetime) -> None:
    """Note that a send was asked for, whatever came of it."""
    await pool.execute(
        "update sends set looked_up_at = $4 where journey = $1 and step = $2 and try = $3",
        send.journey,
        send.slot,
        send.number,
        now,
    )


async def accept(pool: Pool, send: UnknownSend, provider_id: str | None) -> bool:
    """Write that the provider took it; tell whether nothing had said so before."""
    done = await pool.execute(
        "update sends set state = $4, provider_id = coalesce(provider_id, $5), reason = 'found at the provider'"
        " where journey = $1 and step = $2 and try = $3 and state = 'unknown'",
        send.journey,
        send.slot,
        send.number,
        State.ACCEPTED,
        provider_id,
    )
    return done == "UPDATE 1"


async def reject(pool: Pool, send: UnknownSend, reason: str, now: datetime, *, suppress: bool) -> bool:
    """Write that the provider refused it for good; tell whether nothing else was known by then.

    Args:
        pool: Postgres.
        send: the row.
        reason: the provider's.
        now: the moment.
        suppress: whether nothing will ever reach the address.

    """
    async with pool.acquire() as db, db.transaction():
        was = await db.fetchrow(
            "select cost, decided_at from sends where journey = $1 and step = $2 and try = $3 and state = 'unknown'"
            " for update",
            send.journey,
            send.slot,
            send.number,
        )
        if was is None:
            return False
        await db.execute(
            "update sends set state = $4, sent_at = null, reason = $5, cost = null"
            " where journey = $1 and step = $2 and try = $3",
            send.journey,
            send.slot,
            send.number,
            State.REJECTED,
            reason,
        )
        if was["cost"]:
            await spending.spend(db, send.shop, was["decided_at"], -was["cost"])
        if suppress:
            medium = send.channel.medium
            told = Suppression(medium, comparable(medium, send.address), reason, now)
            await suppressions.add(db, send.shop, told, now)
    return True


async def of_the_last_day(pool: Pool) -> int:
    """Count the sends of the last 24 hours of which nobody can say yet whether they went out."""
    count: int = await pool.fetchval(
        "select count(*) from sends where state = 'unknown' and decided_at > now() - interval '1 day'"
    )
    return count
