"""What a shop's pages tell by themselves: browsing, carts, and contacts with the proof of consent."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, StringConstraints, ValidationError

from api import scripts
from api.auth import Parts, caller_by_body
from api.problems import answers
from api.schemas import ref
from api.scripts import Script
from api.taking import Answer, decoded, read_body, take_messages
from api.tracking import messages_of
from journeys.events import BadEventError, Event
from storage import ingest

PATH = "/v1/capture"
_SCRIPT = Script("capture.min.js")
SNIPPET = _SCRIPT.source
KINDS = ("page", "track", "identify")
"""What a page may say. Who is who besides, and what anybody belongs to, is the backend's to say."""

router = APIRouter(tags=["capture"])


class _Proof(BaseModel):
    """What a yes from a page must bring: the words beside the box, when it was ticked, and on which page."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    at: str
    page: Annotated[str, StringConstraints(pattern=r"^https?://.")]


_EXAMPLE = {
    "writeKey": "write_c9f9915a22a3536e",
    "sentAt": "2026-03-10T10:15:01Z",
    "batch": [
        {
            "type": "identify",
            "messageId": "m-1",
            "anonymousId": "device-9",
            "timestamp": "2026-03-10T10:15:00Z",
            "traits": {
                "phone": "+33639980001",
                "consent": {
                    "sms": {
                        "granted": True,
                        "purpose": "marketing",
                        "text": "Yes, remind me by SMS",
                        "at": "2026-03-10T10:14:58Z",
                        "page": "https://shop.example.com/checkout",
                    }
                },
            },
        }
    ],
}
_BODY = {"schema": ref("Captured"), "example": _EXAMPLE}


@router.post(
    PATH,
    responses=answers(400, 408, 413, 415, 429),
    # Browsers send text/plain without asking first; it holds the same JSON.
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": _BODY, "text/plain": _BODY}}},
)
async def capture(request: Request, parts: Parts) -> Answer:
    """Take what a page of the shop tells. The body brings the write key, which is no secret: it stands in the page.

    A bad message is named in its result and keeps no other from being taken.
    """
    body = decoded(await read_body(request))
    caller = await caller_by_body(parts, body)
    results = await take_messages(parts, caller.shop, messages_of(body), check=check, batch=body)
    return Answer(success=True, results=results)


def check(event: Event) -> None:
    """Make sure that an event is one that a page may tell, and can be applied.

    Raises:
        BadEventError: it is not.

    """
    if event.kind not in KINDS:
        raise BadEventError("type", f"a page may send {', '.join(KINDS)}; send this from the shop's backend")
    # Whether the consents can be read at all is seen first.
    ingest.check(event)
    if event.kind == "identify":
        for channel, given in (event.traits.get("consent") or {}).items():
            for word in given if isinstance(given, list) else [given]:
                _check_proof(channel, word)


def _check_proof(channel: str, given: Any) -> None:
    """Refuse a yes without its proof. A no needs none: it always counts."""
    if given is False or (isinstance(given, dict) and given.get("granted") is False):
        return
    try:
        _Proof.model_validate(given)
    except ValidationError:
        form = '{"granted": true, "text": "…", "at": "2026-03-01T10:15:00Z", "page": "https://…"}'
        problem = f"a yes needs its proof, the words shown, when and on which page: {form}"
        raise BadEventError(f"traits.consent.{channel:.64}", problem) from None


@router.get(f"{PATH}.js", response_class=Response, responses=scripts.RESPONSES)
async def snippet(request: Request) -> Response:
    """Give the script that a shop's pages load."""
    return _SCRIPT.answer(request)
