"""The HTTP application."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi_swagger import patch_fastapi

from api import (
    capture,
    customers,
    doors,
    health,
    journeys,
    links,
    metrics,
    offers,
    on_site,
    plan_drafts,
    plans,
    preferences,
    problems,
    projects,
    push,
    replies,
    schemas,
    tasks,
    tracking,
    worksheets,
)
from api.auth import BASIC
from api.hooks import returned
from api.hooks import route as hooks
from api.state import Services
from api.too_large import TooLargeIsAProblem

_ABOUT = """
Shops send what happens in Segment's format with their **write key** (Basic); operators and backends steer journeys
with an **API key** (Bearer). Every error is a problem document that says what to change.
"""


class _Documented(FastAPI):
    """Its OpenAPI document describes the bodies that are read by hand, too."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        document["components"]["schemas"] |= schemas.COMPONENTS
        document["components"]["securitySchemes"][BASIC.scheme_name] = BASIC.model.model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        return document


def build(services: Services, *, most_at_once: int = doors.MOST_AT_ONCE) -> FastAPI:
    """Build the application around its services; ``most_at_once`` are the requests with events at work at a time."""
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
    for_events, for_pages = {*tracking.DOORS, capture.PATH}, {*tracking.DOORS, capture.PATH, on_site.PATH}
    app.add_middleware(doors.NotTooMany, is_for=for_events.__contains__, most=most_at_once)
    # Apart: pages that ask again and again must not take the places of events.
    app.add_middleware(doors.NotTooMany, is_for=on_site.PATH.__eq__, most=most_at_once)
    # Apart: some platforms tell a thing once, and must not wait behind what pages tell.
    app.add_middleware(doors.NotTooMany, is_for=hooks.is_for)
    app.add_middleware(TooLargeIsAProblem)
    app.add_middleware(doors.ForPages, is_for=for_pages.__contains__)
    app.routes.append(doors.Straight(tracking.DOORS))
    app.include_router(tracking.router)
    app.include_router(projects.router)
    app.include_router(capture.router)
    app.include_router(hooks.router)
    app.include_router(returned.router)
    app.include_router(journeys.router)
    app.include_router(plans.router)
    app.include_router(plan_drafts.router)
    app.include_router(worksheets.router)
    app.include_router(customers.router)
    app.include_router(offers.router)
    app.include_router(offers.pools)
    app.include_router(replies.router)
    app.include_router(tasks.router)
    app.include_router(push.router)
    app.include_router(on_site.router)
    app.include_router(links.router)
    app.include_router(preferences.router)
    app.include_router(health.router)
    app.include_router(metrics.router)
    return app
