"""Segment's HTTP tracking API: what happens at the shop comes in here."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.status import (
    HTTP_400_BAD_REQUEST,
    HTTP_413_CONTENT_TOO_LARGE,
    HTTP_422_UNPROCESSABLE_CONTENT,
)

from api.auth import Parts, WriteShop
from api.problems import Problem, answers
from api.state import Services
from journeys.events import BadEventError, parse
from storage import ingest
from storage.database import PASSING

MAX_BODY = 500 * 1024
"""Segment's own limit for a batch."""
MAX_BATCH = 5_000

router = APIRouter(tags=["tracking"], responses=answers(400, 413))


class Result(BaseModel):
    """What became of one event. ``new`` and ``duplicate`` are both fine; ``rejected`` says what to change."""

    message_id: str | None
    status: Literal["new", "duplicate", "rejected"]
    field: str | None = None
    problem: str | None = None


class Answer(BaseModel):
    """``success`` is what Segment's clients look at; ``results`` has one entry for each event, in order."""

    success: bool
    results: list[Result]


_IDENTIFY = {
    "userId": "u-1",
    "traits": {"firstName": "Ana", "email": "ana@example.com", "phone": "+33639980001", "consent": {"email": True}},
}
_TRACK = {
    "userId": "u-1",
    "event": "Product Added",
    "properties": {"cart_id": "c-1", "currency": "EUR", "product_id": "tent-2", "price": 129.9, "quantity": 1},
}
_PAGE = {"anonymousId": "device-9", "name": "Tents"}


def _takes(example: dict[str, Any]) -> dict[str, Any]:
    """Describe a body in the OpenAPI document. It is read by hand: each event is judged on its own."""
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


@router.post("/v1/track", openapi_extra=_takes(_TRACK))
async def track(request: Request, shop: WriteShop, parts: Parts) -> Answer:
    """Take one event. A 200 means that it is kept and that every later decision sees it."""
    return await _one(request, shop, parts, "track")


@router.post("/v1/identify", openapi_extra=_takes(_IDENTIFY))
async def identify(request: Request, shop: WriteShop, parts: Parts) -> Answer:
    """Take what the shop knows of a person: contact data, locale, consent."""
    return await _one(request, shop, parts, "identify")


@router.post("/v1/page", openapi_extra=_takes(_PAGE))
async def page(request: Request, shop: WriteShop, parts: Parts) -> Answer:
    """Take a page view: it counts as activity of the person."""
    return await _one(request, shop, parts, "page")


@router.post("/v1/batch", openapi_extra=_takes({"batch": [{"type": "track", **_TRACK}, {"type": "page", **_PAGE}]}))
async def batch(request: Request, shop: WriteShop, parts: Parts) -> Answer:
    """Take many events. A bad one is named in its result and keeps no other from being taken."""
    body = await _json(request)
    events = body.get("batch")
    if not isinstance(events, list):
        raise Problem(HTTP_422_UNPROCESSABLE_CONTENT, "The batch is not valid", "batch: must be a list of events")
    if len(events) > MAX_BATCH:
        detail = f"batch: has {len(events)} events; send at most {MAX_BATCH} at a time"
        raise Problem(HTTP_413_CONTENT_TOO_LARGE, "The batch is too long", detail)
    sent_at = body.get("sentAt")
    results: list[Result] = []
    ours: Exception | None = None
    for event in events:
        try:
            results.append(await _take(parts, shop, _with_sent_at(event, sent_at), None))
        except PASSING:
            raise
        except Exception as error:  # noqa: BLE001 our own mistake with one event must not keep the others out
            ours = error
    if ours is not None:
        raise ours
    return Answer(success=True, results=results)


async def _one(request: Request, shop: str, parts: Services, kind: str) -> Answer:
    result = await _take(parts, shop, await _json(request), kind)
    if result.status == "rejected":
        detail = f"{result.field}: {result.problem}"
        errors = [{"field": result.field, "problem": result.problem}]
        raise Problem(HTTP_422_UNPROCESSABLE_CONTENT, "The event cannot be taken", detail, errors=errors)
    return Answer(success=True, results=[result])


def _with_sent_at(event: Any, sent_at: Any) -> Any:
    """Segment's clients say once for the whole batch when they sent it."""
    if isinstance(event, dict) and sent_at is not None and "sentAt" not in event:
        return {**event, "sentAt": sent_at}
    return event


async def _take(parts: Services, shop: str, message: object, kind: str | None) -> Result:
    named = message.get("messageId") if isinstance(message, dict) else None
    message_id = named if isinstance(named, str) else None
    try:
        event = parse(message, received_at=datetime.now(UTC), kind=kind)
        taken = await ingest.take(parts.pool, parts.following, shop, event)
    except BadEventError as error:
        return Result(message_id=_printable(message_id), status="rejected", field=error.field, problem=error.problem)
    return Result(message_id=event.message_id, status=taken.value)


def _printable(message_id: str | None) -> str | None:
    return None if message_id is None else message_id.encode("utf-8", "replace").decode()[:256]


async def _json(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            detail = "The body is larger than 500 KB; send smaller batches."
            raise Problem(HTTP_413_CONTENT_TOO_LARGE, "The body is too large", detail)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Problem(
            HTTP_400_BAD_REQUEST, "The body is not JSON", f"The body cannot be read as JSON{where}."
        ) from None
    if not isinstance(value, dict):
        raise Problem(HTTP_422_UNPROCESSABLE_CONTENT, "The event cannot be taken", "body: must be a JSON object")
    return value
