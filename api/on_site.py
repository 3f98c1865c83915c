"""What the shop's own pages show: a page asks whether there is a message for its visitor, and shows it."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.status import HTTP_422_UNPROCESSABLE_CONTENT

from api import scripts
from api.auth import Parts, caller_by_body
from api.problems import MAX_BODY, Problem, answers
from api.scripts import Script
from api.taking import decoded, read_body, take_messages
from journeys import browsers
from journeys.returns import Fate, Receipt
from storage import on_site

PATH = "/v1/on-site"
_SCRIPT = Script("on-site.js")
_SEND_ID = r"^[a-z0-9-]{1,64}$"

router = APIRouter(tags=["on-site"])


class Card(BaseModel):
    """A message to show."""

    id: str
    title: str
    text: str
    link: str | None
    button: str | None


class Found(BaseModel):
    """The message to show; null where there is none."""

    message: Card | None


_BODY = {
    "schema": {
        "type": "object",
        "properties": {
            "writeKey": {"type": "string", "description": "The shop's write key."},
            "anonymousId": {
                "type": "string",
                "pattern": browsers.FORM,
                "description": "The visitor, as capture.js keeps them in the page's localStorage under relance.",
            },
            "shown": {
                "type": ["string", "null"],
                "pattern": _SEND_ID,
                "description": "The id of the message that stands on the page: its receipt.",
            },
            "closed": {
                "type": ["string", "null"],
                "pattern": _SEND_ID,
                "description": "The id of the message that the visitor has closed; nothing else is shown then.",
            },
        },
        "required": ["writeKey", "anonymousId"],
    },
    "example": {"writeKey": "write_c9f9915a22a3536e", "anonymousId": "3f1c2b1e-8a55-4c0e-9d0b-6a3f0c8e7d21"},
}


@router.post(
    PATH,
    responses=answers(400, 408, 413, 415, 429),
    # Browsers send text/plain without asking first; it holds the same JSON.
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": _BODY, "text/plain": _BODY}}},
)
async def ask(request: Request, response: Response, parts: Parts) -> Found:
    """Tell a page what to show to its visitor; hear what it shows, and what they have closed.

    The write key stands in the page, so it opens nothing by itself: a message is given to the visitor's own random id
    alone, never to the id of a user.
    """
    body = decoded(await read_body(request, MAX_BODY))
    caller = await caller_by_body(parts, body)
    browser = _visitor(body)
    closed, up = _message(body, "closed"), _message(body, "shown")
    response.headers["Cache-Control"] = "no-store"
    now = parts.clock.now()
    if closed is not None:
        await on_site.close(parts.pool, caller.shop, browser, closed, now)
        return Found(message=None)
    await on_site.look(parts.pool, caller.shop, browser, now)
    found = await on_site.newest(parts.pool, caller.shop, browser, now)
    if found is None:
        return Found(message=None)
    if found.is_new and up == found.send_id:
        told = Receipt(found.send_id, None, Fate.DELIVERED, None).message(found.send_id, found.person, now)
        await take_messages(parts, caller.shop, [told], from_backend=True)
    card = Card(id=found.send_id, title=found.title, text=found.text, link=found.link, button=found.button)
    return Found(message=card)


def _visitor(body: dict[str, Any]) -> str:
    given = body.get("anonymousId")
    if not browsers.is_one(given):
        wanted = "the random id that capture.js keeps in localStorage under relance: a UUID, or 20 to 40 digits"
        raise _bad(f"anonymousId: must be {wanted}; no user's id is taken")
    return str(given)


def _message(body: dict[str, Any], name: str) -> str | None:
    given = body.get(name)
    if given is None:
        return None
    if not isinstance(given, str) or not re.fullmatch(_SEND_ID, given):
        raise _bad(f"{name}: must be the id of the message, as this door gave it")
    return given


def _bad(detail: str) -> Problem:
    return Problem(HTTP_422_UNPROCESSABLE_CONTENT, "The question cannot be answered", detail)


@router.get(f"{PATH}.js", response_class=Response, responses=scripts.RESPONSES)
async def script(request: Request) -> Response:
    """Give the script that a shop's pages load to show messages."""
    return _SCRIPT.answer(request)
