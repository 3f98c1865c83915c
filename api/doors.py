"""What stands before the doors for events: not too many at a time, pages of any origin may call, and a short way in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping

from prometheus_client import Counter
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.status import HTTP_429_TOO_MANY_REQUESTS
from starlette.types import ASGIApp, Receive, Scope, Send

from api.metrics import REGISTRY
from api.problems import MEDIA_TYPE, Problem

MOST_AT_ONCE = 200
"""Requests in a process; each waits for one of its few connections to the database, and keeps a body in memory."""
RETRY_AFTER = 1
"""Seconds. Those who wait are served by then, or nearly so."""

TURNED_AWAY = Counter("relance_requests_turned_away", "Requests with events answered with 429.", registry=REGISTRY)


class NotTooMany:
    """Answers 429 while enough requests wait already, before anything of a body is read.

    Args:
        app: what takes the others.
        paths: where it counts.
        most: requests at a time.

    """

    def __init__(self, app: ASGIApp, paths: Collection[str], most: int = MOST_AT_ONCE) -> None:
        self._app = app
        self._paths = paths
        self._most = most
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or turn it away."""
        if scope["type"] != "http" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        if self._inside >= self._most:
            TURNED_AWAY.inc()
            await _too_many()(scope, receive, send)
            return
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1


def _too_many() -> JSONResponse:
    detail = "More events come in than can be taken. Send the same again after Retry-After, with the same messageIds."
    problem = Problem(HTTP_429_TOO_MANY_REQUESTS, "Too many requests at once", detail)
    headers = {"Retry-After": str(RETRY_AFTER)}
    return JSONResponse(problem.document(), problem.status, headers=headers, media_type=MEDIA_TYPE)


class ForPages:
    """Lets pages of any origin call and read the answer. No cookies: who calls is said by the write key.

    Args:
        app: what answers.
        paths: what pages may call.

    """

    def __init__(self, app: ASGIApp, paths: Collection[str]) -> None:
        self._closed = app
        self._paths = paths
        self._open = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["POST"],
            allow_headers=["*"],
            expose_headers=["Retry-After"],
            max_age=86_400,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        is_for_pages = scope["type"] == "http" and scope["path"] in self._paths
        await (self._open if is_for_pages else self._closed)(scope, receive, send)


class Straight(BaseRoute):
    """Calls what takes events at once: FastAPI's own way there is a fifth of the API's time for an event.

    What it calls needs nothing that FastAPI would give it, and is declared there all the same, for the document.

    Args:
        doors: what takes the POST requests of each path.

    """

    def __init__(self, doors: Mapping[str, Callable[[Request], Awaitable[Response]]]) -> None:
        self._doors = doors

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether a request is for one of them."""
        is_for_one = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self._doors
        return (Match.FULL if is_for_one else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it be taken, and answer."""
        response = await self._doors[scope["path"]](Request(scope, receive))
        await response(scope, receive, send)
