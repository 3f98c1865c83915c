"""RFM: how a customer's recency, frequency and spending stand among those of the shop, from 1 to 5, 5 best.

Each score is a quintile. Four edges divide the customers of a shop, put in order, into fifths; a score tells how many
of the edges lie below a person's value. So equal values have equal scores, that of the lowest of them: where half of
all ordered once, all of these have a 1, and nobody has a 2. With fewer than five customers there are no fifths, and no
scores.

Money is compared within a currency: that of the person's newest order, of which what they spent in it counts. Whoever
spends in one in which fewer than five do has nobody to be compared with, and a 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

LEAST = 5
"""Fewer customers than this make no fifths."""
UNCOMPARED = 3

Score = Annotated[int, Field(ge=1, le=5)]
_Value = TypeVar("_Value", datetime, int, Decimal)


class Rfm(BaseModel):
    """The three scores of a customer."""

    model_config = ConfigDict(frozen=True)

    r: Score
    f: Score
    m: Score

    def __str__(self) -> str:
        """Write them the way people say them: ``555``."""
        return f"{self.r}{self.f}{self.m}"


class Edges(BaseModel):
    """What divides the customers of a shop into fifths: the highest value of each of the lower four.

    Attributes:
        r: moments of last orders.
        f: numbers of orders.
        m: by currency, what was spent; an empty name for orders that told none.

    """

    model_config = ConfigDict(frozen=True)

    r: tuple[datetime, ...]
    f: tuple[int, ...]
    m: dict[str, tuple[Decimal, ...]] = {}


def score(value: _Value, edges: Sequence[_Value]) -> int:
    """Tell in which fifth a value lies."""
    return 1 + sum(value > edge for edge in edges)


def scores(orders: Sequence[datetime], spent: Decimal, currency: str, edges: Edges | None) -> Rfm | None:
    """Score a customer.

    Args:
        orders: when they ordered.
        spent: what they spent in the currency of their newest order.
        currency: that one; empty where it is not known.
        edges: the shop's; None while it has fewer than five customers.

    Returns:
        None for whoever has not ordered, and where there are no edges.

    """
    if not orders or edges is None:
        return None
    money = score(spent, edges.m[currency]) if currency in edges.m else UNCOMPARED
    return Rfm(r=score(max(orders), edges.r), f=score(len(orders), edges.f), m=money)
