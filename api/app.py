"""The HTTP application."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from fastapi_swagger import patch_fastapi
from pydantic import BaseModel
from starlette.status import HTTP_404_NOT_FOUND, HTTP_503_SERVICE_UNAVAILABLE

from api import doors, journeys, metrics, offers, problems, schemas, tracking
from api.auth import Parts
from api.hooks import route as hooks
from api.problems import Problem, open_answers
from api.state import Services
from journeys.cart import Item
from messages.links import BadLinkError, restore_url
from storage import carts, outbox, repairs, shops

_ABOUT = """
Shops send what happens in Segment's format with their **write key** (Basic); operators and backends steer journeys
with an **API key** (Bearer). Every error is a problem document that says what to change.
"""


class _Documented(FastAPI):
    """Its OpenAPI document describes the bodies that are read by hand, too."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        document["components"]["schemas"] |= schemas.COMPONENTS
        return document


def build(services: Services, *, most_at_once: int = doors.MOST_AT_ONCE) -> FastAPI:
    """Build the application around its services; ``most_at_once`` are the requests with events that it lets wait."""
    app = _Documented(
        title="Relance",
        version="0.1.0",
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    # Swagger's files come from a wheel: the page works without the internet, and no third party sees who opens it.
    patch_fastapi(app, docs_url="/docs")
    app.state.services = services
    problems.install(app)
    app.add_middleware(doors.NotTooMany, paths=tracking.PATHS, most=most_at_once)
    app.add_middleware(doors.ForPages, paths=tracking.PATHS)
    app.include_router(tracking.router)
    app.include_router(hooks.router)
    app.include_router(journeys.router)
    app.include_router(offers.router)
    app.add_api_route("/healthz", healthz, tags=["health"])
    app.add_api_route("/readyz", readyz, tags=["health"], responses=_READYZ)
    app.add_api_route(
        "/metrics", metrics.metrics, tags=["health"], response_class=PlainTextResponse, responses=open_answers(503)
    )
    app.add_api_route(
        "/c/{token}",
        restore_cart,
        tags=["links"],
        response_class=RedirectResponse,
        status_code=302,
        responses=_CART_LINK | open_answers(404, 422, 503),
    )
    return app


async def healthz() -> dict[str, str]:
    """Tell that the process lives."""
    return {"status": "ok"}


class Outbox(BaseModel):
    """What Temporal has not heard of yet, and for how long the oldest of it waits."""

    waiting: int
    oldest_seconds: float


class Repaired(BaseModel):
    """How much the reconciliation repaired in the last 24 hours."""

    last_day: int


class Ready(BaseModel):
    """Events can be taken. Temporal may be down: journeys go on when it is back."""

    status: Literal["ready"]
    database: Literal["up"]
    temporal: Literal["up", "down"]
    outbox: Outbox
    repaired: Repaired


class NotReady(BaseModel):
    """No event can be taken; ``database`` names the error."""

    status: Literal["not ready"]
    database: str


_READYZ: dict[int | str, dict[str, Any]] = {200: {"model": Ready}, 503: {"model": NotReady}}


async def readyz(parts: Parts) -> Response:
    """Tell whether events can be taken, and how things stand behind that.

    Temporal may be down: events are taken all the same, and journeys go on when it is back.
    """
    try:
        waiting, age = await outbox.waiting(parts.pool)
        repaired = await repairs.of_the_last_day(parts.pool)
    except Exception as error:  # noqa: BLE001 whatever it is, events cannot be taken
        down = {"status": "not ready", "database": type(error).__name__}
        return JSONResponse(down, HTTP_503_SERVICE_UNAVAILABLE)
    temporal = "up" if await parts.temporal_is_up() else "down"
    document: dict[str, object] = {
        "status": "ready",
        "database": "up",
        "temporal": temporal,
        "outbox": {"waiting": waiting, "oldest_seconds": age.total_seconds()},
        "repaired": {"last_day": repaired},
    }
    return JSONResponse(document)


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
