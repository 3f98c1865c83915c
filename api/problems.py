"""Problem documents (RFC 9457): every error says what to change."""

from __future__ import annotations

from http import HTTPMethod, HTTPStatus
from typing import Annotated, Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.status import (
    HTTP_400_BAD_REQUEST,
    HTTP_405_METHOD_NOT_ALLOWED,
    HTTP_422_UNPROCESSABLE_CONTENT,
    HTTP_429_TOO_MANY_REQUESTS,
    HTTP_500_INTERNAL_SERVER_ERROR,
    HTTP_503_SERVICE_UNAVAILABLE,
)

from storage.database import PASSING

log = structlog.get_logger()

Text = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00]*$")]
"""Any text that Postgres can keep."""
MEDIA_TYPE = "application/problem+json"
MAX_BODY = 16 * 1024
"""In bytes, of a request that says what to do, and to what: several times what the longest ids come to."""


class Problem(Exception):  # noqa: N818 RFC 9457 calls it so
    """An answer that says what is wrong and what to change.

    Attributes:
        status: the HTTP status.
        title: what is wrong, the same for every case of it.
        detail: what is wrong here, and what would be right.
        more: further members of the document.

    """

    def __init__(
        self, status: int, title: str, detail: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = headers
        self.more = more

    def document(self) -> dict[str, Any]:
        """Give the problem document."""
        return {"type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail, **self.more}


class Document(BaseModel):
    """A problem document (RFC 9457): ``detail`` says what to change."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, str | None]] = []


_PASSING = (HTTP_429_TOO_MANY_REQUESTS, HTTP_503_SERVICE_UNAVAILABLE)
_RETRY_AFTER = {"description": "Seconds", "schema": {"type": "integer", "minimum": 0}}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe a route's errors for the OpenAPI document; 401, 422 and 503 may come of any that takes a key."""
    return open_answers(*statuses, 401, 422, 503)


def open_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors of a route that takes no key."""
    content = {MEDIA_TYPE: {"schema": Document.model_json_schema()}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        | ({"headers": {"Retry-After": {**_RETRY_AFTER, "required": True}}} if status in _PASSING else {})
        for status in statuses
    }


def sometimes_passing(status: int) -> dict[int | str, dict[str, Any]]:
    """Describe an error that names a Retry-After only where the same request may end better in a while."""
    described = open_answers(status)[status]
    return {status: {**described, "headers": {"Retry-After": {**_RETRY_AFTER, "required": False}}}}


def install(app: FastAPI) -> None:
    """Have the app answer every error with a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for trouble in PASSING:
        app.add_exception_handler(trouble, _unavailable)
    app.add_exception_handler(Exception, _unexpected)


async def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101 registered for it
    return JSONResponse(error.document(), error.status, headers=error.headers, media_type=MEDIA_TYPE)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 registered for it
    detail = f"{request.method} {request.url.path}: {error.detail}. See /docs for what there is."
    headers = dict(error.headers or {})
    if error.status_code == HTTP_405_METHOD_NOT_ALLOWED:
        headers["Allow"] = _allowed(request)
    return await _problem(request, Problem(error.status_code, str(error.detail), detail, headers=headers))


def _allowed(request: Request) -> str:
    """Name the methods of an address. The router names those of the first route only, where there is one for each."""

    def is_there(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return ", ".join(method.value for method in HTTPMethod if is_there(method.value))


async def _unavailable(request: Request, error: Exception) -> JSONResponse:
    log.warning("database cannot be used", problem=type(error).__name__)
    detail = "The database cannot be used now. Send the request again; events with a messageId are not taken twice."
    headers = {"Retry-After": "2"}
    return await _problem(
        request, Problem(HTTP_503_SERVICE_UNAVAILABLE, "Not available right now", detail, headers=headers)
    )


async def _unexpected(request: Request, _: Exception) -> JSONResponse:
    """Answer for our own mistake; the server logs it."""
    detail = "This is our mistake, not yours. The same request may be sent again; the server's log has the cause."
    return await _problem(request, Problem(HTTP_500_INTERNAL_SERVER_ERROR, "Something went wrong here", detail))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 registered for it
    if any(problem["type"] == "json_invalid" for problem in error.errors()):
        detail = "The body cannot be read as JSON."
        return await _problem(request, Problem(HTTP_400_BAD_REQUEST, "The body is not JSON", detail))
    errors = [
        {"field": ".".join(str(part) for part in problem["loc"][1:]) or "body", "problem": problem["msg"]}
        for problem in error.errors()
    ]
    detail = "; ".join(f"{e['field']}: {e['problem']}" for e in errors)
    problem = Problem(HTTP_422_UNPROCESSABLE_CONTENT, "The request is not valid", detail, errors=errors)
    return await _problem(request, problem)
