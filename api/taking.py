"""What every door for events has in common: reading a body, and taking messages, each judged on its own."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from fastapi import Request
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.status import (
    HTTP_400_BAD_REQUEST,
    HTTP_408_REQUEST_TIMEOUT,
    HTTP_413_CONTENT_TOO_LARGE,
    HTTP_415_UNSUPPORTED_MEDIA_TYPE,
    HTTP_422_UNPROCESSABLE_CONTENT,
)

from api.metrics import EVENTS
from api.problems import Problem
from api.state import Services
from journeys.events import BadEventError, Event, parse
from journeys.notes import notes_on
from storage import ingest

MAX_BODY = 500 * 1024
"""Segment's own limit for a batch, in bytes; of a packed body it holds for what is in it."""
BODY_WITHIN = 30.0
"""Seconds in which a body must have come: nobody keeps a place by sending byte after byte."""

_GZIP = 16 + zlib.MAX_WBITS


class Result(BaseModel):
    """What became of one event. ``new`` and ``duplicate`` are both fine; ``rejected`` says what to change.

    ``note`` says what looks like a mistake in an event that was taken.
    """

    message_id: str | None
    status: Literal["new", "duplicate", "rejected"]
    field: str | None = None
    problem: str | None = None
    note: str | None = None


class Answer(BaseModel):
    """``success`` is what Segment's clients look at; ``results`` has one entry for each event, in order."""

    success: bool
    results: list[Result]


async def take_messages(
    parts: Services,
    shop: str,
    messages: Sequence[object],
    *,
    kind: str | None = None,
    from_backend: bool = False,
    check: Callable[[Event], None] = ingest.check,
    batch: Mapping[str, Any] | None = None,
) -> list[Result]:
    """Take Segment messages in. When this returns, each is committed, was known already, or is told to be bad.

    Args:
        parts: the parts behind the API.
        shop: whose events they are.
        messages: decoded JSON values, of any kind.
        kind: the type that the address of the call implies; otherwise each message's own ``type`` counts.
        from_backend: whether the shop's own backend tells them.
        check: raises BadEventError for an event that this door does not take.
        batch: the batch that they came in.

    """
    parsing = partial(parse, kind=kind, from_backend=from_backend, batch=batch)
    read = [_read(message, parsing, check) for message in messages]
    events = [event for event in read if isinstance(event, Event)]
    taken = iter(zip(events, await parts.together.take(shop, events), notes_on(events), strict=True))
    results = []
    for found in read:
        if isinstance(found, Result):
            results.append(found)
            continue
        event, became, note = next(taken)
        results.append(Result(message_id=event.message_id, status=became.value, note=note))
    for result in results:
        EVENTS.labels(result.status).inc()
    return results


def _read(message: object, parsing: Callable[..., Event], check: Callable[[Event], None]) -> Event | Result:
    try:
        event = parsing(message, received_at=datetime.now(UTC))
        check(event)
    except BadEventError as error:
        named = message.get("messageId") if isinstance(message, dict) else None
        return Result(message_id=_printable(named), status="rejected", field=error.field, problem=error.problem)
    return event


def _printable(message_id: object) -> str | None:
    return message_id.encode("utf-8", "replace").decode()[:256] if isinstance(message_id, str) else None


async def read_body(request: Request, limit: int = MAX_BODY) -> bytes:
    """Read a body, unpacked where it is packed.

    Raises:
        Problem: 413 where it is (or unpacks to) more than ``limit`` bytes; 400 where it is no gzip; 415 where it is
            packed in another way.

    """
    body = await read_raw(request, limit)
    match request.headers.get("content-encoding", "identity").lower():
        case "identity":
            return body
        case "gzip":
            return _unpacked(body, limit)
    detail = "Send the body as it is, or packed with gzip."
    raise Problem(HTTP_415_UNSUPPORTED_MEDIA_TYPE, "The body's encoding is not known", detail)


async def read_raw(request: Request, limit: int) -> bytes:
    """Read a body as it came; of one that is too large, no more than that it is.

    Raises:
        Problem: 413 where it is more than ``limit`` bytes, 408 where it does not come, 400 where it breaks off.

    """
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise _too_large(limit)
    except TimeoutError:
        detail = f"The body did not come within {BODY_WITHIN:.0f} seconds; send it again."
        raise Problem(HTTP_408_REQUEST_TIMEOUT, "The body did not come", detail) from None
    except ClientDisconnect:
        raise Problem(HTTP_400_BAD_REQUEST, "The body broke off", "Send the whole body.") from None
    return bytes(body)


def _unpacked(body: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=_GZIP)
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error:
        unpacked = None
    if unpacked is not None and len(unpacked) > limit:
        raise _too_large(limit)
    if unpacked is None or not unpacker.eof or unpacker.unused_data:
        detail = "Content-Encoding says gzip, but the body is not a whole gzip file, or more than one."
        raise Problem(HTTP_400_BAD_REQUEST, "The body cannot be unpacked", detail)
    return unpacked


def _too_large(limit: int) -> Problem:
    detail = f"The body is larger than {limit // 1024} KB; send less at a time."
    return Problem(HTTP_413_CONTENT_TOO_LARGE, "The body is too large", detail)


def decoded(body: bytes) -> dict[str, Any]:
    """Decode a JSON object.

    Raises:
        Problem: 400 where it is not JSON, 422 where it is not an object.

    """
    try:
        value = json.loads(body)
    except RecursionError:
        detail = "Lists and objects stand too deep in one another; send the body with fewer levels."
        raise Problem(HTTP_400_BAD_REQUEST, "The body is nested too deep", detail) from None
    except ValueError as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        detail = f"The body cannot be read as JSON{where}."
        raise Problem(HTTP_400_BAD_REQUEST, "The body is not JSON", detail) from None
    if not isinstance(value, dict):
        raise Problem(HTTP_422_UNPROCESSABLE_CONTENT, "The event cannot be taken", "body: must be a JSON object")
    return value
