"""The preference page as a person sees it: plain HTML, nothing of third parties, and no name or address in it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from liquid import Environment, StrictUndefined
from markupsafe import Markup
from starlette.status import HTTP_200_OK

from api.preference_words import WORDS, Words
from journeys.facts import UNASKED, Medium, Purpose
from journeys.preferences import ASKED, EVERYTHING, Choice, is_wanted
from messages.locale import LANGUAGES, language_of
from storage.people_story import Person

_TEMPLATES = Path(__file__).parent / "templates"
_CSS = (_TEMPLATES / "preferences.css").read_text()
_PAGE = Environment(autoescape=True, undefined=StrictUndefined).from_string(
    (_TEMPLATES / "preferences.html").read_text()
)
_CSS_HASH = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_CSS_HASH}'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


def code(choice: Choice) -> str:
    """Name a choice in a form."""
    return ".".join(choice)


def language(request: Request, person: Person | None = None) -> str:
    """Choose by ``?lang=``, then what is known of the person, then their browser, then the shop."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        return asked
    browser = next((code for code in _browser_languages(request) if code in LANGUAGES), None)
    if person is None:
        return browser or "en"
    locale, country = (person.traits.get(name) for name in ("locale", "country"))
    default = browser or person.shop_language
    return language_of(
        locale if isinstance(locale, str) else None, country if isinstance(country, str) else None, default
    )


def _browser_languages(request: Request) -> list[str]:
    """Read Accept-Language, which browsers write in the order of preference."""
    return [part.strip()[:2].lower() for part in request.headers.get("accept-language", "").split(",")]


def show(request: Request, person: Person | None) -> HTMLResponse:
    """Show what a person gets, with what was just done; politely nothing where there is nobody any more."""
    if person is None:
        return notice(request, HTTP_200_OK, WORDS[language(request)].gone)
    words = WORDS[language(request, person)]
    said = {(consent.channel, consent.purpose): consent.granted for consent in person.consents}
    return _page(
        request,
        person,
        HTTP_200_OK,
        heading=words.title,
        lead=words.lead.format(shop=person.shop_name),
        news=_news(words, said) if request.method == "POST" or "done" in request.query_params else "",
        asks=True,
        at_once=person.revoke_all,
        media=[_medium(words, person, medium, said) for medium in _media(person)],
    )


def _media(person: Person) -> list[Medium]:
    """List how a person can be reached, and what they were asked about. The pages reach whoever has been on them."""
    asked = {consent.channel for consent in person.consents}
    shown = UNASKED if person.last_activity else frozenset()
    return [medium for medium in Medium if medium in person.addresses or medium in asked | shown]


def _medium(words: Words, person: Person, medium: Medium, said: Mapping[Choice, bool]) -> dict[str, Any]:
    suppressed = [address for address in person.suppressed if address.channel is medium]
    nothing_at_all = any(not address.marketing_only for address in suppressed)
    boxes = []
    for purpose in ASKED:
        closed = nothing_at_all or (bool(suppressed) and purpose is Purpose.MARKETING)
        named, what = words.purposes[purpose]
        ticked = not closed and is_wanted((medium, purpose), said)
        boxes.append(
            {"code": code((medium, purpose)), "named": named, "help": what, "ticked": ticked, "closed": closed}
        )
    return {"code": medium.value, "named": words.media[medium], "suppressed": bool(suppressed), "boxes": boxes}


def _news(words: Words, said: Mapping[Choice, bool]) -> str:
    return words.saved if any(is_wanted(choice, said) for choice in EVERYTHING) else words.stopped


def notice(request: Request, status: int, words: tuple[str, str], person: Person | None = None) -> HTMLResponse:
    """Say something, with nothing to choose."""
    heading, lead = words
    return _page(request, person, status, heading=heading, lead=lead, news="", asks=False)


def _page(request: Request, person: Person | None, status: int, **content: Any) -> HTMLResponse:
    written_in = language(request, person)
    page = _PAGE.render(
        language=written_in,
        languages=[{"code": code, "named": WORDS[code].named} for code in LANGUAGES],
        words=vars(WORDS[written_in]),
        shop=person.shop_name if person else "",
        css=Markup(_CSS),  # noqa: S704 our own file
        **content,
    )
    return HTMLResponse(page, status, headers=HEADERS)
