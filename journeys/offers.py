"""Offers: who is given what, and until when. A policy, not a promise: it may give nothing, and says why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
    """This cart is shipped for nothing. ``costs`` is what that takes from the margin."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["free_shipping"]
    costs: Amounts = {}


class NextOrderCredit(BaseModel):
    """A credit for the next order. It is issued when this cart is ordered before the deadline, not before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["next_order_credit"]
    amount: Amounts


PoolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""A code of the shop's own."""

ASK_AGAIN_AFTER = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2))
"""How long after each try that failed the shop's API is asked again for a code."""
MOST_TRIES = len(ASK_AGAIN_AFTER) + 1
"""After so many the message goes out without an offer: it is worth more in time than with one."""


class PoolCodes(BaseModel):
    """Codes that the shop told beforehand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pool: PoolName


Percent = Annotated[int, Field(ge=0, le=100)]

Incentive = Annotated[ItemAmount | FreeShipping | NextOrderCredit, Field(discriminator="kind")]


class OfferPolicy(BaseModel):
    """Which incentives a step may offer, by segment; the first that fits the cart is taken.

    Attributes:
        valid_for: how long an offer lives after it was made; the message prints the deadline.
        by_segment: a segment with an empty list, or with none, is offered nothing. Serial abandoner counts before the
            rest: who leaves carts to be paid for coming back is given nothing, unless there is a list for them.
        margin_floor: how much of what the person pays must be left as margin, in percent; None for no floor.
        assumed_margin: the margin of items of which the shop tells no cost, in percent of their price.
        per_person: how many offers one person is made at most, over all journeys; None for any number.
        codes: where an offer's code comes from: Relance makes it, the shop's own API gives it, or it is taken from a
            pool that the shop fills.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    valid_for: Duration
    by_segment: dict[Segment, list[Incentive]]
    margin_floor: Percent | None = None
    assumed_margin: Percent | None = None
    per_person: Annotated[int, Field(ge=0)] | None = None
    codes: Literal["relance", "shop"] | PoolCodes = "relance"

    @model_validator(mode="before")
    @classmethod
    def _pool_of_old(cls, given: Any) -> Any:
        """Read ``pool: spring``, as plans that are published already say it."""
        if not isinstance(given, dict) or "pool" not in given:
            return given
        pool = given["pool"]
        rest = {name: value for name, value in given.items() if name != "pool"}
        if pool is None:
            return rest
        if "codes" in rest:
            raise ValueError("say where codes come from once: in 'codes' or in 'pool'")
        return {**rest, "codes": {"pool": pool}}


class Offer(BaseModel):
    """What is offered to one person for one cart."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["item_amount", "free_shipping", "next_order_credit"]
    amount: Decimal | None = None
    currency: str | None = None
    product_id: str | None = None
    item: str | None = None
    deadline: datetime


@dataclass(frozen=True)
class NoOffer:
    """Nothing is offered, and why."""

    reason: str


def choose(
    policy: OfferPolicy, segments: tuple[Segment, ...], cart: Cart, *, made_before: int, at: datetime
) -> Offer | NoOffer:
    """Pick the offer for a person and a cart.

    Args:
        policy: the plan's.
        segments: what kind of buyer the person is.
        cart: what lies in it.
        made_before: how many offers the person was made in their life.
        at: when it is made.

    """
    if policy.per_person is not None and made_before >= policy.per_person:
        return NoOffer(f"was made {made_before} offers before, and the plan allows {policy.per_person}")
    segment = _counting(policy, segments)
    incentives = policy.by_segment.get(segment, []) if segment else []
    if not incentives:
        return NoOffer(f"the plan offers nothing to a {segment or 'person like this'}".replace("_", " "))
    refused = "no offer fits the cart"
    for incentive in incentives:
        offer = _fit(incentive, cart, at + policy.valid_for)
        if offer is None:
            continue
        if _keeps_the_floor(policy, cart, _costs(incentive, offer, cart)):
            return offer
        refused = f"the margin would fall below {policy.margin_floor} %"
    return NoOffer(refused)


def _counting(policy: OfferPolicy, segments: tuple[Segment, ...]) -> Segment | None:
    if Segment.SERIAL_ABANDONER in segments:
        return Segment.SERIAL_ABANDONER
    return next((segment for segment in policy.by_segment if segment in segments), None)


def _costs(incentive: Incentive, offer: Offer, cart: Cart) -> Decimal:
    """Tell what an offer takes from the margin of the cart that it is made for."""
    if isinstance(incentive, FreeShipping):
        return incentive.costs.get(cart.currency or "", Decimal(0))
    return offer.amount or Decimal(0)


def _keeps_the_floor(policy: OfferPolicy, cart: Cart, costs: Decimal) -> bool:
    """Tell whether enough is left of what the person pays. A margin that is not known keeps no floor."""
    if policy.margin_floor is None:
        return True
    margin = -cart.discount - costs
    for item in cart.items:
        each = item.price - item.cost if item.cost is not None else _assumed(policy, item)
        if each is None:
            return False
        margin += each * item.quantity
    return margin >= (cart.value - costs) * policy.margin_floor / 100


def _assumed(policy: OfferPolicy, item: Item) -> Decimal | None:
    return None if policy.assumed_margin is None else item.price * policy.assumed_margin / 100


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
    least = max(incentive.from_price.get(currency, Decimal("Infinity")), amount)
    if item is None or item.price < least:
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
