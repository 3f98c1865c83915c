"""Segment's HTTP tracking API: what happens at the shop comes in here."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.status import HTTP_413_CONTENT_TOO_LARGE, HTTP_422_UNPROCESSABLE_CONTENT

from api.auth import Caller, caller_by_body, caller_by_header
from api.problems import Problem, answers
from api.schemas import MAX_BATCH, ref
from api.state import Services, services_of
from api.taking import Answer, Result, decoded, read_body, take_messages

router = APIRouter(tags=["tracking"], responses={**answers(400, 408, 413, 415, 429), 200: {"model": Answer}})


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
_GROUP = {"userId": "u-1", "groupId": "club-7", "traits": {"name": "Hikers of Lyon"}}
_ALIAS = {"userId": "u-1", "previousId": "device-9"}
_BATCH = {"batch": [{"type": "track", **_TRACK}, {"type": "page", **_PAGE}]}


def _takes(schema: str, example: dict[str, Any]) -> dict[str, Any]:
    """Describe a body in the OpenAPI document. It is read by hand: each event is judged on its own."""
    content = {"application/json": {"schema": ref(schema), "example": example}}
    opened_by: list[dict[str, list[str]]] = [{"writeKey": []}, {"apiKey": []}]
    return {"requestBody": {"required": True, "content": content}, "security": opened_by}


@router.post("/v1/track", openapi_extra=_takes("TrackMessage", _TRACK))
async def track(request: Request) -> Response:
    """Take one event. A 200 means that it is kept and that every later decision sees it."""
    return await _one(request, "track")


@router.post("/v1/identify", openapi_extra=_takes("IdentifyMessage", _IDENTIFY))
async def identify(request: Request) -> Response:
    """Take what the shop knows of a person: contact data, locale, consent."""
    return await _one(request, "identify")


@router.post("/v1/page", openapi_extra=_takes("PageMessage", _PAGE))
async def page(request: Request) -> Response:
    """Take a page view: it counts as activity of the person."""
    return await _one(request, "page")


@router.post("/v1/screen", openapi_extra=_takes("ScreenMessage", _PAGE))
async def screen(request: Request) -> Response:
    """Take the view of an app's screen: it counts as activity of the person."""
    return await _one(request, "screen")


@router.post("/v1/group", openapi_extra=_takes("GroupMessage", _GROUP))
async def group(request: Request) -> Response:
    """Take what a person belongs to: it is kept, and counts as activity of the person."""
    return await _one(request, "group")


@router.post("/v1/alias", openapi_extra=_takes("AliasMessage", _ALIAS))
async def alias(request: Request) -> Response:
    """Take that a person was known by another id before."""
    return await _one(request, "alias")


@router.post("/v1/batch", openapi_extra=_takes("Batch", _BATCH))
async def batch(request: Request) -> Response:
    """Take many events. A bad one is named in its result and keeps no other from being taken."""
    parts = services_of(request)
    body, teller = await _read(request, parts)
    results = await take_messages(parts, teller.shop, messages_of(body), from_backend=teller.from_backend, batch=body)
    return _answer(results)


def messages_of(body: dict[str, Any]) -> list[object]:
    """Give the messages of a batch.

    Raises:
        Problem: 422 where there is no list of them, 413 where there are too many.

    """
    events = body.get("batch")
    if not isinstance(events, list):
        raise Problem(HTTP_422_UNPROCESSABLE_CONTENT, "The batch is not valid", "batch: must be a list of events")
    if len(events) > MAX_BATCH:
        detail = f"batch: has {len(events)} events; send at most {MAX_BATCH} at a time"
        raise Problem(HTTP_413_CONTENT_TOO_LARGE, "The batch is too long", detail)
    return events


async def _one(request: Request, kind: str) -> Response:
    parts = services_of(request)
    body, teller = await _read(request, parts)
    [result] = await take_messages(parts, teller.shop, [body], kind=kind, from_backend=teller.from_backend)
    if result.status == "rejected":
        detail = f"{result.field}: {result.problem}"
        errors = [{"field": result.field, "problem": result.problem}]
        raise Problem(HTTP_422_UNPROCESSABLE_CONTENT, "The event cannot be taken", detail, errors=errors)
    return _answer([result])


def _answer(results: list[Result]) -> Response:
    return Response(Answer(success=True, results=results).model_dump_json(), media_type="application/json")


async def _read(request: Request, parts: Services) -> tuple[dict[str, Any], Caller]:
    caller = await caller_by_header(parts, request.headers.get("authorization"))
    body = decoded(await read_body(request))
    return body, caller or await caller_by_body(parts, body)


# Libraries in browsers and phones call by one letter, those of old by "import".
_SHORT = {
    "t": track,
    "i": identify,
    "p": page,
    "s": screen,
    "g": group,
    "a": alias,
    "b": batch,
    "import": batch,
}
for _short, _call in _SHORT.items():
    router.post(f"/v1/{_short}", include_in_schema=False)(_call)

DOORS = {route.path: route.endpoint for route in router.routes if isinstance(route, APIRoute)}
"""Where events are told, and what takes them."""
