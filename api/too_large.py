"""A body that is too large for its door is told as every other error is, and not in plain text as by Starlette."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.status import HTTP_413_CONTENT_TOO_LARGE
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import MEDIA_TYPE, Problem

_TOO_LARGE = Problem(
    HTTP_413_CONTENT_TOO_LARGE,
    "Content Too Large",
    "What this door takes is shorter than that. See /docs for what it takes.",
)


class TooLargeIsAProblem:
    """Answers with a problem document where a route's limit answers with plain text: to a length told in advance.

    Args:
        app: what answers.

    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back."""
        is_told = False

        async def told(message: Message) -> None:
            nonlocal is_told
            if message["type"] == "http.response.start" and _is_plain(message):
                is_told = True
                answer = JSONResponse(_TOO_LARGE.document(), _TOO_LARGE.status, media_type=MEDIA_TYPE)
                await answer(scope, receive, send)
            if not is_told:
                await send(message)

        await self._app(scope, receive, told)


def _is_plain(start: Message) -> bool:
    media_type = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] == HTTP_413_CONTENT_TOO_LARGE and not media_type.startswith(MEDIA_TYPE)
