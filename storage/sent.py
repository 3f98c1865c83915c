"""What was sent, or would have been, for people to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.explained import RuleAnswer

if TYPE_CHECKING:
    from storage.database import Connection, Pool


@dataclass(frozen=True)
class Kept:
    """A message that the sandbox kept."""

    address: str
    subject: str | None
    body: str


@dataclass(frozen=True)
class Row:
    """A row of the ledger, for people to read: with the message that the sandbox took, or what held it back."""

    step: str
    channel: str
    state: str
    reason: str | None
    decided_at: datetime
    delivered_at: datetime | None
    provider: str | None
    kept: Kept | None
    rules: list[RuleAnswer]


async def of_journey(db: Pool | Connection, journey: str) -> list[Row]:
    """List what a journey sent, or tried to."""
    rows = await db.fetch(
        "select s.step, s.channel, s.state, s.reason, s.decided_at, s.delivered_at, s.provider, s.rules,"
        " k.address, k.subject, k.body"
        " from sends s left join sandbox_messages k on k.send_id = s.send_id and s.provider = 'sandbox'"
        " where s.journey = $1 order by s.decided_at, s.step, s.try",
        journey,
    )
    return [
        Row(
            row["step"],
            row["channel"],
            row["state"],
            row["reason"],
            row["decided_at"],
            row["delivered_at"],
            row["provider"],
            Kept(row["address"], row["subject"], row["body"]) if row["body"] is not None else None,
            [RuleAnswer.model_validate(rule) for rule in row["rules"] or ()],
        )
        for row in rows
    ]


async def keep_in_sandbox(db: Pool, send_id: str, address: str, subject: str | None, body: str) -> None:
    """Keep what would be sent."""
    await db.execute(
        "insert into sandbox_messages (send_id, address, subject, body) values ($1, $2, $3, $4) on conflict do nothing",
        send_id,
        address,
        subject,
        body,
    )
