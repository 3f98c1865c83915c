"""Offers that nobody is made: worth nothing, good for no time, fitting no cart, or behind one that fits each. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from journeys.conditions import Amounts
from journeys.currencies import no_currencies
from journeys.offers import FreeShipping, Incentive, ItemAmount, OfferPolicy
from journeys.plan import Plan


def never_made(plan: Plan) -> Iterator[str]:
    """Tell what can be offered to nobody, each in a sentence that names the step."""
    for step, policy in _offers(plan):
        if policy.valid_for == timedelta(0):
            yield f"step {step}: an offer that is valid_for 0s is over when it is made; write how long it is good"
        for where, incentive in _incentives(policy):
            yield from (f"step {step}: {where}: {problem}" for problem in _nothing(incentive))


def never_reached(plan: Plan) -> Iterator[str]:
    """Tell what is offered to nobody because something before it is, or because nobody may be made an offer."""
    for step, policy in _offers(plan):
        if policy.per_person == 0:
            yield f"step {step}: per_person: 0, so nobody is ever made its offer"
        if policy.margin_floor is not None:
            continue  # it may refuse the one before
        for segment, incentives in policy.by_segment.items():
            for place, incentive in enumerate(incentives):
                taken = next((n for n, other in enumerate(incentives[:place], 1) if _fits_too(other, incentive)), None)
                if taken is not None:
                    why = f"incentive {taken} fits each cart that it fits; put it before that, or take it out"
                    yield f"step {step}: {segment}: incentive {place + 1} is never offered: {why}"


def _offers(plan: Plan) -> Iterator[tuple[str, OfferPolicy]]:
    yield from ((step.id, step.send.offer) for step in plan.sends if step.send.offer is not None)


def _incentives(policy: OfferPolicy) -> Iterator[tuple[str, Incentive]]:
    for segment, incentives in policy.by_segment.items():
        yield from ((f"{segment}: incentive {number}", one) for number, one in enumerate(incentives, start=1))


def _nothing(incentive: Incentive) -> Iterator[str]:
    if isinstance(incentive, FreeShipping):
        yield from no_currencies("costs", incentive.costs)
        return
    yield from no_currencies("amount", incentive.amount)
    if not incentive.amount:
        yield "amount names no currency, so it fits no cart; write one such as {EUR: 5}"
    for currency, amount in incentive.amount.items():
        if amount == 0:
            yield f"amount: 0 {currency} is no offer; write what it is worth"
    if isinstance(incentive, ItemAmount):
        yield from no_currencies("from_price", incentive.from_price)
        if incentive.amount and incentive.amount.keys().isdisjoint(incentive.from_price):
            given = " and ".join(_list(amounts) for amounts in (incentive.amount, incentive.from_price))
            yield f"amount and from_price name no currency that is the same ({given}), so it fits no cart"


def _list(amounts: Amounts) -> str:
    return ", ".join(amounts) or "none"


def _fits_too(other: Incentive, incentive: Incentive) -> bool:
    """Tell whether one fits each cart that another fits."""
    if isinstance(incentive, FreeShipping):
        return isinstance(other, FreeShipping)
    found = [(_least(other, currency), _least(incentive, currency)) for currency in incentive.amount]
    asked = [(before, least) for before, least in found if least is not None]
    return bool(asked) and all(before is not None and before <= least for before, least in asked)


def _least(incentive: Incentive, currency: str) -> Decimal | None:
    """Give what the dearest item of a cart in a currency must cost; None where it fits no such cart."""
    if isinstance(incentive, FreeShipping):
        return Decimal(0)
    if currency not in incentive.amount:
        return None
    if not isinstance(incentive, ItemAmount):
        return Decimal(0)
    least = incentive.from_price.get(currency)
    return None if least is None else max(least, incentive.amount[currency])
