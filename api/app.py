"""The HTTP application."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from fastapi_swagger import patch_fastapi
from starlette.status import HTTP_404_NOT_FOUND, HTTP_503_SERVICE_UNAVAILABLE

from api import capture, doors, journeys, metrics, offers, problems, projects, tracking
from api.auth import Parts
from api.hooks import route as hooks
from api.problems import Problem
from api.state import Services
from messages.links import BadLinkError, restore_url
from storage import carts, outbox, repairs, shops

_ABOUT = """
Shops send what happens in Segment's format with their **write key** (Basic); operators and backends steer journeys
with an **API key** (Bearer). Every error is a problem document that says what to change.
"""


def build(services: Services, *, most_at_once: int = doors.MOST_AT_ONCE) -> FastAPI:
    """Build the application around its services; ``most_at_once`` are the requests with events that it lets wait."""
    app = FastAPI(
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
    for_events = tracking.PATHS | {capture.PATH}
    app.add_middleware(doors.NotTooMany, paths=for_events, most=most_at_once)
    app.add_middleware(doors.ForPages, paths=for_events)
    app.include_router(tracking.router)
    app.include_router(projects.router)
    app.include_router(capture.router)
    app.include_router(hooks.router)
    app.include_router(journeys.router)
    app.include_router(offers.router)
    app.add_api_route("/healthz", healthz, tags=["health"])
    app.add_api_route("/readyz", readyz, tags=["health"])
    app.add_api_route("/metrics", metrics.metrics, tags=["health"], response_class=PlainTextResponse)
    app.add_api_route("/c/{token}", restore_cart, tags=["links"], response_class=RedirectResponse, status_code=302)
    return app


async def healthz() -> dict[str, str]:
    """Tell that the process lives."""
    return {"status": "ok"}


async def readyz(parts: Parts) -> Response:
    """Tell whether events can be taken, and how things stand behind that.

    Temporal may be down: events are taken all the same, and journeys go on when it is back.
    """
    try:
        waiting = await outbox.waiting(parts.pool)
        repaired = await repairs.of_the_last_day(parts.pool)
    except Exception as error:  # noqa: BLE001 whatever it is, events cannot be taken
        down = {"status": "not ready", "database": type(error).__name__}
        return JSONResponse(down, HTTP_503_SERVICE_UNAVAILABLE)
    temporal = "up" if await parts.temporal_is_up() else "down"
    document: dict[str, object] = {
        "status": "ready",
        "database": "up",
        "temporal": temporal,
        "outbox": {
            "waiting": waiting.rows,
            "oldest_seconds": waiting.oldest.total_seconds(),
            "parked": waiting.parked,
        },
        "repaired": {"last_day": repaired},
    }
    return JSONResponse(document)


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
