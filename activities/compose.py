"""Composes a message: content and addresses are read and put together here, and stay here."""

from __future__ import annotations

from channels.base import Outgoing
from journeys.cart import Cart
from messages import render
from messages.catalog import Catalog, UnknownMessageError
from messages.links import CartLinks, restore_url
from messages.locale import format_locale, language_of
from messages.render import CartWords, Context, CustomerWords, ItemWords, OfferWords, RenderError, ShopWords
from storage.offers import Made
from storage.plans import PlanVersion
from storage.sends import Claimed, Try
from storage.situation import Situation


class CompositionError(Exception):
    """The message cannot be composed; the text names no person."""


class Composer:
    """Renders messages with links that restore the cart.

    Args:
        links: signs them.
        public_url: where Relance's own API is reached, for carts whose shop has told of no cart page.

    """

    def __init__(self, links: CartLinks, public_url: str) -> None:
        self._links = links
        self._public_url = public_url.rstrip("/")
        self._catalogs: dict[tuple[str, str, int], Catalog] = {}

    def compose(self, version: PlanVersion, wanted: Try, claimed: Claimed) -> Outgoing:
        """Compose a send's message for the person, in their language.

        Raises:
            CompositionError: a message is missing, or cannot be rendered.

        """
        found, step = claimed.situation, wanted.step
        language, locale = _language(found)
        try:
            template = self._catalog(version).find(step.send.message, wanted.channel, language)
            said = render.render(template, self._context(found, claimed.offer, locale))
        except (UnknownMessageError, RenderError) as error:
            raise CompositionError(str(error)) from None
        return Outgoing(
            send_id=wanted.send_id, to=found.address(wanted.channel) or "", text=said.text, subject=said.subject
        )

    def _catalog(self, version: PlanVersion) -> Catalog:
        key = (version.shop, version.plan.name, version.version)
        if key not in self._catalogs:
            self._catalogs[key] = Catalog.model_validate_json(version.messages)
        return self._catalogs[key]

    def _context(self, found: Situation, offer: Made | None, locale: str) -> Context:
        cart = found.cart
        first_name = found.traits.get("firstName")
        return Context(
            shop=ShopWords(name=found.row["shop_name"]),
            customer=CustomerWords(first_name=render.one_line(first_name) if isinstance(first_name, str) else ""),
            cart=CartWords(
                items=_items(cart, locale),
                value=render.money(cart.value, cart.currency, locale),
                link=self._link(found),
            ),
            offer=_offer(offer, _zone(found), locale) if offer else OfferWords(),
        )

    def _link(self, found: Situation) -> str:
        token = self._links.token(found.row["shop"], found.row["cart_id"])
        page = restore_url(found.cart.cart_url, found.row["shop_cart_url"], token)
        # Without a page there may be one by the time the link is followed.
        return page or f"{self._public_url}/c/{token}"


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
        )
        for item in cart.items
    ]


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
