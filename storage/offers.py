"""Offers that were made: each with a code of its own, accepted once, until the deadline that the message printed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from journeys.offers import Offer

if TYPE_CHECKING:
    from storage.database import Connection, Pool
    from storage.journeys import Journey

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without I, O, 0 and 1, which people confuse."""
_CODE_LENGTH = 10


@dataclass(frozen=True)
class Made:
    """An offer that was made to somebody.

    Attributes:
        state: promised (a credit that waits for the order), issued, redeemed, or revoked with its journey.

    """

    code: str
    journey: str
    cart_id: str
    kind: str
    amount: Decimal | None
    currency: str | None
    product_id: str | None
    item: str | None
    deadline: datetime
    state: str
    made_at: datetime
    redeemed_by: str | None


_COLUMNS = ", ".join(Made.__dataclass_fields__)


async def of_step(db: Pool | Connection, journey: str, step: str) -> Made | None:
    """Read what a step offered."""
    row = await db.fetchrow(f"select {_COLUMNS} from offers where journey = $1 and step = $2", journey, step)  # noqa: S608 constant columns
    return Made(**row) if row else None


async def count_of(db: Pool | Connection, shop: str, customer: str) -> int:
    """Count the offers that a person was made in their life."""
    count: int = await db.fetchval("select count(*) from offers where shop = $1 and customer_id = $2", shop, customer)
    return count


async def move(db: Connection, made: Made, deadline: datetime) -> Made:
    """Let an offer live until another deadline: its message did not go out when it was made."""
    await db.execute(
        "update offers set deadline = $2 where code = $1 and journey = $3", made.code, deadline, made.journey
    )
    return replace(made, deadline=deadline)


async def revoke(db: Connection, journey: str) -> None:
    """Take back what a journey offered: it was cancelled. What is used already stays so."""
    await db.execute(
        "update offers set state = 'revoked' where journey = $1 and state in ('promised', 'issued')", journey
    )


def new_code() -> str:
    """Make a code that nobody guesses."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))


async def make(db: Connection, journey: Journey, step: str, offer: Offer, at: datetime, code: str) -> Made:
    """Make an offer for a step, in the claim's transaction, which holds the person."""
    promised = offer.kind == "next_order_credit"
    await db.execute(
        "insert into offers (shop, code, journey, step, customer_id, cart_id, kind, amount, currency, product_id, item,"
        " deadline, state, made_at, issued_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        journey.shop,
        code,
        journey.id,
        step,
        journey.customer_id,
        journey.cart_id,
        offer.kind,
        offer.amount,
        offer.currency,
        offer.product_id,
        offer.item,
        offer.deadline,
        "promised" if promised else "issued",
        at,
        None if promised else at,
    )
    made = await of_step(db, journey.id, step)
    assert made is not None  # noqa: S101 it was written just now, in this transaction
    return made


async def of_journey(db: Pool | Connection, journey: str) -> list[Made]:
    """List the offers that a journey made."""
    rows = await db.fetch(f"select {_COLUMNS} from offers where journey = $1 order by made_at", journey)  # noqa: S608 constant columns
    return [Made(**row) for row in rows]


async def of_customer(db: Pool | Connection, shop: str, customer: str, limit: int) -> list[Made]:
    """List the offers that a person was made, newest first."""
    rows = await db.fetch(
        f"select {_COLUMNS} from offers where shop = $1 and customer_id = $2 order by made_at desc limit $3",  # noqa: S608 constant columns
        shop,
        customer,
        limit,
    )
    return [Made(**row) for row in rows]


async def get(db: Pool | Connection, shop: str, code: str) -> Made | None:
    """Read an offer by its code."""
    row = await db.fetchrow(f"select {_COLUMNS} from offers where shop = $1 and code = $2", shop, code)  # noqa: S608 constant columns
    return Made(**row) if row else None


async def redeem(db: Pool, shop: str, code: str, order_id: str, at: datetime, cart_id: str | None = None) -> bool:
    """Accept a code once: tell whether it was accepted. The same order may ask again and hears the same.

    A code is good for the cart that it was made for, where it is said for which it is used; a credit for any.
    """
    done = await db.execute(
        "update offers set state = 'redeemed', redeemed_at = $4, redeemed_by = $3 where shop = $1 and code = $2"
        " and ((state = 'issued' and (deadline >= $4 or kind = 'next_order_credit')) or redeemed_by = $3)"
        " and ($5::text is null or cart_id = $5 or kind = 'next_order_credit')",
        shop,
        code,
        order_id,
        at,
        cart_id,
    )
    return done == "UPDATE 1"
