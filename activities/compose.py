"""Composes a message: content and addresses are read and put together here, and stay here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from channels.base import Card, Outgoing
from journeys.cart import Cart
from journeys.expiry import worth_until
from journeys.facts import Channel, Medium, Purpose
from journeys.steps import Send
from messages import catalog, mail, render, voice
from messages.catalog import Catalog, UnknownMessageError
from messages.links import CartLinks, item_url, picture_url, restore_url
from messages.locale import format_locale, language_of
from messages.preferences import PreferenceLinks
from messages.render import CartWords, Context, CustomerWords, ItemWords, OfferWords, RenderError, ShopWords
from messages.words import Template
from storage.offers import Made
from storage.plans import PlanVersion
from storage.sends import Claimed, Try
from storage.shops import Shop
from storage.situation import Situation

_SHORT = frozenset({Medium.SMS, Medium.WHATSAPP})


class CompositionError(Exception):
    """The message cannot be composed; the text names no person."""


class Composer:
    """Renders messages with links that restore the cart.

    Args:
        links: signs them.
        preferences: signs the links by which a person stops messages.
        public_url: where Relance's own API is reached, for carts whose shop has told of no cart page.

    """

    def __init__(self, links: CartLinks, preferences: PreferenceLinks, public_url: str) -> None:
        self._links = links
        self._preferences = preferences
        self._public_url = public_url.rstrip("/")
        self._catalogs: dict[tuple[str, str, int], Catalog] = {}

    def compose(self, version: PlanVersion, wanted: Try, claimed: Claimed) -> Outgoing:
        """Compose a send's message for the person, in their language.

        Raises:
            CompositionError: a message is missing, or cannot be rendered.

        """
        found, step = claimed.situation, wanted.step
        language, locale = _language(found)
        unsubscribe = self._unsubscribe(found) if version.plan.purpose is Purpose.MARKETING else None
        try:
            template = self._catalog(version).find(step.send.message, wanted.channel, language)
            link = self._link(found, wanted.channel, claimed.code)
            context = self._context(found, claimed.offer, locale, link)
            said = self._say(template, context, wanted.channel, language, unsubscribe)
        except (UnknownMessageError, RenderError) as error:
            raise CompositionError(str(error)) from None
        spoken = locale.replace("_", "-")
        text = said["text"]
        return Outgoing(
            send_id=wanted.send_id,
            to=found.address(wanted.channel) or "",
            text=voice.with_stop(text, language, spoken) if wanted.channel is Channel.VOICE else text,
            subject=said.get("subject") or said.get("title"),
            html=said.get("html"),
            unsubscribe=unsubscribe,
            locale=spoken,
            country=_text(found.traits.get("country")),
            link=link,
            expires_in=_worth(version, wanted, claimed),
            button=said.get("button"),
            cards=_cards(found, locale),
            template=said.get("template"),
            parameters=render.parameters(said),
        )

    def sample(self, version: PlanVersion, step: Send, channel: Channel, to: str, send_id: str, shop: Shop) -> Outgoing:
        """Compose a step's message about a made-up cart, in the shop's language.

        Raises:
            CompositionError: a message is missing, or cannot be rendered.

        """
        language = shop.language
        locale = format_locale(language, None, None)
        about = catalog.sample(shop.name, f"{self._public_url}/c/test")
        try:
            template = self._catalog(version).find(step.send.message, channel, language)
            said = self._say(template, about, channel, language, f"{self._public_url}/u/test")
        except (UnknownMessageError, RenderError) as error:
            raise CompositionError(str(error)) from None
        return Outgoing(
            send_id=send_id,
            to=to,
            text=said["text"],
            subject=said.get("subject") or said.get("title"),
            html=said.get("html"),
            locale=locale.replace("_", "-"),
            link=about.cart.link,
            button=said.get("button"),
            template=said.get("template"),
            parameters=render.parameters(said),
        )

    def _say(
        self, template: Template, context: Context, channel: Channel, language: str, unsubscribe: str | None
    ) -> Mapping[str, str]:
        if channel is Channel.EMAIL:
            return mail.compose(template, context, language, unsubscribe)
        return render.render(template, context)

    def _unsubscribe(self, found: Situation) -> str:
        token = self._preferences.token(found.row["shop"], found.row["customer_id"])
        return f"{self._public_url}/u/{token}"

    def _catalog(self, version: PlanVersion) -> Catalog:
        key = (version.shop, version.plan.name, version.version)
        if key not in self._catalogs:
            self._catalogs[key] = Catalog.model_validate_json(version.messages)
        return self._catalogs[key]

    def _context(self, found: Situation, offer: Made | None, locale: str, link: str) -> Context:
        cart = found.cart
        first_name = found.traits.get("firstName")
        return Context(
            shop=ShopWords(name=found.row["shop_name"]),
            customer=CustomerWords(first_name=render.one_line(first_name) if isinstance(first_name, str) else ""),
            cart=CartWords(
                items=_items(cart, locale),
                value=render.money(cart.value, cart.currency, locale),
                link=link,
            ),
            offer=_offer(offer, _zone(found), locale) if offer else OfferWords(),
        )

    def _link(self, found: Situation, channel: Channel, code: str) -> str:
        """Give the link to the cart: a short one, where each character is paid for or read on a telephone."""
        if code and channel.medium in _SHORT and found.policy.short_links:
            return f"{self._public_url}/l/{code}"
        token = self._links.token(found.row["shop"], found.row["cart_id"])
        page = restore_url(found.cart.cart_url, found.row["shop_cart_url"], token)
        # Without a page there may be one by the time the link is followed.
        return page or f"{self._public_url}/c/{token}"


def _worth(version: PlanVersion, wanted: Try, claimed: Claimed) -> timedelta | None:
    """Tell how long the message is worth delivering."""
    question = claimed.situation.question(version.plan, wanted.channel, wanted.deadline)
    until = worth_until(question, claimed.offer.deadline if claimed.offer else None)
    return None if until is None else until - question.at


def _language(found: Situation) -> tuple[str, str]:
    locale, country = (_text(found.traits.get(name)) for name in ("locale", "country"))
    language = language_of(locale, country, found.row["shop_language"])
    return language, format_locale(language, locale, country)


def _items(cart: Cart, locale: str) -> list[ItemWords]:
    return [
        ItemWords(
            name=render.one_line(item.name or item.product_id),
            quantity=item.quantity,
            price=render.money(item.price, cart.currency, locale),
            category=render.one_line(item.category),
            image=item.image_url or "",
            link=item.url or "",
        )
        for item in cart.items
    ]


def _cards(found: Situation, locale: str) -> tuple[Card, ...]:
    """Show the items of the cart, each with what it costs."""
    cart, shop_page = found.cart, found.row["shop_cart_url"]
    return tuple(
        Card(
            title=render.one_line(item.name or item.product_id),
            text=_price(item.quantity, render.money(item.price, cart.currency, locale)),
            image=picture_url(item.image_url),
            link=item_url(item.url, shop_page),
        )
        for item in cart.items
    )


def _price(quantity: int, price: str) -> str:
    return price if quantity == 1 else f"{quantity} x {price}"


def _offer(offer: Made, zone: str | None, locale: str) -> OfferWords:
    return OfferWords(
        kind=offer.kind,
        amount=render.money(offer.amount, offer.currency, locale) if offer.amount is not None else "",
        item=render.one_line(offer.item or ""),
        # A credit is issued when the order comes: until then there is no code to show.
        code=offer.code if offer.state == "issued" else "",
        deadline=render.moment(offer.deadline, zone, locale),
    )


def _zone(found: Situation) -> str | None:
    return _text(found.traits.get("timezone"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
