"""Related items: what is often bought together with what lies in a cart.

Only what the shop's backend tells counts: a write key stands in every page, and what anybody tells by it would be shown
to other people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from journeys.cart import OUT_OF_STOCK, Cart, Item, currency, read_item
from journeys.events import MAX_ID, BadEventError, Event, Name

MOST_SHOWN = 3
FEWEST_ORDERS = 2
"""One order that holds two products says nothing of the next one."""
MOST_LINES = 50
"""An order of more products is a dealer's, and says nothing of taste."""
COUNTED_FOR = timedelta(days=365)
"""How long an order counts."""
TELL_OF_PRODUCTS = (
    "Product Viewed",
    "Product Clicked",
    "Product List Viewed",
    Name.PRODUCT_ADDED,
    Name.PRODUCT_REMOVED,
    Name.CART_VIEWED,
    Name.CART_UPDATED,
    Name.CHECKOUT_STARTED,
    Name.ORDER_COMPLETED,
)
"""The events of Segment's e-commerce spec whose products are the shop's, as it sells them."""
_LONGEST = 2048
_PRICE = "price "


@dataclass(frozen=True)
class Fact:
    """One word on a product. ``field`` is ``name``, ``image_url``, ``url``, ``availability`` or ``price EUR``."""

    product_id: str
    field: str
    value: str


@dataclass(frozen=True)
class Candidate:
    """A product that was bought with what lies in a cart.

    Attributes:
        currency: of its price; a product that has several prices is a candidate with each.
        score: how often it was, beside all orders that hold it or what lies in the cart; more is better.

    """

    item: Item
    currency: str
    score: float


# What an event tells


def facts(event: Event) -> list[Fact]:
    """Take out of an event what it says of products. What cannot be read says nothing."""
    told = {(item.product_id, field): value for item, field, value in _told(event)}
    return [Fact(product, field, value) for (product, field), value in told.items()]


def _told(event: Event) -> Iterator[tuple[Item, str, str]]:
    priced_in = _currency(event)
    for product, item in _products(event):
        for field in ("name", "image_url", "url", "availability"):
            value = product.get(field)
            if isinstance(value, str) and 0 < len(value) <= _LONGEST:
                yield item, field, value
        if item.price and priced_in:
            yield item, f"{_PRICE}{priced_in}", str(item.price)


def lines(event: Event, in_cart: Iterable[str] = ()) -> frozenset[str]:
    """Tell which products an order holds.

    Args:
        event: an order, as it was told.
        in_cart: what lay in the cart that it is about; it counts where the order names no products.

    """
    told = frozenset(item.product_id for _, item in _products(event) if item.quantity)
    held = told or frozenset(product for product in in_cart if len(product) <= MAX_ID)
    return held if len(held) <= MOST_LINES else frozenset()


def _products(event: Event) -> Iterator[tuple[Mapping[str, Any], Item]]:
    products = event.properties.get("products")
    for product in products if isinstance(products, list) else [event.properties]:
        if not isinstance(product, Mapping):
            continue
        try:
            item = read_item(product, "")
        except BadEventError:
            continue
        if len(item.product_id) <= MAX_ID:
            yield product, item


def _currency(event: Event) -> str | None:
    try:
        return currency(event.properties)
    except BadEventError:
        return None


# What may be shown


def candidates(product_id: str, score: float, told: Mapping[str, str]) -> list[Candidate]:
    """Put together what is known of a product: one candidate for each currency that it has a price in.

    Args:
        product_id: the product.
        score: its own.
        told: the newest word on each of its fields.

    """
    item = Item(
        product_id=product_id,
        name=told.get("name", ""),
        url=told.get("url"),
        image_url=told.get("image_url"),
        in_stock=told.get("availability") != OUT_OF_STOCK,
    )
    prices = {field.removeprefix(_PRICE): value for field, value in told.items() if field.startswith(_PRICE)}
    return [
        Candidate(item.model_copy(update={"price": Decimal(price)}), priced_in, score)
        for priced_in, price in sorted(prices.items())
    ]


def choose(cart: Cart, among: Iterable[Candidate], most: int = MOST_SHOWN) -> tuple[Item, ...]:
    """Choose what is shown beside a cart, the best first.

    Never what lies in it, nor what is called the same: that is another size of it. Never what is out of stock, has no
    name or no price in the cart's currency. Nothing twice.
    """
    lying, names = {item.product_id for item in cart.items}, {_plain(item.name) for item in cart.items}
    shown: list[Item] = []
    for candidate in sorted(among, key=lambda found: (-found.score, found.item.product_id)):
        item, name = candidate.item, _plain(candidate.item.name)
        may = item.in_stock and item.price > 0 and candidate.currency == cart.currency
        if not may or not name or name in names or item.product_id in lying:
            continue
        names.add(name)
        lying.add(item.product_id)
        shown.append(item)
    return tuple(shown[:most])


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
