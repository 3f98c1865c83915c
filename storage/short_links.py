"""The short links in messages: each stands in one send, and leads to the cart that it was about."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from journeys.facts import Channel
from storage.returns import told_as

if TYPE_CHECKING:
    from storage.database import Pool

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 10
"""60 bits: nobody guesses one, and every character takes the place of one in an SMS."""


@dataclass(frozen=True)
class ShortLink:
    """What a code stands for.

    Attributes:
        cart_id: None for a message about no cart.
        person: the id by which an event tells of whom the message was sent to, by its name in an event.

    """

    send_id: str
    shop: str
    journey: str
    step: str
    channel: Channel
    cart_id: str | None
    person: dict[str, str]


def new_code() -> str:
    """Make the code of a message."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


async def find(pool: Pool, code: str) -> ShortLink | None:
    """Find what a code stands for."""
    row = await pool.fetchrow(
        "select s.send_id, s.shop, s.journey, s.step, s.channel, j.cart_id, c.customer_id, c.known"
        " from sends s join journeys j on j.id = s.journey"
        " join customers c on c.shop = s.shop and c.customer_id = s.customer_id where s.code = $1",
        code,
    )
    if row is None:
        return None
    return ShortLink(
        send_id=row["send_id"],
        shop=row["shop"],
        journey=row["journey"],
        step=row["step"],
        channel=Channel(row["channel"]),
        cart_id=row["cart_id"],
        person=told_as(row),
    )
