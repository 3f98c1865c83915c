"""Writes a customer's story in a few lines, for people who read it in a mail or at the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from babel.dates import format_date

from activities.briefing import Briefing
from messages import render
from messages.locale import format_locale
from messages.tasks import words
from storage.task_story import LastOrder, OpenCart, Story

_LONGEST_REPLY = 200


def facts(briefing: Briefing, language: str) -> list[tuple[str, str]]:
    """Write it as names of ``messages.tasks`` and words in the shop's language; what is not known is left out."""
    story = _facts(briefing.story, language) if briefing.story else ()
    told = [*story, ("fits", ", ".join(map(str, briefing.fits)))]
    return [(name, said) for name, said in told if said]


def _facts(story: Story, language: str) -> Iterator[tuple[str, str]]:
    locale = format_locale(language, None, None)
    yield "first_name", story.first_name or ""
    yield "language", story.language
    yield "segments", ", ".join(story.segments)
    yield "rfm", str(story.rfm or "")
    yield "rfm_before", str(story.rfm_before or "")
    totals = [render.money(total, currency or None, locale) for currency, total in story.orders.totals.items()]
    yield "orders", ", ".join([str(story.orders.count), *totals])
    yield "last_order", _last_order(story.orders.last, locale) if story.orders.last else ""
    yield "cart", _cart(story.cart, locale) if story.cart else ""
    yield "messages", "; ".join(f"{_day(m.at, locale)} {m.channel} {m.plan or ''} {m.step}" for m in story.messages)
    yield "replies", "; ".join(f'{_day(r.at, locale)} "{_short(r.text)}"' for r in story.replies)
    yield "consents", ", ".join(f"{c.channel} {c.purpose}" for c in story.consents if c.granted)
    states = words(language).states
    yield "tasks", "; ".join(f"{_day(t.opened_at, locale)} {t.title}: {states[t.state]}" for t in story.tasks)


def _last_order(order: LastOrder, locale: str) -> str:
    paid = [render.money(order.total, order.currency, locale)] if order.total is not None else []
    return ": ".join(filter(None, [_day(order.at, locale), ", ".join([*order.items, *paid])]))


def _cart(cart: OpenCart, locale: str) -> str:
    lines = [f"{line.quantity} x {line.name}" for line in cart.items]
    return ", ".join([*lines, render.money(cart.value, cart.currency, locale)])


def _short(text: str) -> str:
    plain = render.one_line(text)
    return plain if len(plain) <= _LONGEST_REPLY else f"{plain[:_LONGEST_REPLY]}…"


def _day(at: datetime, locale: str) -> str:
    return render.one_line(format_date(at.astimezone(UTC), "medium", locale=locale))
