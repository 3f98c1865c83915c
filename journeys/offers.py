"""Offers: who is given what, and until when. A policy, not a promise: it may give nothing, and says why."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from journeys.cart import Cart, Item
from journeys.conditions import Amounts
from journeys.durations import Duration
from journeys.facts import Segment


class ItemAmount(BaseModel):
    """An amount off the dearest item of the cart, if it costs at least ``from_price``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["item_amount"]
    amount: Amounts
    from_price: Amounts


class FreeShipping(BaseModel):
    """This cart is shipped for nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["free_shipping"]


class NextOrderCredit(BaseModel):
    """A credit for the next order. It is issued when this cart is ordered before the deadline, not before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["next_order_credit"]
    amount: Amounts


Incentive = Annotated[ItemAmount | FreeShipping | NextOrderCredit, Field(discriminator="kind")]


class OfferPolicy(BaseModel):
    """Which incentives a step may offer, by segment; the first that fits the cart is taken.

    Attributes:
        valid_for: how long an offer lives after it was made; the message prints the deadline.
        by_segment: a segment with an empty list is offered nothing. Serial abandoner counts before the rest.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    valid_for: Duration
    by_segment: dict[Segment, list[Incentive]]


class Offer(BaseModel):
    """What is offered to one person for one cart."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["item_amount", "free_shipping", "next_order_credit"]
    amount: Decimal | None = None
    currency: str | None = None
    product_id: str | None = None
    item: str | None = None
    deadline: datetime


def choose(policy: OfferPolicy, segments: tuple[Segment, ...], cart: Cart, *, at: datetime) -> Offer | None:
    """Pick the offer for a person and a cart, or None where the policy gives nothing."""
    segment = next((s for s in reversed(Segment) if s in segments and s in policy.by_segment), None)
    if segment is None:
        return None
    deadline = at + policy.valid_for
    for incentive in policy.by_segment[segment]:
        if offer := _fit(incentive, cart, deadline):
            return offer
    return None


def _fit(incentive: Incentive, cart: Cart, deadline: datetime) -> Offer | None:
    if isinstance(incentive, FreeShipping):
        return Offer(kind="free_shipping", deadline=deadline)
    currency = cart.currency or ""
    amount = incentive.amount.get(currency)
    if amount is None:
        return None
    if isinstance(incentive, NextOrderCredit):
        return Offer(kind="next_order_credit", amount=amount, currency=currency, deadline=deadline)
    item = _dearest(cart.items)
    if item is None or item.price < incentive.from_price.get(currency, Decimal("Infinity")):
        return None
    return Offer(
        kind="item_amount",
        amount=amount,
        currency=currency,
        product_id=item.product_id,
        item=item.name or item.product_id,
        deadline=deadline,
    )


def _dearest(items: tuple[Item, ...]) -> Item | None:
    return max(items, key=lambda i: (i.price, i.product_id), default=None)
