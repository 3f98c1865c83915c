"""What a plan could say better: nothing here forbids, and all of it costs money or trust."""

from __future__ import annotations

import re
from collections.abc import Iterator

from journeys.entry import ByMoments
from journeys.facts import Channel, Purpose
from journeys.plan import Plan
from journeys.saying import All
from journeys.sms import outside_gsm7, parts
from journeys.steps import Send
from journeys.words import Word, word_of
from messages import catalog, render
from messages.catalog import Catalog, UnknownMessageError
from messages.locale import LANGUAGES
from messages.render import Context

MANY_LINKS = 3
"""An SMS shows links in full and nothing beside them; a mail shows as many as it likes."""
_FREE = {Channel.APP_PUSH, Channel.EMAIL}
"""By one of these nearly everybody who has the app hears of a sale; an SMS after it is for the others."""
_LINK = re.compile(r"https?://")
_NAME = "Cast-iron teapot with a strainer, enamelled inside, for six cups"
_MOMENT = "28 sept., 19:05"


def _as_long_as_real() -> Context:
    """Make up what a message is about, with names, codes and moments of the lengths that shops have."""
    about = catalog.sample("La Boutique", "https://relance.example.com/l/0123456789")
    items = [item.model_copy(update={"name": _NAME}) for item in about.cart.items]
    changes: dict[str, dict[str, object]] = {
        "customer": {"first_name": "Alexandra"},
        "cart": {"items": items, "value": "160,00 €"},
        "order": {"items": items, "value": "160,00 €", "expected": _MOMENT, "payment_due": _MOMENT},
        "viewed": {"name": _NAME},
        "offer": {"code": "ABCDEFGHJK", "deadline": _MOMENT},
    }
    return about.model_copy(update={name: getattr(about, name).model_copy(update=new) for name, new in changes.items()})


_SAMPLE = _as_long_as_real()


def advise(messages: Catalog, plan: Plan) -> list[str]:
    """Tell what could be better in a plan that is right.

    Args:
        messages: the plan's, checked.
        plan: the plan.

    Returns:
        Sentences that name the step and the language.

    """
    rules = (_of_channels, _of_offers, _of_sms)
    return [advice for step in plan.sends for rule in rules for advice in rule(messages, plan, step)]


def _of_channels(_: Catalog, plan: Plan, step: Send) -> Iterator[str]:
    """Whoever has the app hears of a sale there, for nothing."""
    channels = step.send.named
    if plan.purpose is not Purpose.MARKETING or Channel.SMS not in channels:
        return
    goes_first = [] if isinstance(step.send.channels, All) else channels[: channels.index(Channel.SMS)]
    is_late = Channel.APP_PUSH in channels and Channel.APP_PUSH not in goes_first
    if is_late or (_is_sale(plan, step) and not _FREE & set(goes_first)):
        yield f"step {step.id}: people who have the app are sent an SMS; put app_push first"


def _is_sale(plan: Plan, step: Send) -> bool:
    """Tell whether a step of marketing offers something, or comes to many at a moment, unasked."""
    return step.send.answers is None and (step.send.offer is not None or isinstance(plan.entry, ByMoments))


def _of_offers(messages: Catalog, _: Plan, step: Send) -> Iterator[str]:
    """A message that tells of an offer, in a step that makes none."""
    if step.send.offer is not None:
        return
    for language in LANGUAGES:
        if any(messages.tells_of(step.send.message, channel, language, "offer") for channel in step.send.named):
            yield f"step {step.id}: message '{step.send.message}' in {language} tells of an offer; the step makes none"


def _of_sms(messages: Catalog, plan: Plan, step: Send) -> Iterator[str]:
    if Channel.SMS not in step.send.named:
        return
    for language in LANGUAGES:
        try:
            text = render.render(messages.find(step.send.message, Channel.SMS, language), _SAMPLE)["text"]
        except (UnknownMessageError, render.RenderError):
            continue
        where = f"step {step.id}: the SMS in {language}"
        yield from (f"{where} {advice}" for advice in _of_text(text, plan.purpose))


def _of_text(text: str, purpose: Purpose) -> Iterator[str]:
    if (count := parts(text)) > 1:
        wide = outside_gsm7(text)
        why = f": {', '.join(wide)} more than halve the length of a part" if wide else ""
        yield f"takes {count} parts, each paid for{why}"
    if (links := len(_LINK.findall(text))) >= MANY_LINKS:
        yield f"has {links} links; a mail shows them better"
    if purpose is Purpose.MARKETING and not any(word_of(word) is Word.STOP for word in text.split()):
        yield "names no word that stops, such as STOP"
