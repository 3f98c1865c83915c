"""Journeys as Postgres knows them: the truth about status, stage, outcome and next moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from storage import offers, shop_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from journeys.explained import RuleAnswer
    from storage.database import Connection, Pool


class UnknownJourneyError(LookupError):
    """There is no such journey."""


@dataclass(frozen=True)
class Journey:
    """One row.

    Attributes:
        id: shows the key as anybody may see it.
        key: what the journey is about, as the shop names it.
        cart_id: the same, where that is a cart.

    """

    id: str
    shop: str
    plan: str
    plan_version: int
    customer_id: str
    key: str
    entry: int
    cart_id: str | None
    held_out: bool
    status: str
    stage: str | None
    outcome: str | None
    reason: str | None
    started_at: datetime
    ended_at: datetime | None
    paused_at: datetime | None
    next_at: datetime | None
    first_due: datetime


_COLUMNS = ", ".join(Journey.__dataclass_fields__)


async def get(db: Pool | Connection, journey: str) -> Journey:
    """Read one journey.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    if (found := await find(db, journey)) is None:
        raise UnknownJourneyError(journey)
    return found


async def find(db: Pool | Connection, journey: str) -> Journey | None:
    """Read one journey, or None where there is none."""
    row = await db.fetchrow(f"select {_COLUMNS} from journeys where id = $1", journey)  # noqa: S608 constant columns
    return Journey(**row) if row else None


async def page(
    db: Pool,
    shop: str,
    *,
    plan: str | None,
    customer: str | None,
    key: str | None,
    status: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Journey]:
    """List journeys, newest first, from a place in the list onwards."""
    rows = await db.fetch(
        f"select {_COLUMNS} from journeys where shop = $1"  # noqa: S608 constant columns
        " and ($2::text is null or plan = $2) and ($3::text is null or customer_id = $3)"
        " and ($4::text is null or key = $4) and ($5::text is null or status = $5)"
        " and ($6::timestamptz is null or (started_at, id) < ($6, $7::text))"
        " order by started_at desc, id desc limit $8",
        shop,
        plan,
        customer,
        key,
        status,
        before[0] if before else None,
        before[1] if before else None,
        limit,
    )
    return [Journey(**row) for row in rows]


async def open_of(db: Pool | Connection, shop: str, customer: str) -> list[Journey]:
    """List a person's journeys that have not ended, newest first."""
    rows = await db.fetch(
        f"select {_COLUMNS} from journeys where shop = $1 and customer_id = $2 and status <> 'ended'"  # noqa: S608 constant columns
        " order by started_at desc, id desc",
        shop,
        customer,
    )
    return [Journey(**row) for row in rows]


async def lock(db: Connection, journey: str) -> None:
    """Lock a journey's row until the transaction ends. Lock its person and its cart first."""
    await db.execute("select from journeys where id = $1 for update", journey)


async def stand(db: Connection, journey: str, stage: str | None, next_at: datetime) -> None:
    """Note where a running journey stands and when it is next due."""
    await db.execute(
        "update journeys set stage = $2, next_at = $3 where id = $1 and status = 'running'", journey, stage, next_at
    )


async def end(db: Connection, journey: str, outcome: str, reason: str, at: datetime) -> bool:
    """End a journey that has not ended; tell whether it had not."""
    done = await db.execute(
        "update journeys set status = 'ended', outcome = $2, reason = $3, ended_at = greatest($4, started_at),"
        " next_at = null, paused_at = null where id = $1 and status <> 'ended'",
        journey,
        outcome,
        reason,
        at,
    )
    if done == "UPDATE 0":
        return False
    await log(db, journey, at, f"ended: {outcome}", reason)
    if outcome == "cancelled":
        await offers.revoke(db, journey)
        await shop_codes.take_back(db, journey)
    return True


async def explain(db: Connection, journey: str, reason: str) -> None:
    """Keep the words of whoever ended a journey, here and in its story."""
    await db.execute("update journeys set reason = $2 where id = $1", journey, reason)
    await db.execute("update journey_log set why = $2 where journey = $1 and what like 'ended: %'", journey, reason)


async def migrate(db: Connection, journey: str, version: int, stage: str, at: datetime) -> None:
    """Let a journey go on in another version of its plan, at a step of it; it looks at once."""
    await db.execute(
        "update journeys set plan_version = $2, stage = $3,"
        " next_at = case when status = 'running' then $4 else next_at end where id = $1",
        journey,
        version,
        stage,
        at,
    )


async def log(
    db: Pool | Connection, journey: str, at: datetime, what: str, why: str, rules: Sequence[RuleAnswer] = ()
) -> None:
    """Write a line of the journey's story, with the rules it rests on; the same line is written once."""
    await db.execute(
        "insert into journey_log (journey, at, what, why, rules) values ($1, $2, $3, $4, $5) on conflict do nothing",
        journey,
        at,
        what,
        why,
        [rule.model_dump(mode="json") for rule in rules],
    )
