"""The ledger: one row for each try to reach a person for a step.

The claim passes the gate in the transaction that writes the row, under the locks that ingest takes as well. So an
order is either seen by the claim, or it comes after it.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from journeys.explained import RuleAnswer, objections
from journeys.facts import Channel, Purpose
from journeys.gate import Decision, decide
from journeys.ledger import OPEN_FOR_RETRY, State
from journeys.plan import Plan
from journeys.question import Mode, Refuse
from journeys.steps import Send
from storage import journeys, offering, offers, provider_health, reading, short_links, spending
from storage.holding import hold
from storage.offers import Made
from storage.situation import Situation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        code: of the short link in this message.
        reserved: what of the day's ceiling was reserved for it.
        repeated: an earlier attempt may have called the provider with the same id already. What the provider says now
            is no answer about that one, unless it accepts.
        provider: the name of the one that is to be called; None where there is none any more.
        since: the monotonic clock when the gate had said yes.

    """

    repeated: bool
    number: int
    provider: str | None
    attempt: uuid.UUID
    situation: Situation
    offer: Made | None
    since: float
    code: str
    reserved: Decimal


@dataclass(frozen=True)
class Refused:
    """The gate said no."""

    reason: str
    status: str


@dataclass(frozen=True)
class Deferred:
    """The gate said: not before ``until``."""

    reason: str
    until: datetime


@dataclass(frozen=True)
class Settled:
    """The slot has its send already, in this state."""

    state: State
    at: datetime


async def claim(
    pool: Pool,
    plan: Plan,
    wanted: Try,
    *,
    providers: Mapping[Mode, Sequence[str]],
    repeatable: frozenset[str],
) -> Claimed | Refused | Deferred | Settled:
    """Pass the gate and write the row, in one transaction.

    A row that an earlier attempt left ``claimed`` is taken over where it was claimed for a provider that would be
    called now, that provider recognises a repeated id, and the gate still allows it; otherwise nobody can say what
    became of it, and it is ``unknown``.

    Args:
        pool: Postgres.
        plan: the journey's plan.
        wanted: what the claim is for.
        providers: the names of the providers that each sending mode leads to, in the order in which they are called.
        repeatable: the names of those that recognise a repeated id.

    Raises:
        UnknownJourneyError: there is no such journey.
        CodeWantedError: the shop's API must be asked first; nothing is claimed.

    """
    async with pool.acquire() as db, db.transaction():
        journey = await hold(db, wanted.journey)
        standing = await _standing(db, wanted)
        found = await reading.situation(db, wanted.journey, plan, wanted.at)
        names = providers.get(found.mode, ())
        for channel in wanted.passed_over:
            decision = found.decide(plan, channel, wanted.deadline, wanted.step)
            await _note(db, journey, found.purpose(plan, channel, wanted.step), wanted, channel, decision)
        if standing:
            is_same = standing.provider in names and standing.provider in repeatable
            return await _take_over(db, plan, wanted, journey, found, standing, may_repeat=is_same)
        found, decision, reserved = await _ask(db, plan, wanted, found)
        purpose = found.purpose(plan, wanted.channel, wanted.step)
        await _note(db, journey, purpose, wanted, wanted.channel, decision)
        if isinstance(decision.verdict, Refuse):
            return Refused(decision.verdict.reason, found.row["status"])
        if decision.verdict is not None:
            return Deferred(decision.verdict.reason, decision.verdict.until)
        attempt = uuid.uuid4()
        provider = await _choose(db, wanted, journey, names)
        code = short_links.new_code()
        address = found.address(wanted.channel)
        row = _Row(wanted, wanted.channel, State.CLAIMED, None, attempt, provider, address, code, reserved or None)
        number = await _insert(db, journey, purpose, row)
        offer = await offering.make(db, journey, wanted.step, found)
        return Claimed(
            repeated=False,
            number=number,
            provider=provider,
            attempt=attempt,
            situation=found,
            offer=offer,
            since=time.monotonic(),
            code=code,
            reserved=reserved,
        )


async def _ask(db: Connection, plan: Plan, wanted: Try, found: Situation) -> tuple[Situation, Decision, Decimal]:
    """Ask the gate, and reserve what the message costs; where others have spent it meanwhile, read and ask anew."""
    while True:
        decision = found.decide(plan, wanted.channel, wanted.deadline, wanted.step)
        if not decision.allowed:
            return found, decision, Decimal(0)
        ceiling, price = found.policy.daily_ceiling, found.price(wanted.channel)
        purpose = found.purpose(plan, wanted.channel, wanted.step)
        if ceiling is None or price is None or purpose is Purpose.TRANSACTIONAL:
            return found, decision, Decimal(0)
        if await spending.reserve(db, found.row["shop"], wanted.at, price, ceiling):
            return found, decision, price
        found = await reading.situation(db, wanted.journey, plan, wanted.at)


async def _choose(db: Connection, wanted: Try, journey: Journey, names: Sequence[str]) -> str | None:
    """Choose the provider: the first that works and was not the last that provably did not send this."""
    down = await provider_health.down(db, journey.shop, wanted.channel, wanted.at)
    able = [name for name in names if name not in down] or names
    released_by = await db.fetchval(
        "select provider from sends where journey = $1 and step = $2 and channel = $3 and state = 'released'"
        " order by try desc limit 1",
        wanted.journey,
        wanted.slot,
        wanted.channel,
    )
    return next((name for name in able if name != released_by), able[0] if able else None)


@dataclass(frozen=True)
class _Standing:
    number: int
    state: State
    channel: Channel
    provider: str | None
    decided_at: datetime
    sent_at: datetime | None
    code: str | None
    cost: Decimal | None


async def _standing(db: Connection, wanted: Try) -> _Standing | None:
    # A call that is under way settles without the journey's locks: the row is held, or read as it was left.
    row = await db.fetchrow(
        "select try as number, state, channel, provider, decided_at, sent_at, code, cost from sends"
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
    # The row itself counts against the plan's limit and the caps; it must not refuse its own repetition.
    question = found.question(plan, wanted.channel, wanted.deadline, wanted.step)
    again = replace(question, at_most=None, sent=0, sent_alike=0, person=replace(question.person, sent=()))
    allowed = decide(again).allowed and standing.channel is wanted.channel
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
    # The message may have gone out already: its offer stays as it was printed.
    offer = await offers.of_step(db, journey.id, wanted.step.id)
    return Claimed(
        repeated=True,
        number=standing.number,
        provider=standing.provider,
        attempt=attempt,
        situation=found,
        offer=offer,
        since=time.monotonic(),
        code=standing.code or "",
        reserved=standing.cost or Decimal(0),
    )


async def _note(
    db: Connection, journey: Journey, purpose: Purpose, wanted: Try, channel: Channel, decision: Decision
) -> None:
    """Note what speaks against a channel, once for each reason. A paused journey will ask again: that is none."""
    if decision.allowed or journey.status == "paused":
        return
    if decision.later:
        await note_deferral(db, journey.id, wanted.slot, channel, wanted.at, decision)
        return
    noted = await db.fetchval(
        "select true from sends"
        " where journey = $1 and step = $2 and channel = $3 and state = 'refused' and reason = $4",
        wanted.journey,
        wanted.slot,
        channel,
        decision.reason,
    )
    if not noted:
        refused = _Row(wanted, channel, State.REFUSED, decision.reason, rules=objections(decision))
        await _insert(db, journey, purpose, refused)


async def note_deferral(
    db: Pool | Connection, journey: str, slot: str, channel: Channel, at: datetime, decision: Decision
) -> None:
    """Write into the journey's story until when a channel is held back, and why."""
    what = f"{slot} by {channel}: deferred until {decision.later:%Y-%m-%d %H:%M} UTC"
    await journeys.log(db, journey, at, what, decision.reason or "", objections(decision))


@dataclass(frozen=True)
class _Row:
    wanted: Try
    channel: Channel
    state: State
    reason: str | None
    attempt: uuid.UUID | None = None
    provider: str | None = None
    address: str | None = None
    code: str | None = None
    cost: Decimal | None = None
    rules: Sequence[RuleAnswer] = ()


async def _insert(db: Connection, journey: Journey, purpose: Purpose, row: _Row) -> int:
    number: int = await db.fetchval(
        "insert into sends (send_id, journey, step, try, shop, customer_id, key, channel, state, reason, decided_at,"
        " attempt, provider, address, plan, purpose, code, cost, rules)"
        " select $1, $2, $3, 1 + coalesce(max(try), 0), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,"
        " $18"
        " from sends where journey = $2 and step = $3 returning try",
        row.wanted.send_id,
        row.wanted.journey,
        row.wanted.slot,
        journey.shop,
        journey.customer_id,
        journey.key,
        row.channel,
        row.state,
        row.reason,
        row.wanted.at,
        row.attempt,
        row.provider,
        row.address,
        journey.plan,
        purpose,
        row.code,
        row.cost,
        [rule.model_dump(mode="json") for rule in row.rules],
    )
    return number
