"""The messages that come along, and the words that they are rendered with."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from journeys import yamlfile
from journeys.facts import Channel
from journeys.plan import Plan
from messages import catalog, mail
from messages.catalog import Catalog
from messages.render import CartWords, Context, CustomerWords, ItemWords, OfferWords, ShopWords, moment, money, render

PLANS = Path(__file__).parents[2] / "plans"
PLAN = yamlfile.parse(Plan, (PLANS / "cart-recovery.yaml").read_text(), "cart-recovery.yaml")
FILES = {path.name: path.read_text() for path in (PLANS / "messages" / "cart-recovery").glob("*.yaml")}
CATALOG = catalog.load(FILES)
LOCALES = {"fr": "fr_FR", "it": "it_IT", "pt": "pt_PT", "en": "en_GB"}
UNSUBSCRIBE = "https://relance.example.com/u/token"
LINK = "https://shop.example.com/cart?relance=" + "t" * 72
LONG = "Enamelled teapot, with a spout and a lid"
PARIS = ZoneInfo("Europe/Paris")
AT = datetime(2026, 8, 12, 16, tzinfo=UTC)


def context(language: str = "en", kind: str = "", code: str = "ABCDEFGHJK", **changes: Any) -> Context:
    locale = LOCALES[language]
    words: dict[str, Any] = {
        "shop": ShopWords(name="Maison Dupont"),
        "customer": CustomerWords(first_name="Ann"),
        "cart": CartWords(
            items=[ItemWords(name=LONG, quantity=1, price=money(Decimal(40), "EUR", locale))],
            value=money(Decimal(40), "EUR", locale),
            link=LINK,
        ),
    }
    if kind:
        words["offer"] = OfferWords(
            kind=kind,
            amount=money(Decimal(5), "EUR", locale) if kind != "free_shipping" else "",
            item=LONG if kind == "item_amount" else "",
            code=code if kind != "next_order_credit" else "",
            deadline=moment(AT, (PARIS,), locale),
        )
    return Context(**(words | changes))


def said(message: str, channel: Channel, language: str, about: Context) -> dict[str, str]:
    template = CATALOG.find(message, channel, language)
    if channel is Channel.EMAIL:
        return mail.compose(template, about, language, UNSUBSCRIBE)
    return render(template, about)


def with_item(name: str) -> CartWords:
    return CartWords(items=[ItemWords(name=name, quantity=1, price="40")], value="40", link=LINK)


def changed(message: str, channel: str, text: str | None) -> Catalog:
    """The catalog that comes along, with one English text changed or taken away."""
    languages = CATALOG.model_dump()["languages"]
    languages["en"][message][channel] = {"text": text} if text is not None else None
    return Catalog.model_validate({"languages": languages})
