"""``POST /v1/hooks/{shop}/{source}/{receipt|inbound}``: what a provider tells of messages, and what people answer."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Literal

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.status import HTTP_400_BAD_REQUEST, HTTP_401_UNAUTHORIZED

from api.auth import Parts
from api.hooks.adapter import RefusedError, UnreadableError
from api.hooks.counters import REFUSED, RETURNED
from api.hooks.returning import SOURCES, Call, Source, Told
from api.problems import Problem, answers
from api.state import Services
from api.taking import read_raw, take_messages
from journeys.addresses import country_of
from journeys.events import MAX_ID
from journeys.facts import Channel, Medium, Purpose
from journeys.preferences import as_trait, with_revoke_all
from journeys.replies import read
from journeys.returns import Answer, Receipt, Unsubscribed
from journeys.words import Word, word_of
from messages.confirmations import LANGUAGES
from messages.locale import language_of
from storage import asked, confirmations, hooks, journeys, replies, returns, shops, suppressions
from storage.confirmations import Confirmation
from storage.journeys import Journey

MAX_BODY = 1024 * 1024
_CONFIRMED_BY = {Medium.SMS: Channel.SMS, Medium.WHATSAPP: Channel.WHATSAPP}
_LONGEST_SHOP = 64
_LONGEST_TEXT = 2_000
"""Of an answer; ten SMS are shorter."""

router = APIRouter(tags=["webhooks"], responses=answers(400, 408, 413, 429))
log = structlog.get_logger()

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
            "message/rfc822": {"schema": {"type": "string"}},
        },
    }
}

_TAKEN: dict[int | str, dict[str, Any]] = {200: {"content": {"text/xml": {"schema": {"type": "string"}}}}}


class Returned(BaseModel):
    """How many words of the provider were taken, and how many were about messages that are not the shop's."""

    taken: int
    passed_over: int = 0


@router.post("/v1/hooks/{shop}/{source}/{what}", openapi_extra=_BODY, response_model=Returned, responses=_TAKEN)
async def returned(
    shop: str, source: str, what: Literal["receipt", "inbound"], request: Request, parts: Parts
) -> Returned | Response:
    """Take what Twilio (`twilio`) or Infobip (`infobip`) tells of messages (`receipt`) or of answers (`inbound`).

    A mail server's report (`smtp`, `receipt`) is the mail as it came: a bounce or a complaint.

    Twilio hears empty TwiML for an answer, which is all it is told to do.

    A 401 does not tell what is wrong with the signature, or whether there is such a shop.
    """
    adapter = SOURCES.get(source)
    if adapter is None:
        raise _refused("unknown", "unknown")
    body = await read_raw(request, MAX_BODY)
    query = f"?{request.url.query}" if request.url.query else ""
    call = Call(f"{parts.public_url.rstrip('/')}{request.url.path}{query}", request.headers, body)
    await _check(parts, shop, adapter, call)
    try:
        if what == "receipt":
            return await _take_receipts(parts, shop, source, adapter.receipts(call))
        taken = await _take_answers(parts, shop, source, adapter.answers(call))
    except UnreadableError as error:
        RETURNED.labels(source, "unreadable").inc()
        log.warning("a provider's word could not be read", shop=shop, source=source, reason=str(error))
        raise Problem(HTTP_400_BAD_REQUEST, "The body cannot be read", f"body: {error}") from None
    if adapter.wants is None:
        return taken
    kind, said = adapter.wants
    return Response(said, media_type=kind)


async def _check(parts: Services, shop: str, adapter: Source, call: Call) -> None:
    known = shop if len(shop) <= _LONGEST_SHOP and shop.isprintable() else ""
    why = "unsigned"
    for secret in await hooks.valid_secrets(parts.pool, known, adapter.name):
        try:
            adapter.verify(call, parts.hook_key.decrypt(secret.secret).decode())
        except RefusedError as error:
            why = error.why
            continue
        await hooks.note_use(parts.pool, secret.secret_id)
        return
    raise _refused(adapter.name, why)


async def _take_receipts(parts: Services, shop: str, source: str, told: list[Told]) -> Returned:
    receipts = [one for one in told if isinstance(one, Receipt)]
    unsubscribed = [one for one in told if isinstance(one, Unsubscribed)]
    stops = await _stops(parts, shop, unsubscribed)
    await _take_answers(parts, shop, source, [*(one for one in told if isinstance(one, Answer)), *stops])
    now = datetime.now(UTC)
    messages: list[dict[str, Any]] = []
    for receipt in receipts:
        found = await returns.find_send(parts.pool, shop, source, receipt)
        if found is not None:
            messages.append(receipt.message(*found, now))
    await _take(parts, shop, messages)
    taken = len(messages) + len(stops)
    passed_over = len(receipts) + len(unsubscribed) - taken
    RETURNED.labels(source, "receipt").inc(len(messages))
    RETURNED.labels(source, "of no send").inc(passed_over)
    return Returned(taken=taken, passed_over=passed_over)


async def _stops(parts: Services, shop: str, told: list[Unsubscribed]) -> list[Answer]:
    """Tell who unsubscribed: whoever the shop's message went to."""
    found = [(one.send_id, await returns.sent_to(parts.pool, shop, one.send_id)) for one in told]
    return [Answer(send_id, *sent, "unsubscribed", None, pressed_stop=True) for send_id, sent in found if sent]


async def _take_answers(parts: Services, shop: str, source: str, said: list[Answer]) -> Returned:
    for answer in said:
        await _take_answer(parts, shop, source, answer)
    RETURNED.labels(source, "answer").inc(len(said))
    return Returned(taken=len(said))


async def _take_answer(parts: Services, shop: str, source: str, answer: Answer) -> None:
    now = datetime.now(UTC)
    people = await returns.people_behind(parts.pool, shop, answer.medium, answer.from_address)
    word = Word.STOP if answer.pressed_stop else word_of(answer.text)
    journey = await _answered(parts, shop, answer, now)
    is_heard = word is not Word.STOP and await _is_heard(parts, journey, answer, now)
    if is_heard:
        # "Yes" to a question is an answer, and no consent.
        word = None
    if word in {Word.STOP, Word.START}:
        # First for whoever has the address by now or later; then for each person, under the lock that claims take.
        change = suppressions.opt_out if word is Word.STOP else suppressions.opt_in
        await change(parts.pool, shop, answer.medium, answer.from_address, now)
        consent = await _consent(parts, shop, answer, word)
        messages = [_identify(source, answer, person, consent, now) for person in people]
    else:
        # Of several with the address, the one whom the journey is about has answered it.
        people.sort(key=lambda person: journey is None or journey.customer_id not in person.values())
        messages = [_replied(source, answer, person, journey, now) for person in people[:1]]
        if word is None and not is_heard:
            await replies.keep(parts.pool, shop, _reply(source, answer, people, journey, now))
    await _take(parts, shop, messages)
    if word is not None and answer.medium in _CONFIRMED_BY and not answer.answered:
        await confirmations.want(parts.pool, await _confirmation(parts, shop, source, answer, word, people))


async def _answered(parts: Services, shop: str, answer: Answer, now: datetime) -> Journey | None:
    """Find the journey that is answered, whether it has ended or not."""
    found = await returns.last_journey(parts.pool, shop, answer.medium, answer.from_address, now)
    return await journeys.find(parts.pool, found) if found else None


async def _is_heard(parts: Services, journey: Journey | None, answer: Answer, now: datetime) -> bool:
    """Tell whether a journey waits for an answer, and understands this one: then nobody else need read it."""
    if journey is None or journey.status == "ended":
        return False
    version = await parts.plans.version(parts.pool, journey.shop, journey.plan, journey.plan_version)
    step = await asked.question(parts.pool, version.plan, journey.id, _at(answer, now))
    return step is not None and step.id == journey.stage and read(step.ask, _readable(answer.text)) is not None


async def _confirmation(
    parts: Services, shop: str, source: str, answer: Answer, word: Word, people: list[dict[str, str]]
) -> Confirmation:
    known = await shops.get(parts.pool, shop)
    customer = next((told_by for person in people for told_by in person.values()), "")
    locale = await returns.locale_of(parts.pool, shop, customer)
    told = f"{shop}\0{source}\0{answer.message_id}"
    return Confirmation(
        send_id=hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32],
        shop=shop,
        word=word,
        channel=_CONFIRMED_BY[answer.medium],
        address=answer.from_address,
        customer_id=customer,
        provider=source,
        language=language_of(locale, country_of(answer.from_address), known.language, LANGUAGES),
    )


async def _take(parts: Services, shop: str, messages: list[dict[str, Any]]) -> None:
    """Take messages in; what cannot be taken is said, so that it is told again."""
    results = await take_messages(parts, shop, messages, from_backend=True) if messages else []
    for result in results:
        if result.status == "rejected":
            raise UnreadableError(f"makes no event: {result.field}: {result.problem}")


async def _consent(parts: Services, shop: str, answer: Answer, word: Word) -> dict[str, Any]:
    said = {(answer.medium, Purpose.MARKETING): word is Word.START}
    policy = (await shops.get(parts.pool, shop)).policy
    choices = with_revoke_all(said) if policy.revoke_all else said
    return as_trait(choices, dict.fromkeys(choices, _readable(answer.text).strip()), f"answer by {answer.medium}")


def _identify(
    source: str, answer: Answer, person: dict[str, str], consent: dict[str, Any], now: datetime
) -> dict[str, Any]:
    return {"type": "identify", **_told(source, answer, person, now), "traits": {"consent": consent}}


def _replied(
    source: str, answer: Answer, person: dict[str, str], journey: Journey | None, now: datetime
) -> dict[str, Any]:
    said = {"channel": answer.medium.value, "text": _readable(answer.text), "journey": journey.id if journey else None}
    properties = {name: value for name, value in said.items() if value is not None}
    told = _told(source, answer, person, now)
    return {"type": "track", "event": "Message Replied", **told, "properties": properties}


def _reply(
    source: str, answer: Answer, people: list[dict[str, str]], journey: Journey | None, now: datetime
) -> replies.Told:
    return replies.Told(
        provider=source,
        message_id=_printable(answer.message_id),
        medium=answer.medium,
        address=answer.from_address,
        customer_id=next((told_by for person in people for told_by in person.values()), None),
        journey=journey.id if journey else None,
        text=_readable(answer.text),
        at=_at(answer, now),
    )


def _at(answer: Answer, now: datetime) -> datetime:
    """Give the moment of an answer; no provider's clock tells of the future."""
    return min(answer.at or now, now)


def _readable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\x00", "")[:_LONGEST_TEXT]


def _told(source: str, answer: Answer, person: dict[str, str], now: datetime) -> dict[str, Any]:
    [told_by] = person.values()
    message_id = f"answer:{source}:{_printable(answer.message_id)}:{told_by}"[:MAX_ID]
    return {"messageId": message_id, "timestamp": _at(answer, now).isoformat(), **person}


def _printable(message_id: str) -> str:
    return "".join(char for char in message_id[:100] if char.isprintable())


def _refused(source: str, why: str) -> Problem:
    REFUSED.labels(source, why).inc()
    detail = "Sign the call with a secret of this shop and provider; 'relance hook create' keeps one."
    return Problem(HTTP_401_UNAUTHORIZED, "No valid signature", detail)
