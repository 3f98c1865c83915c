"""``/u/{token}``: a person chooses what they are sent, without a login and without JavaScript.

The signed token is the secret: whoever has it may choose. There is no cookie and nothing else that a browser sends
along by itself, so no other site can forge a request (CSRF) unless it has the token, and then it needs no browser.
GET and HEAD only show, since mail scanners open every link.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from starlette.status import (
    HTTP_303_SEE_OTHER,
    HTTP_400_BAD_REQUEST,
    HTTP_404_NOT_FOUND,
    HTTP_503_SERVICE_UNAVAILABLE,
)

from api import forms
from api import preference_page as page
from api.auth import Parts
from api.forms import Form
from api.preference_words import WORDS, Words
from api.problems import MAX_BODY, open_answers
from api.state import Services
from api.taking import read_raw, take_messages
from journeys.facts import Medium, Purpose
from journeys.preferences import EVERYTHING, Choice, as_trait, changed, with_revoke_all
from messages.links import BadLinkError
from storage import people_story
from storage.database import PASSING
from storage.people_story import Person

ONE_CLICK = {(Medium.EMAIL, Purpose.MARKETING): False}
"""What a mail program's own button stops (RFC 8058)."""
ONE_CLICK_WORDS = "List-Unsubscribe=One-Click"


class _ForPeople(APIRoute):
    """Answers with a page where something goes wrong: a person reads it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give what answers a request."""
        answer = super().get_route_handler()

        async def answer_with_a_page(request: Request) -> Response:
            words = WORDS[page.language(request)]
            try:
                return await answer(request)
            except BadLinkError:
                return page.notice(request, HTTP_404_NOT_FOUND, words.no_such_link)
            except PASSING:
                sorry = page.notice(request, HTTP_503_SERVICE_UNAVAILABLE, words.not_now)
                sorry.headers["Retry-After"] = "60"
                return sorry

        return answer_with_a_page


_HTML: dict[str, Any] = {"text/html": {"schema": {"type": "string"}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The page", "content": _HTML},
    404: {"description": "No such link; a page, too", "content": _HTML},
    503: open_answers(503)[503] | {"content": _HTML},
}
_BODY_ANSWERS = open_answers(400, 408, 413)
_BODY_ANSWERS[400]["content"] |= _HTML
_BOXES = {"type": "array", "items": {"type": "string", "enum": [page.code(choice) for choice in EVERYTHING]}}
_FORM = {
    "schema": {
        "anyOf": [
            {
                "type": "object",
                "description": "A mail program's own button (RFC 8058).",
                "properties": {"List-Unsubscribe": {"const": "One-Click"}},
                "required": ["List-Unsubscribe"],
            },
            {
                "type": "object",
                "description": "The page's form: what was shown ticked, what was not, and what is ticked.",
                "properties": {
                    "act": {"type": "string", "enum": ["save", "stop"]},
                    "was_on": _BOXES,
                    "was_off": _BOXES,
                    "on": _BOXES,
                },
                "required": ["act"],
            },
        ]
    }
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/x-www-form-urlencoded": _FORM, "multipart/form-data": _FORM},
    }
}

router = APIRouter(tags=["preferences"], route_class=_ForPeople, default_response_class=HTMLResponse)


@router.head("/u/{token}", responses=_ANSWERS)
@router.get("/u/{token}", responses=_ANSWERS)
async def show_preferences(token: str, request: Request, parts: Parts) -> HTMLResponse:
    """Show what a person gets, and let them choose. ``?lang=`` is the language, else it is the person's own."""
    return page.show(request, await _find(parts, token))


@router.post(
    "/u/{token}",
    responses=_ANSWERS | _BODY_ANSWERS | {303: {"description": "Done; the page shows what counts now"}},
    openapi_extra=_BODY,
)
async def choose(token: str, request: Request, parts: Parts) -> Response:
    """Do what a person chose, at once: after the answer nothing is sent that they stopped.

    A mail program's ``List-Unsubscribe=One-Click`` (RFC 8058) stops marketing by e-mail. A form that is posted twice
    does nothing more.
    """
    person = await _find(parts, token)
    if person is None:
        return page.show(request, None)
    form = forms.read(request.headers.get("content-type", ""), await read_raw(request, MAX_BODY))
    language = page.language(request, person)
    by_button = _is_one_click(form)
    said = ONE_CLICK if by_button else _said(form)
    if said is None:
        return page.notice(request, HTTP_400_BAD_REQUEST, WORDS[language].not_understood, person)
    if said:
        shown = dict.fromkeys(EVERYTHING, ONE_CLICK_WORDS) if by_button else _words_shown(form, said, WORDS[language])
        await _tell(parts, person, with_revoke_all(said) if person.revoke_all else said, shown)
    if by_button:
        return page.show(request, await _find(parts, token))
    query = {"done": "1"} | ({"lang": language} if "lang" in request.query_params else {})
    return Response(status_code=HTTP_303_SEE_OTHER, headers={**page.HEADERS, "Location": f"?{urlencode(query)}"})


async def _find(parts: Services, token: str) -> Person | None:
    ref = parts.preferences.read(token)
    return await people_story.read(parts.pool, ref.shop, ref.customer_id)


async def _tell(parts: Services, person: Person, said: Mapping[Choice, bool], shown: Mapping[Choice, str]) -> None:
    """Tell it by the one way in. The link proves who it is, so it counts as what the shop's backend tells."""
    # The page without its token: who reads the proof later need not be able to act on it.
    message = {**person.told_as, "traits": {"consent": as_trait(said, shown, f"{parts.public_url}/u")}}
    [result] = await take_messages(parts, person.shop, [message], kind="identify", from_backend=True)
    if result.status == "rejected":
        raise RuntimeError(f"a choice was not taken: {result.field}: {result.problem}")


# The form


def _is_one_click(form: Form) -> bool:
    return (form.get("List-Unsubscribe") or "").strip().lower() == "one-click"


def _said(form: Form) -> dict[Choice, bool] | None:
    """Read what the person chose; None where it is no form of the page."""
    match form.get("act"):
        case "save":
            shown = dict.fromkeys(_choices(form, "was_off"), False) | dict.fromkeys(_choices(form, "was_on"), True)
            return changed(shown, _choices(form, "on"))
        case "stop":
            return dict.fromkeys(EVERYTHING, False)
    return None


def _choices(form: Form, field: str) -> list[Choice]:
    given = set(form.all(field))
    return [choice for choice in EVERYTHING if page.code(choice) in given]


def _words_shown(form: Form, said: Mapping[Choice, bool], words: Words) -> dict[Choice, str]:
    """Give the words that stood beside what the person did, and what they were told of the rest."""
    if form.get("act") == "stop":
        return dict.fromkeys(EVERYTHING, f"{words.stop}: {words.stop_help}")
    beside = words.beside()
    return {choice: beside[choice] if choice in said else words.at_once for choice in EVERYTHING}
