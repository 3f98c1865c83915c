"""A cart, as the fold of its events.

Events may come in any order. ``apply`` takes the next one, ``fold`` takes them all; both give the same cart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from journeys.events import BadEventError, Event, Name, whole

CART_EVENTS = frozenset(
    {Name.PRODUCT_ADDED, Name.PRODUCT_REMOVED, Name.CART_VIEWED, Name.CART_UPDATED, Name.CHECKOUT_STARTED}
)
MOST_TELLERS = 20
"""More people than ever share a cart; a cart whose id is shown to everybody must not grow without end."""
MOST_LINES = 1_000
"""More than any cart has (Shopify's has 500 at most); whoever adds without end would make each event a long one."""
_MOST_MONEY = Decimal(10) ** 12
_DECIMALS = 20
_DIGITS = 40
"""More than any price has. Postgres keeps 16,383 at most."""
_MOST_PIECES = 10**6
OUT_OF_STOCK = "out_of_stock"
"""As product feeds say it (https://support.google.com/merchants/answer/6324448); the rest can be bought."""


class Item(BaseModel):
    """One line of a cart. ``price`` is for one piece, with tax unless the shop states the tax apart.

    Attributes:
        cost: what one piece costs the shop, where it tells that.
        in_stock: whether it can be bought, as far as the shop tells.

    """

    model_config = ConfigDict(frozen=True)

    product_id: str
    name: str = ""
    category: str = ""
    price: Decimal = Decimal(0)
    quantity: int = 1
    url: str | None = None
    image_url: str | None = None
    cost: Decimal | None = None
    in_stock: bool = True


_Lines: TypeAlias = dict[str, Item]
"""The lines of a cart by the id of their product, in the order in which they were added."""


class Cart(BaseModel):
    """What lies in one cart now.

    Attributes:
        opened_at: when it first held something; None while it never did.
        last: time and message id of the newest event that is in it.
        user: the newest user who told of it; None while only visitors did.
        told: who told of it, users and visitors, each with the moment of the first time.

    """

    model_config = ConfigDict(frozen=True)

    items: tuple[Item, ...] = ()
    currency: str | None = None
    discount: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    cart_url: str | None = None
    opened_at: datetime | None = None
    last: tuple[datetime, str] | None = None
    user: str | None = None
    told: dict[str, datetime] = Field(default_factory=dict)

    @property
    def value(self) -> Decimal:
        """What the person would pay for the items: after discounts, with tax, without shipping."""
        return max(sum((i.price * i.quantity for i in self.items), Decimal(0)) - self.discount + self.tax, Decimal(0))

    @property
    def sold_out(self) -> bool:
        """Whether nothing that lies in it can be bought."""
        return bool(self.items) and not any(item.in_stock for item in self.items)

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of the items, sorted, each once."""
        return tuple(sorted({i.category for i in self.items if i.category}))


def fold(events: Iterable[Event]) -> Cart:
    """Compute the cart that these events leave, in whatever order they are given."""
    cart, lines = Cart(), dict[str, Item]()
    for event in sorted(events, key=lambda e: e.order):
        lines = _lines_after(lines, event)
        cart = _told_by(cart, event, holds_items=bool(lines))
    return cart.model_copy(update={"items": tuple(lines.values())})


def apply(cart: Cart, event: Event) -> Cart:
    """Take the next event. It must not be older than the newest one in the cart.

    Raises:
        BadEventError: an item, a price or a quantity cannot be read.

    """
    lines = _lines_after({item.product_id: item for item in cart.items}, event)
    told = _told_by(cart, event, holds_items=bool(lines))
    return told.model_copy(update={"items": tuple(lines.values())})


def _told_by(cart: Cart, event: Event, *, holds_items: bool) -> Cart:
    """Take what an event says of a cart, but for its lines."""
    properties = event.properties
    changes: dict[str, Any] = {"last": event.order}
    if said := currency(properties):
        changes["currency"] = said
    if event.name != Name.PRODUCT_ADDED:
        changes["discount"] = money(properties, "discount", "properties.")
        changes["tax"] = money(properties, "tax", "properties.")
    if isinstance(url := properties.get("cart_url"), str):
        changes["cart_url"] = url
    if holds_items and cart.opened_at is None:
        changes["opened_at"] = event.at
    if event.user_id is not None:
        changes["user"] = event.user_id
    if (teller := event.user_id or event.anonymous_id) and teller not in cart.told and len(cart.told) < MOST_TELLERS:
        changes["told"] = {**cart.told, teller: event.at}
    return cart.model_copy(update=changes)


def _lines_after(lines: _Lines, event: Event) -> _Lines:
    if event.name == Name.PRODUCT_ADDED:
        _add(lines, read_item(event.properties, "properties."))
    elif event.name == Name.PRODUCT_REMOVED:
        _remove(lines, read_item(event.properties, "properties."))
    elif "products" in event.properties:
        return read_lines(event.properties)
    return lines


def _add(lines: _Lines, new: Item) -> None:
    known = lines.get(new.product_id)
    if known is not None and new.quantity:
        lines[new.product_id] = new.model_copy(update={"quantity": known.quantity + new.quantity})
    elif new.quantity and len(lines) < MOST_LINES:
        lines[new.product_id] = new


def _remove(lines: _Lines, gone: Item) -> None:
    known = lines.get(gone.product_id)
    if known is None:
        return
    if known.quantity > gone.quantity:
        lines[gone.product_id] = known.model_copy(update={"quantity": known.quantity - gone.quantity})
    else:
        del lines[gone.product_id]


def read_lines(properties: Mapping[str, Any]) -> _Lines:
    """Read ``products``; lines of quantity 0 are left out.

    Raises:
        BadEventError: naming the line and the field.

    """
    products = properties.get("products")
    if not isinstance(products, list):
        raise BadEventError("properties.products", "must be a list")
    lines: _Lines = {}
    for index, product in enumerate(products):
        path = f"properties.products[{index}]"
        if not isinstance(product, Mapping):
            raise BadEventError(path, "must be an object")
        _add(lines, read_item(product, path + "."))
    return lines


def read_item(product: Mapping[str, Any], path: str) -> Item:
    """Read one line item of the Segment spec.

    Raises:
        BadEventError: naming the field.

    """
    product_id = whole(product.get("product_id") or product.get("sku"))
    if isinstance(product_id, bool) or not isinstance(product_id, str | int):
        raise BadEventError(path + "product_id", "must be given, or sku in its place")
    return Item(
        product_id=str(product_id),
        name=_string(product.get("name")) or "",
        category=_string(product.get("category")) or "",
        price=money(product, "price", path),
        quantity=_quantity(product, path),
        url=_string(product.get("url")),
        image_url=_string(product.get("image_url")),
        cost=money(product, "cost", path) if product.get("cost") is not None else None,
        in_stock=product.get("availability") != OUT_OF_STOCK,
    )


def money(properties: Mapping[str, Any], field: str, path: str) -> Decimal:
    """Read an amount in the currency's main unit; 0 where the field is missing. It has at most 20 decimals.

    Raises:
        BadEventError: not a number, negative, or absurdly large.

    """
    value = properties.get(field)
    if value is None:
        return Decimal(0)
    problem = "must be a number from 0 to 10^12"
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise BadEventError(path + field, problem)
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise BadEventError(path + field, problem) from None
    if not amount.is_finite() or not 0 <= amount <= _MOST_MONEY:
        raise BadEventError(path + field, problem)
    if -_DECIMALS <= int(amount.as_tuple().exponent) <= 0:
        return amount
    with localcontext(prec=_DIGITS):
        return round(amount, _DECIMALS)


def _quantity(product: Mapping[str, Any], path: str) -> int:
    value = whole(product.get("quantity", 1))
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_PIECES:
        raise BadEventError(path + "quantity", "must be a whole number from 0 to 10^6")
    return value


def currency(properties: Mapping[str, Any]) -> str | None:
    """Read the currency, in capitals; None where the field is missing.

    Raises:
        BadEventError: no three letters.

    """
    value = properties.get("currency")
    if value is None:
        return None
    if not isinstance(value, str) or len(value) != 3 or not value.isascii() or not value.isalpha():  # noqa: PLR2004 ISO 4217
        raise BadEventError("properties.currency", "must be an ISO 4217 code of three letters, such as EUR")
    return value.upper()


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None
