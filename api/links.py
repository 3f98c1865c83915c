"""The links in messages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel
from starlette.status import HTTP_204_NO_CONTENT, HTTP_404_NOT_FOUND

from api.auth import Parts
from api.problems import Problem, open_answers
from api.taking import take_messages
from journeys.cart import Item
from journeys.returns import Fate, Receipt
from messages.links import BadLinkError, restore_url
from storage import carts, shops, short_links
from storage.short_links import ShortLink

router = APIRouter(tags=["links"])

Code = Annotated[str, Path(pattern="^[A-Za-z0-9]{1,32}$")]


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

_SHORT_LINK: dict[int | str, dict[str, Any]] = {302: _CART_LINK[302]}


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
        raise _no_page()
    return RedirectResponse(page, 302)


@router.get(
    "/l/{code}",
    response_class=RedirectResponse,
    status_code=302,
    responses=_SHORT_LINK | open_answers(404, 422, 503),
)
async def follow_link(code: Code, parts: Parts, request: Request) -> Response:
    """Lead on to the cart that a message was about, and count the click, once for each message.

    A browser that only loads ahead (``Sec-Purpose: prefetch``) is led on and not counted.
    """
    link = await short_links.find(parts.pool, code)
    if link is None:
        raise Problem(HTTP_404_NOT_FOUND, "No such link", "The link is incomplete or was changed.")
    async with parts.pool.acquire() as db:
        stored = await carts.get(db, link.shop, link.cart_id) if link.cart_id else None
        shop = await shops.get(db, link.shop)
    token = parts.links.token(link.shop, link.cart_id) if link.cart_id else None
    page = restore_url(stored.cart.cart_url if stored else None, shop.cart_url, token) if token else shop.cart_url
    if page is None:
        raise _no_page()
    if "prefetch" not in request.headers.get("sec-purpose", request.headers.get("purpose", "")):
        await take_messages(parts, link.shop, [_clicked(link, parts.clock.now())], from_backend=True)
    return RedirectResponse(page, 302, {"Cache-Control": "no-store"})


@router.post("/l/{code}", status_code=204, response_class=Response, responses=open_answers(404, 422, 503))
async def arrived(code: Code, parts: Parts) -> Response:
    """Hear from a device that a message has arrived there: a push's own receipt. Hearing it again is harmless."""
    link = await short_links.find(parts.pool, code)
    if link is None:
        raise Problem(HTTP_404_NOT_FOUND, "No such link", "The link is incomplete or was changed.")
    receipt = Receipt(link.send_id, None, Fate.DELIVERED, None)
    told = receipt.message(link.send_id, link.person, parts.clock.now())
    await take_messages(parts, link.shop, [told], from_backend=True)
    return Response(status_code=HTTP_204_NO_CONTENT)


def _clicked(link: ShortLink, now: datetime) -> dict[str, Any]:
    return {
        "type": "track",
        "event": Fate.CLICKED.value,
        "messageId": f"click:{link.send_id}",
        "timestamp": now.isoformat(),
        **link.person,
        "properties": {"send_id": link.send_id, "journey": link.journey, "step": link.step, "channel": link.channel},
    }


def _no_page() -> Problem:
    detail = "The shop has no cart page yet: send cart_url with the cart's events, or set the shop's own."
    return Problem(HTTP_404_NOT_FOUND, "No cart page", detail)
