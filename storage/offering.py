"""The offer of a claim: chosen, given a code and bound to the cart, in the claim's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from journeys.offers import MOST_TRIES, NoOffer, Offer, OfferPolicy, PoolCodes, choose
from journeys.question import Mode
from journeys.steps import Send
from storage import journeys, offer_codes, offers, shop_codes
from storage.offers import Made
from storage.shop_codes import ShopCode

if TYPE_CHECKING:
    from storage.database import Connection
    from storage.journeys import Journey
    from storage.situation import Situation

_SHORTER_AT_MOST = timedelta(minutes=5)
"""A code of the shop's lives shorter by so much than the plan says, before its API is asked to let it live longer."""


class CodeWantedError(Exception):
    """The shop's API must be asked first, outside the transaction: it gives the code, or lets it live longer.

    Attributes:
        journey: whose offer it is.
        step: which step makes it.
        offer: what is offered, with the deadline that the message is to print.

    """

    def __init__(self, journey: Journey, step: str, offer: Offer) -> None:
        super().__init__("the shop's API must be asked first")
        self.journey = journey
        self.step = step
        self.offer = offer


@dataclass(frozen=True)
class _Coded:
    """An offer with its code."""

    offer: Offer
    code: str


async def make(db: Connection, journey: Journey, step: Send, found: Situation) -> Made | None:
    """Make a step's offer; None where nothing is offered, and the story says why.

    What the step offered before stays, and lives from now on: its message has not gone out yet.

    Raises:
        CodeWantedError: only the shop's API can say with which code, or until when.

    """
    policy = step.send.offer
    if policy is None:
        return None
    kept = await shop_codes.of_step(db, journey.id, step.id)
    made = await offers.of_step(db, journey.id, step.id)
    if made is None:
        offered = await _new(db, journey, step, policy, found, kept)
    else:
        offered = await _again(db, journey, step, policy, found, kept, made)
    if isinstance(offered, NoOffer):
        await journeys.log(db, journey.id, found.at, f"{step.id}: no offer", offered.reason)
        return None
    return offered


async def _again(
    db: Connection,
    journey: Journey,
    step: Send,
    policy: OfferPolicy,
    found: Situation,
    kept: ShopCode | None,
    made: Made,
) -> Made | NoOffer:
    until = found.at + policy.valid_for
    if kept is None or kept.code != made.code:
        return await offers.move(db, made, until)
    coded = _of_shop(journey, step, found, kept.offer.model_copy(update={"deadline": until}), kept)
    return coded if isinstance(coded, NoOffer) else await offers.move(db, made, coded.offer.deadline)


async def _new(
    db: Connection, journey: Journey, step: Send, policy: OfferPolicy, found: Situation, kept: ShopCode | None
) -> Made | NoOffer:
    before = await offers.count_of(db, journey.shop, journey.customer_id)
    offer = choose(policy, found.segments, found.cart, made_before=before, at=found.at)
    if isinstance(offer, NoOffer):
        return offer
    if isinstance(policy.codes, PoolCodes):
        coded = await _of_pool(db, journey, offer, policy.codes.pool)
    elif policy.codes == "shop" and found.mode is not Mode.SANDBOX:
        coded = _of_shop(journey, step, found, offer, kept)
    else:
        coded = _Coded(offer, offers.new_code())
    if isinstance(coded, NoOffer):
        return coded
    return await offers.make(db, journey, step.id, coded.offer, found.at, coded.code)


async def _of_pool(db: Connection, journey: Journey, offer: Offer, pool: str) -> _Coded | NoOffer:
    code = await offer_codes.take(db, journey.shop, pool)
    return NoOffer(f"no code is left in the pool {pool}") if code is None else _Coded(offer, code)


def _of_shop(journey: Journey, step: Send, found: Situation, offer: Offer, kept: ShopCode | None) -> _Coded | NoOffer:
    """Take the code that the shop's API gave, and the deadline to which it has agreed."""
    may_ask = found.mode is not Mode.SANDBOX and (kept is None or kept.tries < MOST_TRIES)
    if may_ask and not _lives_long_enough(kept, offer.deadline, found.at):
        raise CodeWantedError(journey, step.id, offer)
    if kept is None or kept.code is None or kept.deadline is None:
        return NoOffer(f"the shop's API gave no code: {kept.problem if kept else 'it was not asked'}")
    if kept.deadline <= found.at:
        return NoOffer(f"the shop's API let its code live no longer: {kept.problem or 'it was not asked'}")
    return _Coded(kept.offer.model_copy(update={"deadline": kept.deadline}), kept.code)


def _lives_long_enough(kept: ShopCode | None, until: datetime, at: datetime) -> bool:
    """Tell whether a code lives about as long as the plan says: a call for each second more would help nobody."""
    if kept is None or kept.code is None or kept.deadline is None:
        return False
    return kept.deadline >= until - min(_SHORTER_AT_MOST, (until - at) / 10)
