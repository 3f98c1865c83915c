"""Codes that a shop's own API gives: each is asked for by one step, and kept for it until it is sent or taken back.

The row is written before the API is called, and a journey that is over asks for nothing: so whoever cancels a journey
finds every code that may have been made for it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg

from journeys.offers import MOST_TRIES, Offer

if TYPE_CHECKING:
    from storage.database import Connection, Pool
    from storage.journeys import Journey

_NO_ANSWER = "it did not answer"


@dataclass(frozen=True)
class ShopCode:
    """What a step asks the shop's API for, and what came of it.

    Attributes:
        code_id: our id, by which the shop's API knows it.
        offer: what was asked for first; every repetition asks for the same.
        code: what was given; None for nothing yet.
        deadline: until when the code lives, as the shop's API has agreed.
        tries: calls since the last one that was answered well.
        problem: what was wrong with the last.

    """

    code_id: str
    shop: str
    journey: str
    step: str
    offer: Offer
    code: str | None
    deadline: datetime | None
    tries: int
    problem: str | None


@dataclass(frozen=True)
class Revocation:
    """A code that the shop's API is to take back; it may be one whose answer was lost.

    Attributes:
        tell_at: when it was due.

    """

    code_id: str
    shop: str
    code: str | None
    tell_at: datetime


_COLUMNS = ", ".join(ShopCode.__dataclass_fields__)
_BEGIN = f"""
insert into shop_codes (code_id, shop, journey, step, offer, tries, problem)
select $1, shop, id, $3, $4, 1, $5 from journeys where id = $2 and status <> 'ended' for share
    on conflict (journey, step) do update
   set tries = shop_codes.tries + 1, problem = excluded.problem, asked_at = now()
returning {_COLUMNS}
"""  # noqa: S608 constant columns


async def of_step(db: Pool | Connection, journey: str, step: str) -> ShopCode | None:
    """Read what a step asks for; None where it has asked for nothing."""
    row = await db.fetchrow(f"select {_COLUMNS} from shop_codes where journey = $1 and step = $2", journey, step)  # noqa: S608 constant columns
    return None if row is None else _read(dict(row))


async def begin(db: Pool | Connection, journey: Journey, step: str, offer: Offer) -> ShopCode | None:
    """Write down that the shop's API is about to be called; None where the journey is over.

    Whoever ends the journey holds its row: so this comes before the end, or does nothing.
    """
    row = await db.fetchrow(
        _BEGIN,
        _id(journey.id, step),
        journey.id,
        step,
        offer.model_dump(mode="json"),
        _NO_ANSWER,
    )
    return None if row is None else _read(dict(row))


async def keep(db: Pool | Connection, wanted: ShopCode, code: str) -> bool:
    """Keep the code that was given; tell whether it may be used: nobody else of the shop has it.

    Where the step has a code already, that one stays. A journey that was cancelled meanwhile takes its code back.
    """
    try:
        done = await db.execute(
            "update shop_codes set code = $2, deadline = $3, tries = 0, problem = null,"
            " tell_at = case when revoked_at is null then null else now() end"
            " where code_id = $1 and code is null"
            " and not exists (select from offers o where o.shop = shop_codes.shop and o.code = $2)"
            " and not exists (select from offer_codes p where p.shop = shop_codes.shop and p.code = $2)",
            wanted.code_id,
            code,
            wanted.offer.deadline,
        )
    except asyncpg.UniqueViolationError:
        return False
    return done == "UPDATE 1" or await db.fetchval(
        "select code is not null from shop_codes where code_id = $1", wanted.code_id
    )


async def move(db: Pool | Connection, wanted: ShopCode, deadline: datetime) -> None:
    """Note that the shop's API has agreed to a later deadline."""
    await db.execute(
        "update shop_codes set deadline = greatest(deadline, $2), tries = 0, problem = null where code_id = $1",
        wanted.code_id,
        deadline,
    )


async def fail(db: Pool | Connection, wanted: ShopCode, problem: str) -> None:
    """Note what was wrong with the last call."""
    await db.execute("update shop_codes set problem = $2 where code_id = $1", wanted.code_id, problem)


async def give_up(db: Pool | Connection, wanted: ShopCode, problem: str) -> None:
    """Ask no more for this step."""
    await db.execute(
        "update shop_codes set problem = $2, tries = greatest(tries, $3) where code_id = $1",
        wanted.code_id,
        problem,
        MOST_TRIES,
    )


async def take_back(db: Connection, journey: str) -> None:
    """Have the shop's API told that a journey was cancelled. What is used already stays so.

    It is told when no call that gives a code can be under way any more: else that one might come last.
    """
    await db.execute(
        "update shop_codes set revoked_at = now(), tell_at = greatest(now(), asked_at + interval '1 minute')"
        " where journey = $1 and revoked_at is null and not exists ("
        " select from offers o where (o.shop, o.code) = (shop_codes.shop, shop_codes.code) and o.state = 'redeemed')",
        journey,
    )


async def to_revoke(db: Pool | Connection, limit: int) -> list[Revocation]:
    """Give what the shops' APIs are to be told now, of no shop more than its share.

    A shop in sandbox mode is told when it leaves that.
    """
    rows = await db.fetch(
        "with placed as ("
        " select code_id, shop, code, tell_at, row_number() over (partition by shop order by tell_at) as place"
        "   from shop_codes join shops using (shop) join endpoints using (shop)"
        "  where kind = 'offer_api' and tell_at <= now() and mode <> 'sandbox')"
        " select code_id, shop, code, tell_at from placed order by place, tell_at limit $1",
        limit,
    )
    return [Revocation(**row) for row in rows]


async def told(db: Pool | Connection, revocation: Revocation) -> None:
    """Note that the shop's API has heard it."""
    await db.execute(
        "update shop_codes set tell_at = null where code_id = $1 and tell_at = $2",
        revocation.code_id,
        revocation.tell_at,
    )


async def tell_later(db: Pool | Connection, revocation: Revocation) -> None:
    """Let others of the shop go first: this one was not heard."""
    await db.execute(
        "update shop_codes set tell_at = now() + interval '5 minutes' where code_id = $1 and tell_at = $2",
        revocation.code_id,
        revocation.tell_at,
    )


def _id(journey: str, step: str) -> str:
    return hashlib.sha256(f"{journey}\0{step}\0code".encode()).hexdigest()[:32]


def _read(row: dict[str, Any]) -> ShopCode:
    return ShopCode(**{**row, "offer": Offer.model_validate(row["offer"])})
