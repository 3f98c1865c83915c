"""Offers at the shop's checkout: is this code good, and take it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.status import HTTP_404_NOT_FOUND, HTTP_409_CONFLICT

from api.auth import ApiShop, Parts
from api.problems import Problem
from api.state import Services
from storage import offers

router = APIRouter(prefix="/v1/offers", tags=["offers"])

Code = Annotated[str, Path(pattern="^[A-Z0-9]{4,32}$")]


class OfferOut(BaseModel):
    """An offer; ``state`` is promised, issued or redeemed."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    journey: str
    cart_id: str
    kind: Literal["item_amount", "free_shipping", "next_order_credit"]
    amount: Decimal | None
    currency: str | None
    product_id: str | None
    deadline: datetime
    state: Literal["promised", "issued", "redeemed"]
    redeemed_by: str | None


class Redeem(BaseModel):
    """The order that uses the code."""

    model_config = ConfigDict(extra="forbid")

    order_id: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00]*$")]


@router.get("/{code}")
async def show(code: Code, shop: ApiShop, parts: Parts) -> OfferOut:
    """Look a code up."""
    return await _find(parts, shop, code)


@router.post("/{code}/redeem")
async def redeem(code: Code, wanted: Redeem, shop: ApiShop, parts: Parts) -> OfferOut:
    """Accept a code for an order. It is accepted once; the same order may repeat the call."""
    await _find(parts, shop, code)
    if not await offers.redeem(parts.pool, shop, code, wanted.order_id, parts.clock.now()):
        detail = "The code was used for another order, its deadline has passed, or it is promised and not issued yet."
        raise Problem(HTTP_409_CONFLICT, "The code is not good", detail)
    return await _find(parts, shop, code)


async def _find(parts: Services, shop: str, code: str) -> OfferOut:
    made = await offers.get(parts.pool, shop, code)
    if made is None:
        raise Problem(HTTP_404_NOT_FOUND, "No such code", "This shop has made no offer with this code.")
    return OfferOut.model_validate(made)
