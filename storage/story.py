"""The story of a journey: what came in, what was decided and why, what was sent, what comes next."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel

from journeys.events import Name
from journeys.explained import RuleAnswer
from storage import offers, segments, sent
from storage.journeys import Journey

if TYPE_CHECKING:
    from storage.database import Pool


class Message(BaseModel):
    """What a person would have been sent, had the shop not been in sandbox mode."""

    to: str
    subject: str | None
    body: str


class Story(BaseModel):
    """One line. ``what`` happened ``at`` that time, and ``why``; ``kind`` tells where the line comes from.

    ``rules`` tells which of the sending rules held a message back then, each with its reason.
    """

    at: datetime
    kind: str
    what: str
    why: str | None = None
    message: Message | None = None
    rules: list[RuleAnswer] = []


async def tell(pool: Pool, journey: Journey) -> list[Story]:
    """Tell the story in the order of time; what comes next stands last."""
    lines = [*await _events(pool, journey), *await _decisions(pool, journey.id), *await _sends(pool, journey.id)]
    lines += await _offers(pool, journey.id)
    lines.sort(key=lambda line: line.at)
    return [*lines, *_next(journey)]


def _next(journey: Journey) -> list[Story]:
    if journey.next_at is None:
        return []
    if journey.paused_at is not None:
        left = max((journey.next_at - journey.paused_at).total_seconds(), 0)
        why = f"{timedelta(seconds=round(left))} left of step {journey.stage}"
        return [Story(at=journey.paused_at, kind="next", what="waits until it is resumed", why=why)]
    return [Story(at=journey.next_at, kind="next", what=f"goes on at step {journey.stage}")]


async def _events(pool: Pool, journey: Journey) -> list[Story]:
    rows = await pool.fetch(
        "select at, kind, name, cart_id, order_id,"
        " case when name = $6 and content -> 'from_backend' = 'true' then content -> 'properties' end as change"
        " from events where shop = $1 and"
        " (cart_id = $2 or (customer_id = $3 and at between $4 and coalesce($5::timestamptz, 'infinity'))) order by at",
        journey.shop,
        journey.cart_id,
        journey.customer_id,
        journey.started_at,
        journey.ended_at,
        Name.SEGMENT_CHANGED,
    )
    return [
        Story(
            at=row["at"],
            kind="event",
            what=row["name"],
            why=segments.told(row["change"]) if row["change"] else _about(row["cart_id"], row["order_id"]),
        )
        for row in rows
    ]


def _about(cart_id: str | None, order_id: str | None) -> str | None:
    return ", ".join(part for part in (cart_id and f"cart {cart_id}", order_id and f"order {order_id}") if part) or None


async def _decisions(pool: Pool, journey: str) -> list[Story]:
    rows = await pool.fetch("select at, what, why, rules from journey_log where journey = $1 order by at, seq", journey)
    return [
        Story(at=row["at"], kind="decision", what=row["what"], why=row["why"], rules=row["rules"] or []) for row in rows
    ]


async def _sends(pool: Pool, journey: str) -> list[Story]:
    rows = await sent.of_journey(pool, journey)
    arrived = [
        Story(at=row.delivered_at, kind="send", what=f"{row.step} by {row.channel}: delivered", why=row.provider)
        for row in rows
        if row.delivered_at is not None
    ]
    decided = [
        Story(
            at=row.decided_at,
            kind="send",
            what=f"{row.step} by {row.channel}: {row.state}",
            why=row.reason or row.provider,
            message=Message(to=row.kept.address, subject=row.kept.subject, body=row.kept.body) if row.kept else None,
            rules=row.rules,
        )
        for row in rows
    ]
    return [*decided, *arrived]


async def _offers(pool: Pool, journey: str) -> list[Story]:
    return [
        Story(
            at=made.made_at,
            kind="offer",
            what=f"{made.kind} {made.state}",
            why=f"code {made.code}, until {made.deadline:%Y-%m-%d %H:%M} UTC",
        )
        for made in await offers.of_journey(pool, journey)
    ]
