"""Offers at the shop's checkout: is this code good, and take it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import AfterValidator, BaseModel, ConfigDict
from starlette.status import HTTP_404_NOT_FOUND, HTTP_409_CONFLICT

from api.auth import ApiShop, Parts
from api.problems import MAX_BODY, Problem, Text, answers
from api.state import Services
from storage import offers

router = APIRouter(prefix="/v1/offers", tags=["offers"], responses=answers(400, 404, 409, 413), max_body_size=MAX_BODY)

MOST = 200


def _code(given: str) -> str:
    """Read a code as customers type it."""
    return given.strip().upper()


Code = Annotated[str, Path(max_length=64), AfterValidator(_code)]


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


@router.get("/{code}")
async def show(code: Code, shop: ApiShop, parts: Parts) -> OfferOut:
    """Look a code up."""
    return await _find(parts, shop, code)


@router.post("/{code}/redeem")
async def redeem(code: Code, wanted: Redeem, shop: ApiShop, parts: Parts) -> OfferOut:
    """Accept a code for an order. It is accepted once; the same order may repeat the call."""
    await _find(parts, shop, code)
    if not await offers.redeem(parts.pool, shop, code, wanted.order_id, parts.clock.now(), wanted.cart_id):
        detail = (
            "The code was used for another order, is for another cart, was taken back, its deadline has passed,"
            " or it is promised and not issued yet."
        )
        raise Problem(HTTP_409_CONFLICT, "The code is not good", detail)
    return await _find(parts, shop, code)


async def _find(parts: Services, shop: str, code: str) -> OfferOut:
    made = await offers.get(parts.pool, shop, code) if code.isalnum() else None
    if made is None:
        raise Problem(HTTP_404_NOT_FOUND, "No such code", "This shop has made no offer with this code.")
    return OfferOut.model_validate(made)
