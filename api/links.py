"""The links in messages."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel
from starlette.status import HTTP_404_NOT_FOUND

from api.auth import Parts
from api.problems import Problem, open_answers
from journeys.cart import Item
from messages.links import BadLinkError, restore_url
from storage import carts, shops

router = APIRouter(tags=["links"])


class CartLines(BaseModel):
    """What lies in a cart."""

    shop: str
    cart_id: str
    currency: str | None
    items: list[Item]


_CART_LINK: dict[int | str, dict[str, Any]] = {
    200: {"model": CartLines, "description": "The lines of the cart, for who accepts JSON"},
    302: {
        "description": "To the shop's cart page",
        "headers": {"Location": {"required": True, "schema": {"type": "string"}}},
    },
}


@router.get(
    "/c/{token}",
    response_class=RedirectResponse,
    status_code=302,
    responses=_CART_LINK | open_answers(404, 422, 503),
)
async def restore_cart(token: str, parts: Parts, request: Request) -> Response:
    """Bring a person back to their cart, on whatever device: redirects to the shop's cart page with the token.

    A shop's backend asks for the same address with ``Accept: application/json`` and gets the cart's lines.
    """
    try:
        ref = parts.links.read(token)
    except BadLinkError:
        raise Problem(HTTP_404_NOT_FOUND, "No such link", "The link is incomplete or was changed.") from None
    async with parts.pool.acquire() as db:
        stored = await carts.get(db, ref.shop, ref.cart_id)
        shop = await shops.get(db, ref.shop)
    if stored is None:
        raise Problem(HTTP_404_NOT_FOUND, "No such cart", "The cart is gone.")
    if "application/json" in request.headers.get("accept", ""):
        lines = [item.model_dump(mode="json") for item in stored.cart.items]
        return JSONResponse(
            {"shop": ref.shop, "cart_id": ref.cart_id, "currency": stored.cart.currency, "items": lines}
        )
    page = restore_url(stored.cart.cart_url, shop.cart_url, token)
    if page is None:
        detail = "The shop has no cart page yet: send cart_url with the cart's events, or set the shop's own."
        raise Problem(HTTP_404_NOT_FOUND, "No cart page", detail)
    return RedirectResponse(page, 302)
