"""Composes a message: content and addresses are read and put together here, and stay here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta, tzinfo

from channels.base import Card, Outgoing
from journeys.cart import Item
from journeys.expiry import worth_until
from journeys.facts import Channel, Medium, Moment, Purpose
from journeys.related import Candidate, choose
from journeys.steps import Send
from messages import catalog, mail, render, voice
from messages.catalog import Catalog, UnknownMessageError
from messages.links import CartLinks, item_url, origin, picture_url, restore_url
from messages.locale import format_locale, language_of
from messages.preferences import PreferenceLinks
from messages.related import WORDS
from messages.render import (
    CartWords,
    Context,
    CustomerWords,
    ItemWords,
    OfferWords,
    OrderWords,
    RelatedWords,
    RenderError,
    ShopWords,
    TaskWords,
    ViewedWords,
)
from messages.words import Template
from storage.offers import Made
from storage.plans import PlanVersion
from storage.sends import Claimed, Try
from storage.shops import Shop
from storage.situation import Situation

_SHORT = frozenset({Medium.SMS, Medium.WHATSAPP, Medium.ON_SITE})
"""Whose links are short ones."""


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

    def compose(
        self, version: PlanVersion, wanted: Try, claimed: Claimed, together: Iterable[Candidate] = ()
    ) -> Outgoing:
        """Compose a send's message for the person, in their language.

        Args:
            version: the plan's.
            wanted: what is sent.
            claimed: to whom, and about what.
            together: what was bought with what lay in the cart; of it is shown what fits the cart as it was claimed.

        Raises:
            CompositionError: a message is missing, or cannot be rendered.

        """
        found, step = claimed.situation, wanted.step
        language, locale = language_and_locale(found)
        unsubscribe = self._unsubscribe(found) if version.plan.purpose is Purpose.MARKETING else None
        try:
            template = self.catalog(version).find(step.send.message, wanted.channel, language)
            link = self._link(found, wanted.channel, claimed.code)
            related = choose(found.cart, together)
            context = self._context(found, claimed.offer, related, locale, link)
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
            receipt=self._receipt(wanted.channel, claimed.code),
            cards=_cards(found, locale),
            related=_related_cards(context.related, language, said.get("button")),
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
            template = self.catalog(version).find(step.send.message, channel, language)
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

    def read_out(
        self,
        version: PlanVersion,
        message: str,
        found: Situation,
        together: Iterable[Candidate] = (),
        *,
        written: str | None = None,
    ) -> str:
        """Write out the words that a message has for SMS, for somebody of the shop to read. Nothing comes of it.

        There is no offer in them, and the link to the cart is the long one: codes are made for what is sent.

        Args:
            version: the plan's.
            message: its name.
            found: about whom and what it is.
            together: as for ``compose``.
            written: what stands for ``task.text``; None for what a person wrote before.

        Raises:
            CompositionError: the message is missing, or cannot be rendered.

        """
        language, locale = language_and_locale(found)
        try:
            template = self.catalog(version).find(message, Channel.SMS, language)
            link = self._link(found, Channel.SMS, "")
            context = self._context(found, None, choose(found.cart, together), locale, link)
            if written is not None:
                context = context.model_copy(update={"task": TaskWords(text=written)})
            return render.render(template, context)["text"]
        except (UnknownMessageError, RenderError) as error:
            raise CompositionError(str(error)) from None

    def _say(
        self, template: Template, context: Context, channel: Channel, language: str, unsubscribe: str | None
    ) -> Mapping[str, str]:
        if channel is Channel.EMAIL:
            return mail.compose(template, context, language, unsubscribe)
        return render.render(template, context)

    def _unsubscribe(self, found: Situation) -> str:
        token = self._preferences.token(found.row["shop"], found.row["customer_id"])
        return f"{self._public_url}/u/{token}"

    def catalog(self, version: PlanVersion) -> Catalog:
        """Read the messages of a plan version."""
        key = (version.shop, version.plan.name, version.version)
        if key not in self._catalogs:
            self._catalogs[key] = Catalog.model_validate_json(version.messages)
        return self._catalogs[key]

    def _context(
        self, found: Situation, offer: Made | None, related: Iterable[Item], locale: str, link: str
    ) -> Context:
        cart = found.cart
        first_name = found.traits.get("firstName")
        return Context(
            shop=ShopWords(name=found.row["shop_name"], link=origin(found.row["shop_cart_url"]) or ""),
            customer=CustomerWords(first_name=render.one_line(first_name) if isinstance(first_name, str) else ""),
            cart=CartWords(
                items=_items(cart.items, cart.currency, locale),
                value=render.money(cart.value, cart.currency, locale),
                link=link,
            ),
            order=_order(found, locale),
            task=TaskWords(text=found.asked.task_text or ""),
            viewed=_viewed(found, locale),
            offer=_offer(offer, found.zones, locale) if offer else OfferWords(),
            related=[_related(item, cart.currency, locale, found.row["shop_cart_url"]) for item in related],
        )

    def _link(self, found: Situation, channel: Channel, code: str) -> str:
        """Give the link to the cart: a short one, where each character is paid for or nothing else tells of a click.

        What is about an order leads to its page, all else to the shop's.
        """
        if found.row["cart_id"] is None:
            order_page = found.asked.order.said.get("order_url") if found.asked.order else None
            return order_page or origin(found.row["shop_cart_url"]) or ""
        if code and channel.medium in _SHORT and found.policy.short_links:
            return f"{self._public_url}/l/{code}"
        token = self._links.token(found.row["shop"], found.row["cart_id"])
        page = restore_url(found.cart.cart_url, found.row["shop_cart_url"], token)
        # Without a page there may be one by the time the link is followed.
        return page or f"{self._public_url}/c/{token}"

    def _receipt(self, channel: Channel, code: str) -> str | None:
        """Give the address at which a device tells that a push has arrived."""
        return f"{self._public_url}/l/{code}" if code and channel.medium is Medium.PUSH else None


def _worth(version: PlanVersion, wanted: Try, claimed: Claimed) -> timedelta | None:
    """Tell how long the message is worth delivering."""
    question = claimed.situation.question(version.plan, wanted.channel, wanted.deadline, wanted.step)
    until = worth_until(question, claimed.offer.deadline if claimed.offer else None)
    return None if until is None else until - question.at


def language_and_locale(found: Situation) -> tuple[str, str]:
    """Tell in which language a person is written to, and by which locale money and dates are."""
    locale, country = (_text(found.traits.get(name)) for name in ("locale", "country"))
    language = language_of(locale, country, found.row["shop_language"])
    return language, format_locale(language, locale, country)


def _order(found: Situation, locale: str) -> OrderWords:
    known = found.asked.order
    if known is None:
        return OrderWords()
    said = known.said
    moments = {moment: render.moment(at, found.zones, locale) for moment, at in found.moments.items()}
    return OrderWords(
        id=found.row["key"] if known.from_backend else render.order_id(found.row["key"]),
        items=_items(known.items, known.currency, locale),
        value=render.money(known.total, known.currency, locale) if known.total is not None else "",
        link=said.get("order_url", ""),
        carrier=said.get("carrier", ""),
        tracking=said.get("tracking_url", ""),
        tracking_number=said.get("tracking_number", ""),
        expected=moments.get(Moment.EXPECTED, ""),
        payment=said.get("payment_url", ""),
        payment_code=said.get("payment_code", ""),
        payment_due=moments.get(Moment.PAYMENT_DUE, ""),
    )


def _viewed(found: Situation, locale: str) -> ViewedWords:
    known = found.asked.viewed
    if known is None:
        return ViewedWords()
    item = known.item
    return ViewedWords(
        name=item.name,
        price=render.money(item.price, known.currency, locale) if item.price else "",
        image=picture_url(item.image_url) or "",
        link=item_url(item.url, found.row["shop_cart_url"]) or "",
    )


def _items(items: Iterable[Item], currency: str | None, locale: str) -> list[ItemWords]:
    return [
        ItemWords(
            name=item.name or item.product_id,
            quantity=item.quantity,
            price=render.money(item.price, currency, locale),
            category=render.one_line(item.category),
            image=item.image_url or "",
            link=item.url or "",
        )
        for item in items
    ]


def _cards(found: Situation, locale: str) -> tuple[Card, ...]:
    """Show the items of the cart, each with what it costs."""
    cart, shop_page = found.cart, found.row["shop_cart_url"]
    return tuple(
        Card(
            title=render.product_name(item.name or item.product_id),
            text=_price(item.quantity, render.money(item.price, cart.currency, locale)),
            image=picture_url(item.image_url),
            link=item_url(item.url, shop_page),
        )
        for item in cart.items
    )


def _related(item: Item, currency: str | None, locale: str, shop_page: str | None) -> RelatedWords:
    return RelatedWords(
        name=item.name,
        price=render.money(item.price, currency, locale),
        image=picture_url(item.image_url) or "",
        link=item_url(item.url, shop_page) or "",
    )


def _related_cards(related: Iterable[RelatedWords], language: str, button: str | None) -> tuple[Card, ...]:
    """Show what does not lie in the cart, and say that it does not."""
    words = WORDS[language]
    return tuple(
        Card(
            title=item.name,
            text=f"{words.heading}\n{item.price}",
            image=item.image or None,
            link=item.link or None,
            button=words.button if button and item.link else None,
        )
        for item in related
    )


def _price(quantity: int, price: str) -> str:
    return price if quantity == 1 else f"{quantity} x {price}"


def _offer(offer: Made, zones: Sequence[tzinfo], locale: str) -> OfferWords:
    return OfferWords(
        kind=offer.kind,
        amount=render.money(offer.amount, offer.currency, locale) if offer.amount is not None else "",
        item=offer.item or "",
        # A credit is issued when the order comes: until then there is no code to show.
        code=offer.code if offer.state == "issued" else "",
        deadline=render.moment(offer.deadline, zones, locale),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
