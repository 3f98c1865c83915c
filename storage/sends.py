"""The ledger: one row for each try to reach a person for a step.

The claim passes the gate in the transaction that writes the row, under the locks that ingest takes as well. So an
order is either seen by the claim, or it comes after it.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.facts import Channel
from journeys.gate import Mode, refusal
from journeys.ledger import OPEN_FOR_RETRY, State
from journeys.offers import choose
from journeys.plan import Plan
from journeys.steps import Send
from storage import offers, situation
from storage.holding import hold
from storage.offers import Made
from storage.situation import Situation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.database import Connection, Pool
    from storage.journeys import Journey

_OPEN = [str(state) for state in OPEN_FOR_RETRY]


@dataclass(frozen=True)
class Try:
    """What a claim is for.

    Attributes:
        slot: the step, or the step and the channel where a step sends on all its channels.
        passed_over: channels of the step that the journey passed over; their refusals are noted beside this try.
        send_id: our id for the provider, the same for every try of this slot and channel.

    """

    journey: str
    step: Send
    slot: str
    channel: Channel
    passed_over: tuple[Channel, ...]
    send_id: str
    at: datetime
    deadline: datetime | None


@dataclass(frozen=True)
class Claimed:
    """The provider may be called now, by the holder of ``attempt`` alone.

    Attributes:
        repeated: an earlier attempt may have called the provider with the same id already. What the provider says now
            is no answer about that one, unless it accepts.
        since: the monotonic clock when the gate had said yes.

    """

    repeated: bool
    number: int
    attempt: uuid.UUID
    situation: Situation
    offer: Made | None
    since: float


@dataclass(frozen=True)
class Refused:
    """The gate said no."""

    reason: str
    status: str


@dataclass(frozen=True)
class Settled:
    """The slot has its send already, in this state."""

    state: State
    at: datetime


async def claim(
    pool: Pool, plan: Plan, wanted: Try, *, providers: Mapping[Mode, str], repeatable: frozenset[str]
) -> Claimed | Refused | Settled:
    """Pass the gate and write the row, in one transaction.

    A row that an earlier attempt left ``claimed`` is taken over where it was claimed for the provider that would be
    called now, that provider recognises a repeated id, and the gate still allows it; otherwise nobody can say what
    became of it, and it is ``unknown``.

    Args:
        pool: Postgres.
        plan: the journey's plan.
        wanted: what the claim is for.
        providers: the name of the provider that each sending mode leads to, where there is one.
        repeatable: the names of those that recognise a repeated id.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    async with pool.acquire() as db, db.transaction():
        journey = await hold(db, wanted.journey)
        standing = await _standing(db, wanted)
        found = await situation.read(db, wanted.journey, wanted.at)
        for channel in wanted.passed_over:
            if reason := refusal(found.question(plan, channel, wanted.deadline)):
                await _refuse(db, journey, wanted, channel, reason)
        if standing:
            is_same = standing.provider == providers.get(found.mode) and standing.provider in repeatable
            return await _take_over(db, plan, wanted, journey, found, standing, may_repeat=is_same)
        if reason := refusal(found.question(plan, wanted.channel, wanted.deadline)):
            await _refuse(db, journey, wanted, wanted.channel, reason)
            return Refused(reason, found.row["status"])
        attempt = uuid.uuid4()
        provider = providers.get(found.mode)
        number = await _insert(db, journey, wanted, wanted.channel, State.CLAIMED, None, attempt, provider)
        offer = await _offer(db, wanted, journey, found)
        return Claimed(
            repeated=False, number=number, attempt=attempt, situation=found, offer=offer, since=time.monotonic()
        )


@dataclass(frozen=True)
class _Standing:
    number: int
    state: State
    channel: Channel
    provider: str | None
    decided_at: datetime
    sent_at: datetime | None


async def _standing(db: Connection, wanted: Try) -> _Standing | None:
    # A call that is under way settles without the journey's locks: the row is held, or read as it was left.
    row = await db.fetchrow(
        "select try as number, state, channel, provider, decided_at, sent_at from sends"
        " where journey = $1 and step = $2 and state <> all($3) for update",
        wanted.journey,
        wanted.slot,
        _OPEN,
    )
    if row is None:
        return None
    return _Standing(**{**row, "state": State(row["state"]), "channel": Channel(row["channel"])})


async def _take_over(
    db: Connection,
    plan: Plan,
    wanted: Try,
    journey: Journey,
    found: Situation,
    standing: _Standing,
    *,
    may_repeat: bool,
) -> Claimed | Settled:
    if standing.state is not State.CLAIMED:
        return Settled(standing.state, standing.sent_at or standing.decided_at)
    # The row itself counts against the plan's limit; it must not refuse its own repetition.
    question = replace(found.question(plan, wanted.channel, wanted.deadline), at_most=None)
    allowed = refusal(question) is None and standing.channel is wanted.channel
    if not (allowed and may_repeat):
        await db.execute(
            "update sends set state = 'unknown', sent_at = $4, attempt = null,"
            " reason = 'the worker was lost while it called the provider'"
            " where journey = $1 and step = $2 and try = $3",
            wanted.journey,
            wanted.slot,
            standing.number,
            wanted.at,
        )
        return Settled(State.UNKNOWN, wanted.at)
    attempt = uuid.uuid4()
    await db.execute(
        "update sends set attempt = $4 where journey = $1 and step = $2 and try = $3",
        wanted.journey,
        wanted.slot,
        standing.number,
        attempt,
    )
    offer = await _offer(db, wanted, journey, found)
    return Claimed(
        repeated=True, number=standing.number, attempt=attempt, situation=found, offer=offer, since=time.monotonic()
    )


async def _offer(db: Connection, wanted: Try, journey: Journey, found: Situation) -> Made | None:
    policy = wanted.step.send.offer
    if policy is None:
        return None
    offer = choose(policy, found.segments, found.cart, at=wanted.at)
    return await offers.make(db, journey, wanted.step.id, offer, wanted.at) if offer else None


async def _refuse(db: Connection, journey: Journey, wanted: Try, channel: Channel, reason: str) -> None:
    """Note a refusal, once for each channel and reason. A paused journey will ask again: that is none."""
    noted = await db.fetchval(
        "select true from sends"
        " where journey = $1 and step = $2 and channel = $3 and state = 'refused' and reason = $4",
        wanted.journey,
        wanted.slot,
        channel,
        reason,
    )
    if not noted and journey.status != "paused":
        await _insert(db, journey, wanted, channel, State.REFUSED, reason, None)


async def _insert(
    db: Connection,
    journey: Journey,
    wanted: Try,
    channel: Channel,
    state: State,
    reason: str | None,
    attempt: uuid.UUID | None,
    provider: str | None = None,
) -> int:
    number: int = await db.fetchval(
        "insert into sends (send_id, journey, step, try, shop, customer_id, key, channel, state, reason, decided_at,"
        " attempt, provider)"
        " select $1, $2, $3, 1 + coalesce(max(try), 0), $4, $5, $6, $7, $8, $9, $10, $11, $12 from sends"
        " where journey = $2 and step = $3 returning try",
        wanted.send_id,
        wanted.journey,
        wanted.slot,
        journey.shop,
        journey.customer_id,
        journey.key,
        channel,
        state,
        reason,
        wanted.at,
        attempt,
        provider,
    )
    return number


async def settle(
    db: Pool | Connection,
    wanted: Try,
    claimed: Claimed,
    state: State,
    *,
    at: datetime,
    provider: str,
    provider_id: str | None = None,
    reason: str | None = None,
) -> bool:
    """Write what became of a call; tell whether this attempt still holds the row."""
    done = await db.execute(
        "update sends set state = $5, sent_at = $6, provider = $7, provider_id = $8, reason = $9, attempt = null"
        " where journey = $1 and step = $2 and try = $3 and attempt = $4 and state = 'claimed'",
        wanted.journey,
        wanted.slot,
        claimed.number,
        claimed.attempt,
        state,
        at if state in {State.ACCEPTED, State.UNKNOWN} else None,
        provider,
        provider_id,
        reason,
    )
    return done == "UPDATE 1"
