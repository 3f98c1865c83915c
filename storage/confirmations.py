"""Answers to STOP, START and HELP: wanted when the word came, once in the ledger, in no journey."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from journeys.facts import Channel
from journeys.ledger import State
from journeys.words import Word
from storage import spending

if TYPE_CHECKING:
    from storage.database import Pool

AT_MOST = {Word.STOP: 1, Word.START: 1, Word.HELP: 3}
"""How often a channel answers each word of one address in 24 hours: CTIA's principles allow one answer to STOP."""
TOO_LATE = timedelta(hours=1)
"""An answer that comes later than that answers nothing."""
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Confirmation:
    """What is to be said to whom.

    Attributes:
        customer_id: who has the address; empty where nobody is known to.
        provider: the name of the one that heard the word.

    """

    send_id: str
    shop: str
    word: Word
    channel: Channel
    address: str
    customer_id: str
    provider: str
    language: str


@dataclass(frozen=True)
class Claimed:
    """The provider may be called now, by the holder of ``attempt`` alone."""

    confirmation: Confirmation
    attempt: uuid.UUID


async def want(pool: Pool, wanted: Confirmation) -> None:
    """Have a word answered; once, however often it is told."""
    await pool.execute(
        "insert into confirmations (send_id, shop, word, channel, address, customer_id, provider, language)"
        " select $1, $2, $3, $4, $5, $6, $7, $8"
        " where not exists (select from sends where send_id = $1) on conflict do nothing",
        wanted.send_id,
        wanted.shop,
        wanted.word,
        wanted.channel,
        wanted.address,
        wanted.customer_id,
        wanted.provider,
        wanted.language,
    )


async def waiting(pool: Pool, limit: int) -> list[Confirmation]:
    """Give what is to be answered, oldest first, and of no shop more than its share."""
    rows = await pool.fetch(_WAITING, limit)
    return [_read(row) for row in rows]


async def get(pool: Pool, send_id: str) -> Confirmation | None:
    """Read what is to be answered; None where it was."""
    row = await pool.fetchrow(f"select {_COLUMNS} from confirmations where send_id = $1", send_id)  # noqa: S608 constant columns
    return None if row is None else _read(row)


async def forget_late(pool: Pool) -> int:
    """Forget what is too late to be answered; tell how many."""
    done = await pool.execute("delete from confirmations where wanted_at < now() - $1::interval", TOO_LATE)
    return int(done.split()[-1])


async def forget(pool: Pool, send_id: str) -> None:
    """Forget what is not to be answered."""
    await pool.execute("delete from confirmations where send_id = $1", send_id)


async def claim(pool: Pool, send_id: str, provider: str) -> Claimed | None:
    """Write into the ledger that the provider is about to be called; None where there is nothing to answer any more.

    A row that an earlier attempt left ``claimed`` becomes ``unknown``: nobody can say what became of it.
    """
    async with pool.acquire() as db, db.transaction():
        row = await db.fetchrow(
            f"select {_COLUMNS} from confirmations where send_id = $1 for update",  # noqa: S608 constant columns
            send_id,
        )
        if row is None:
            return None
        wanted = _read(row)
        # Two words from one address must not both be the first.
        await db.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"{wanted.shop} {wanted.address}")
        await db.execute(
            "update sends set state = 'unknown', sent_at = decided_at, attempt = null,"
            " reason = 'the worker was lost while it called the provider' where send_id = $1 and state = 'claimed'",
            send_id,
        )
        answered = await db.fetchval(
            "select count(*) filter (where send_id = $1) > 0 or count(*) >= $5 from sends"
            " where shop = $2 and address = $3 and step = $4 and channel = $7 and starts_with(journey, 'reply:')"
            " and state not in ('released', 'rejected') and decided_at > now() - $6::interval",
            send_id,
            wanted.shop,
            wanted.address,
            wanted.word,
            AT_MOST[wanted.word],
            _DAY,
            wanted.channel,
        )
        if answered:
            await db.execute("delete from confirmations where send_id = $1", send_id)
            return None
        attempt = uuid.uuid4()
        await db.execute(
            "insert into sends (send_id, journey, step, try, shop, customer_id, key, channel, state, decided_at,"
            " attempt, provider, address, purpose)"
            " select $1, 'reply:' || $1, $2, 1 + coalesce(max(try), 0), $3, $4, '', $5, 'claimed', now(), $6, $7, $8,"
            " 'transactional' from sends where send_id = $1",
            send_id,
            wanted.word,
            wanted.shop,
            wanted.customer_id,
            wanted.channel,
            attempt,
            provider,
            wanted.address,
        )
        return Claimed(wanted, attempt)


async def settle(
    pool: Pool, claimed: Claimed, state: State, provider_id: str | None, reason: str | None, cost: Decimal | None
) -> None:
    """Write what became of the call. What was provably not processed is still to be answered."""
    went_out = state in {State.ACCEPTED, State.UNKNOWN}
    wanted, now = claimed.confirmation, datetime.now(UTC)
    async with pool.acquire() as db, db.transaction():
        done = await db.execute(
            "update sends set state = $3, provider_id = $4, reason = $5, sent_at = $6, cost = $7, attempt = null"
            " where send_id = $1 and attempt = $2 and state = 'claimed'",
            wanted.send_id,
            claimed.attempt,
            state,
            provider_id,
            reason,
            now if went_out else None,
            cost if went_out else None,
        )
        if done == "UPDATE 1" and went_out and cost:
            await spending.spend(db, wanted.shop, now, cost)
        if state is not State.RELEASED:
            await db.execute("delete from confirmations where send_id = $1", wanted.send_id)


_COLUMNS = ", ".join(Confirmation.__dataclass_fields__)
_WAITING = f"""
with placed as (select *, row_number() over (partition by shop order by wanted_at) as place from confirmations)
select {_COLUMNS} from placed order by place, wanted_at limit $1
"""  # noqa: S608 constant columns


def _read(row: object) -> Confirmation:
    found = dict(row)  # type: ignore[call-overload]
    return Confirmation(**{**found, "word": Word(found["word"]), "channel": Channel(found["channel"])})
