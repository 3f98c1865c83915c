"""What stands before the doors for events: not too many at a time, pages of any origin may call, and a short way in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import Counter
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.status import HTTP_429_TOO_MANY_REQUESTS
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import REGISTRY
from api.problems import MEDIA_TYPE, Problem

MOST_AT_ONCE = 200
"""Requests at work in a process; each waits for one of its few connections to the database."""
MOST_BYTES = 64 * 1024 * 1024
"""Of the bodies that a process holds at a time."""
RETRY_AFTER = 1
"""Seconds. Those who wait are served by then, or nearly so."""

TURNED_AWAY = Counter("relance_requests_turned_away", "Requests with events answered with 429.", registry=REGISTRY)


class NotTooMany:
    """Answers 429 while enough requests are at work already, before anything of a body is read.

    A place is taken only once a body is whole: whoever sends byte after byte keeps nobody out. What bodies take up in
    memory meanwhile is bounded, too.

    Args:
        app: what takes the others.
        is_for: tells by the path where it counts.
        most: requests at work.

    """

    def __init__(self, app: ASGIApp, is_for: Callable[[str], bool], most: int = MOST_AT_ONCE) -> None:
        self._app = app
        self._is_for = is_for
        self._most = most
        self._at_work = 0
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or turn it away."""
        if scope["type"] != "http" or not self._is_for(scope["path"]):
            await self._app(scope, receive, send)
            return
        if self._at_work >= self._most:
            await _answer(_too_many())(scope, receive, send)
            return
        held, has_place = 0, False

        async def counted() -> Message:
            nonlocal held, has_place
            message = await receive()
            came = len(message.get("body", b""))
            if self._held + came > MOST_BYTES:
                raise _too_many()
            held, self._held = held + came, self._held + came
            if not has_place and message["type"] == "http.request" and not message.get("more_body"):
                if self._at_work >= self._most:
                    raise _too_many()
                has_place, self._at_work = True, self._at_work + 1
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._held -= held
            self._at_work -= has_place


def _too_many() -> Problem:
    TURNED_AWAY.inc()
    detail = "More comes in than can be taken. Send the same again after Retry-After; events with the same messageIds."
    headers = {"Retry-After": str(RETRY_AFTER)}
    return Problem(HTTP_429_TOO_MANY_REQUESTS, "Too many requests at once", detail, headers=headers)


def _answer(problem: Problem) -> JSONResponse:
    return JSONResponse(problem.document(), problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


class ForPages:
    """Lets pages of any origin call and read the answer. No cookies: who calls is said by the write key.

    Args:
        app: what answers.
        is_for: tells by the path what pages may call.

    """

    def __init__(self, app: ASGIApp, is_for: Callable[[str], bool]) -> None:
        self._closed = app
        self._is_for = is_for
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
        is_for_pages = scope["type"] == "http" and self._is_for(scope["path"])
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
