"""Renders messages: Liquid, which marketers of shops know, with strict variables and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_datetime
from babel.numbers import format_currency
from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.exceptions import LiquidError
from pydantic import BaseModel, ConfigDict


class RenderError(Exception):
    """A template cannot be rendered; the text names no person."""


@dataclass(frozen=True)
class Template:
    """The Liquid source of a message."""

    text: str
    subject: str | None = None


@dataclass(frozen=True)
class Rendered:
    """A message as the person reads it."""

    text: str
    subject: str | None


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class ShopWords(_Part):
    """``shop``."""

    name: str


class CustomerWords(_Part):
    """``customer``."""

    first_name: str = ""


class ItemWords(_Part):
    """One of ``cart.items``; ``price`` is written out already."""

    name: str
    quantity: int
    price: str
    category: str = ""


class CartWords(_Part):
    """``cart``; ``link`` restores it on any device."""

    items: list[ItemWords]
    value: str
    link: str


class OfferWords(_Part):
    """``offer``, where there is one: test ``offer.kind``, which is empty where there is none."""

    kind: str = ""
    amount: str = ""
    item: str = ""
    code: str = ""
    deadline: str = ""


class Context(_Part):
    """All that a template may use."""

    shop: ShopWords
    customer: CustomerWords
    cart: CartWords
    offer: OfferWords = OfferWords()


class _Environment(Environment):
    context_depth_limit = 20
    loop_iteration_limit = 1_000
    local_namespace_limit = 10_000
    output_stream_limit = 100_000


_LIQUID = _Environment(undefined=StrictUndefined)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")


def parse(source: str) -> BoundTemplate:
    """Parse a template.

    Raises:
        LiquidError: it is not Liquid.

    """
    return _LIQUID.from_string(source)


def unknown_variables(template: BoundTemplate) -> list[str]:
    """Name the variables of a template that no context has."""
    fields = {name: field.annotation for name, field in Context.model_fields.items()}
    return sorted({str(path) for path in template.global_variable_paths() if not _known(str(path), fields)})


def _known(path: str, fields: Mapping[str, Any]) -> bool:
    root, _, rest = path.partition(".")
    part = fields.get(root)
    leaf = re.split(r"[.\[]", rest)[0]
    return part is not None and (not leaf or leaf in part.model_fields)


def render(template: Template, context: Context) -> Rendered:
    """Render a message. What comes from data is never read as Liquid; a subject is one line.

    Raises:
        RenderError: a variable is missing, or a limit is reached.

    """
    values = context.model_dump()
    try:
        text = parse(template.text).render(**values)
        subject = parse(template.subject).render(**values) if template.subject else None
    except LiquidError as error:
        raise RenderError(f"template error: {type(error).__name__}") from None
    return Rendered(text.strip(), one_line(subject) if subject is not None else None)


def one_line(value: str) -> str:
    """Put data on one line: control characters and line breaks become spaces."""
    return _CONTROL.sub(" ", value).strip()


def money(amount: Decimal, currency: str | None, locale: str) -> str:
    """Write an amount the way the locale does, such as ``5,00 €``."""
    return format_currency(amount, currency, locale=locale) if currency else f"{amount}"


def moment(at: datetime, timezone: str | None, locale: str) -> str:
    """Write a moment in the person's own time, such as ``12 mars 2026, 18:00``; UTC where their zone is unknown."""
    try:
        zone = ZoneInfo(timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return format_datetime(at, "d MMM, HH:mm", tzinfo=zone, locale=locale)
