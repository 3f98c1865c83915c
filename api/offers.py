"""Offers at the shop's checkout: is this code good, and take it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.status import HTTP_404_NOT_FOUND, HTTP_409_CONFLICT

from api.auth import ApiShop, Parts
from api.problems import MAX_BODY, Problem, Text, answers
from api.state import Services
from journeys.offers import Code, PoolName
from storage import offer_codes, offers

router = APIRouter(prefix="/v1/offers", tags=["offers"], responses=answers(400, 404, 409, 413), max_body_size=MAX_BODY)

_MAX_CODES_BODY = 1024 * 1024

pools = APIRouter(prefix="/v1/offer-codes", tags=["offers"], responses=answers(400, 413), max_body_size=_MAX_CODES_BODY)

MOST = 200


TypedCode = Annotated[str, Path(max_length=64), AfterValidator(str.strip)]
_MOST_CODES = 10_000


class OfferOut(BaseModel):
    """An offer; ``state`` is promised, issued, redeemed or revoked."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    journey: str
    cart_id: str
    kind: Literal["item_amount", "free_shipping", "next_order_credit"]
    amount: Decimal | None
    currency: str | None
    product_id: str | None
    deadline: datetime
    state: Literal["promised", "issued", "redeemed", "revoked"]
    redeemed_by: str | None


class Redeem(BaseModel):
    """The order that uses the code, and the cart that it came of: a code is good for its own cart."""

    model_config = ConfigDict(extra="forbid")

    order_id: Text
    cart_id: Text | None = None


class Offers(BaseModel):
    """A person's newest offers; there are no further pages."""

    items: list[OfferOut]
    next_cursor: None = None


@router.get("")
async def listing(customer: Text, shop: ApiShop, parts: Parts) -> Offers:
    """List what a person was offered, newest first, at most 200: the credits that wait for them are among it."""
    made = await offers.of_customer(parts.pool, shop, customer, MOST)
    return Offers(items=[OfferOut.model_validate(offer) for offer in made])


class Codes(BaseModel):
    """Codes of the shop's own, each good once at its checkout."""

    model_config = ConfigDict(extra="forbid")

    codes: Annotated[list[Code], Field(min_length=1, max_length=_MOST_CODES)]


class CodePool(BaseModel):
    """A pool of codes: how many of those that were told are new, and how many wait to be given away."""

    pool: str
    added: int = 0
    left: int


@pools.post("/{pool}")
async def add_codes(pool: PoolName, told: Codes, shop: ApiShop, parts: Parts) -> CodePool:
    """Put codes of the shop's own into a pool; a plan's offer names it (`codes`). Telling one twice changes nothing."""
    added = await offer_codes.add(parts.pool, shop, pool, told.codes)
    return CodePool(pool=pool, added=added, left=await offer_codes.left(parts.pool, shop, pool))


@pools.get("/{pool}")
async def show_pool(pool: PoolName, shop: ApiShop, parts: Parts) -> CodePool:
    """Tell how many codes are left in a pool; one that was never filled has none."""
    return CodePool(pool=pool, left=await offer_codes.left(parts.pool, shop, pool))


@router.get("/{code}")
async def show(code: TypedCode, shop: ApiShop, parts: Parts) -> OfferOut:
    """Look a code up."""
    return await _find(parts, shop, code)


@router.post("/{code}/redeem")
async def redeem(code: TypedCode, wanted: Redeem, shop: ApiShop, parts: Parts) -> OfferOut:
    """Accept a code for an order. It is accepted once; the same order may repeat the call."""
    made = await _find(parts, shop, code)
    if not await offers.redeem(parts.pool, shop, made.code, wanted.order_id, parts.clock.now(), wanted.cart_id):
        detail = (
            "The code was used for another order, is for another cart, was taken back, its deadline has passed,"
            " or it is promised and not issued yet."
        )
        raise Problem(HTTP_409_CONFLICT, "The code is not good", detail)
    return await _find(parts, shop, code)


async def _find(parts: Services, shop: str, code: str) -> OfferOut:
    """Find an offer by its code as customers type it. Ours are in capitals; the shop's own are as it told them."""
    is_one = code.isprintable()
    made = is_one and (await offers.get(parts.pool, shop, code) or await offers.get(parts.pool, shop, code.upper()))
    if not made:
        raise Problem(HTTP_404_NOT_FOUND, "No such code", "This shop has made no offer with this code.")
    return OfferOut.model_validate(made)
