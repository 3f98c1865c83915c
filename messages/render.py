"""Renders messages: Liquid, which marketers of shops know, with strict variables and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Annotated, Any

from babel.dates import format_skeleton, format_time
from babel.numbers import format_currency, format_decimal
from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.exceptions import LiquidError
from pydantic import AfterValidator, BaseModel, ConfigDict

from messages.words import PARAMETER, Template


class RenderError(Exception):
    """A template cannot be rendered; the text names no person."""


_ONE_LINE = frozenset({"subject", "title", "button", "link", "preheader", "template"})
"""The parts of a message that have no second line."""
_WEB_ADDRESS = re.compile(r"https?://[^\s\x00-\x20<>\"'`\\]{1,2000}")
_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
"""Control characters, line breaks, what turns the direction of writing, and halves of characters."""
_WIDE = re.compile(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
"""Spaces that are not the plain one: Babel writes them, and one is enough to take an SMS out of GSM-7."""


def one_line(value: str) -> str:
    """Put data on one line, with plain spaces."""
    return _WIDE.sub(" ", _NOT_IN_A_LINE.sub(" ", value)).strip()


Line = Annotated[str, AfterValidator(one_line)]
"""A piece of data that cannot break an SMS or a subject."""
LONGEST_NAME = 120
LONGEST_ID = 40
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_#-]+")
"""A point, too: telephones make a link of ``bit.ly``."""
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)


def product_name(value: str) -> str:
    """Give the name of a product, as a page may have told it: without addresses, which would lead people elsewhere."""
    name = " ".join(one_line(_ADDRESS.sub(" ", value)).split())
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3].rstrip()}..."


def order_id(value: str) -> str:
    """Give the id of an order, as a page may have told it: with nothing in it that makes an address or a sentence."""
    return _NOT_IN_AN_ID.sub("-", value)[:LONGEST_ID]


ProductName = Annotated[str, AfterValidator(product_name)]


def web_address(value: str) -> str:
    """Keep an address of the web; anything else, such as ``javascript:``, becomes nothing."""
    return value if _WEB_ADDRESS.fullmatch(value) else ""


WebAddress = Annotated[str, AfterValidator(web_address)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class ShopWords(_Part):
    """``shop``; ``link`` is its front page, empty where that is not known."""

    name: Line
    link: WebAddress = ""


class CustomerWords(_Part):
    """``customer``."""

    first_name: Line = ""


class ItemWords(_Part):
    """One of ``cart.items``; ``price`` is written out already."""

    name: ProductName
    quantity: int
    price: Line
    category: Line = ""
    image: WebAddress = ""
    link: WebAddress = ""


class CartWords(_Part):
    """``cart``; ``link`` restores it on any device."""

    items: list[ItemWords]
    value: Line
    link: Line


class OrderWords(_Part):
    """``order``: of a journey about one. What the shop has not told is empty; moments are written out."""

    id: Line = ""
    items: list[ItemWords] = []
    value: Line = ""
    link: WebAddress = ""
    carrier: Line = ""
    tracking: WebAddress = ""
    tracking_number: Line = ""
    expected: Line = ""
    payment: WebAddress = ""
    payment_code: Line = ""
    payment_due: Line = ""


class ViewedWords(_Part):
    """``viewed``: the product that somebody looked at, of a journey that began with that; empty of any other."""

    name: ProductName = ""
    price: Line = ""
    image: WebAddress = ""
    link: WebAddress = ""


class TaskWords(_Part):
    """``task``: ``text`` is what a person wrote who did the newest task of the journey."""

    text: str = ""


class RelatedWords(_Part):
    """One of ``related``: what is often bought with what lies in the cart. ``link`` is empty where it has no page."""

    name: ProductName
    price: Line
    image: WebAddress = ""
    link: WebAddress = ""


class OfferWords(_Part):
    """``offer``: test ``offer.kind``, which is empty where there is none, and ``offer.code``: not all have one."""

    kind: Line = ""
    amount: Line = ""
    item: ProductName = ""
    code: Line = ""
    deadline: Line = ""


class Context(_Part):
    """All that a template may use."""

    shop: ShopWords
    customer: CustomerWords
    cart: CartWords
    order: OrderWords = OrderWords()
    task: TaskWords = TaskWords()
    viewed: ViewedWords = ViewedWords()
    offer: OfferWords = OfferWords()
    related: list[RelatedWords] = []

    @property
    def shown(self) -> CartWords | OrderWords:
        """What a mail that is laid out shows: the order or the product that it is about, else the cart."""
        if self.order.id:
            return self.order
        return self._looked_at() if self.viewed.name else self.cart

    def _looked_at(self) -> CartWords:
        viewed = self.viewed
        item = ItemWords(name=viewed.name, quantity=1, price=viewed.price, image=viewed.image, link=viewed.link)
        return CartWords(items=[item], value=viewed.price, link=viewed.link or self.cart.link)


class _Environment(Environment):
    context_depth_limit = 20
    loop_iteration_limit = 1_000
    local_namespace_limit = 10_000
    output_stream_limit = 100_000


_LIQUID = _Environment(undefined=StrictUndefined)
_HTML = _Environment(undefined=StrictUndefined, autoescape=True)


def parse(source: str) -> BoundTemplate:
    """Parse a template.

    Raises:
        LiquidError: it is not Liquid.

    """
    return _LIQUID.from_string(source)


def parse_html(source: str) -> BoundTemplate:
    """Parse a template of HTML or MJML: whatever data comes into it is escaped.

    Raises:
        LiquidError: it is not Liquid.

    """
    return _HTML.from_string(source)


def unknown_variables(template: BoundTemplate) -> list[str]:
    """Name the variables of a template that no context has."""
    fields = {name: field.annotation for name, field in Context.model_fields.items()}
    return sorted({str(path) for path in template.global_variable_paths() if not _known(str(path), fields)})


def _known(path: str, fields: Mapping[str, Any]) -> bool:
    root, leaf = [*re.split(r"[.\[]", path), ""][:2]
    part = fields.get(root)
    # What is asked of a list is tried: rendering the samples tells.
    return part is not None and (not leaf or leaf in getattr(part, "model_fields", (leaf,)))


def render(template: Template, context: Context) -> dict[str, str]:
    """Render a message. What comes from data is never read as Liquid; a subject is one line.

    Returns:
        Each part of the template as the person reads it, by the same names.

    Raises:
        RenderError: a variable is missing, or a limit is reached.

    """
    values = context.model_dump()
    try:
        said = {name: parse(source).render(**values) for name, source in template.items()}
    except LiquidError as error:
        raise RenderError(f"template error: {type(error).__name__}") from None
    return {name: one_line(text) if _has_one_line(name) else text.strip() for name, text in said.items()}


def _has_one_line(name: str) -> bool:
    return name in _ONE_LINE or name.startswith(PARAMETER)


def parameters(said: Mapping[str, str]) -> tuple[str, ...]:
    """Give the parameters of a rendered message, in order."""
    named = sorted(
        (int(name.removeprefix(PARAMETER)), text) for name, text in said.items() if name.startswith(PARAMETER)
    )
    return tuple(text for _, text in named)


def money(amount: Decimal, currency: str | None, locale: str) -> str:
    """Write an amount the way the locale does, such as ``5,00 €``."""
    if currency is None:
        return one_line(format_decimal(amount, locale=locale))
    return one_line(format_currency(amount, currency, locale=locale))


def moment(at: datetime, zones: Sequence[tzinfo], locale: str) -> str:
    """Write a moment in the person's own time, such as ``12 mars, 18:00``.

    Args:
        at: the moment.
        zones: those in which the person may be. Where their clocks show different times then, it is the time of the
            first, with how far that is from UTC; in UTC, and so named, where there is none.
        locale: by which it is written.

    """
    offsets = {at.astimezone(zone).utcoffset() for zone in zones}
    zone = next(iter(zones), UTC)
    named = "" if len(offsets) == 1 else f" {timezone(at.astimezone(zone).utcoffset() or timedelta(0))}"
    day = format_skeleton("MMMd", at, tzinfo=zone, locale=locale)
    if locale.startswith("fr"):
        day = re.sub(r"^1\b", "1er", day)
    time = format_time(at, "short", tzinfo=zone, locale=locale)
    # "août" is written "aout" too (spelling of 1990), and û would take an SMS out of GSM-7.
    return one_line(f"{day}, {time}{named}".replace("û", "u"))
