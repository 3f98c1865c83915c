"""WooCommerce: orders and customers. Carts have no webhook there.

A body is a resource of WooCommerce's REST API (v3). Only the body is signed: neither the topic nor the delivery's id
can be trusted, so what is told depends on the body alone, and the topic must fit it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from api.hooks.adapter import (
    Adapter,
    Headers,
    Message,
    UnreadableError,
    digest,
    fits,
    fitting,
    inner,
    needed,
    product,
    read_object,
    rows,
    said,
    verify_hmac,
    word,
)
from journeys.events import MAX_ID

_PING = re.compile(rb"webhook_id=\d{1,20}")
_PLACED = {"processing", "on-hold", "completed", "refunded"}
"""The statuses of an order that was placed. One on hold waits for a transfer; a pending or failed one was not paid."""


def verify(headers: Headers, body: bytes, secret: str) -> None:
    """Make sure that a secret signed the raw body.

    Raises:
        RefusedError: it did not.

    """
    verify_hmac(headers.get("x-wc-webhook-signature"), body, secret)


def heading(headers: Headers) -> str:
    """Give the topic, such as ``order.updated``."""
    return headers.get("x-wc-webhook-topic", "").lower()


def is_ping(body: bytes) -> bool:
    """Tell whether this is what WooCommerce sends, unsigned, to see if the address answers with 200."""
    return _PING.fullmatch(body) is not None


def messages(heading: str, body: bytes) -> list[Message]:
    """Tell an order or a customer; nothing for any other topic.

    Raises:
        UnreadableError: the body is not what the topic says.

    """
    if heading not in _TOPICS or is_ping(body):
        return []
    return list(_TOPICS[heading](read_object(body), digest(body)))


def _order(order: Mapping[str, Any], name: str) -> Iterator[Message]:
    if "order_key" not in order:
        raise UnreadableError("is not an order")
    number, changed = needed(order, "id"), _moment(order, "date_modified_gmt")
    person = _person(order, number)
    if traits := _contact(inner(order, "billing")):
        who = f"woocommerce:{name}:who"
        yield {"type": "identify", "messageId": who, "timestamp": changed, **person, "traits": traits}

    def told(event: str, message_id: str, at: str, **more: Any) -> Message:
        properties = _order_properties(order, number) | more
        named = {"type": "track", "event": event, "messageId": f"woocommerce:{message_id}", "timestamp": at}
        return {**named, **person, "properties": properties}

    status = word(order, "status")
    if status in _PLACED or word(order, "date_paid_gmt"):
        yield told("Order Completed", f"order:{number}:completed", _moment(order, "date_created_gmt"))
    if status == "cancelled":
        yield told("Order Cancelled", f"order:{number}:cancelled", changed)
    for refund in rows(order, "refunds"):
        # WooCommerce writes what was paid back below zero.
        back = (word(refund, "total") or "").removeprefix("-") or None
        yield told("Order Refunded", f"refund:{needed(refund, 'id')}", changed, **said(total=back))
    yield told("Order Updated", f"{name}:updated", changed, **said(status=status))


def _order_properties(order: Mapping[str, Any], number: str) -> dict[str, Any]:
    lines = fitting(_product(line) for line in rows(order, "line_items"))
    return said(
        order_id=number,
        cart_id=_noted(order, "relance_cart_id"),
        total=word(order, "total"),
        shipping=word(order, "shipping_total"),
        tax=word(order, "total_tax"),
        discount=word(order, "discount_total"),
        currency=word(order, "currency"),
        coupon=next((word(coupon, "code") for coupon in rows(order, "coupon_lines")), None),
        # An order counts with or without its lines.
        products=lines if fits(lines) else None,
    )


def _product(line: Mapping[str, Any]) -> dict[str, Any]:
    # A variation is what can be put in a cart again; "0" says that there is none.
    variation = word(line, "variation_id")
    product_id = variation if variation and variation != "0" else word(line, "product_id") or needed(line, "id")
    return product(
        product_id,
        line,
        name=word(line, "name"),
        price=line.get("price"),
        quantity=line.get("quantity"),
        image_url=word(inner(line, "image"), "src"),
    )


def _person(order: Mapping[str, Any], number: str) -> dict[str, Any]:
    """Say whose an order is: the customer's, and the visitor's who filled the cart, who are one then."""
    customer, visitor = word(order, "customer_id"), _noted(order, "relance_anonymous_id")
    if customer and customer != "0":
        return said(userId=customer, anonymousId=visitor)
    return {"anonymousId": visitor or f"woocommerce-order:{number}"}


def _noted(order: Mapping[str, Any], name: str) -> str | None:
    """Read what the shop's own code noted on an order: docs/webhooks.md shows how. It came from the buyer's browser."""
    entries = order.get("meta_data")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, Mapping) and word(entry, "key") == name:
            value = word(entry, "value")
            return value if value and len(value) <= MAX_ID else None
    return None


def _contact(person: Mapping[str, Any]) -> dict[str, Any]:
    """Give the contact data, where there are any. WooCommerce says nothing of consent."""
    email, phone = word(person, "email"), word(person, "phone")
    if email is None and phone is None:
        return {}
    return said(
        email=email,
        phone=phone,
        firstName=word(person, "first_name"),
        lastName=word(person, "last_name"),
        country=word(person, "country"),
    )


def _customer(customer: Mapping[str, Any], name: str) -> Iterator[Message]:
    if "username" not in customer:
        raise UnreadableError("is not a customer")
    billing = inner(customer, "billing")
    own = {field: word(customer, field) or word(billing, field) for field in ("email", "first_name", "last_name")}
    traits = _contact({**billing, **own})
    if traits:
        at, person = _moment(customer, "date_modified_gmt"), {"userId": needed(customer, "id")}
        who = f"woocommerce:{name}:who"
        yield {"type": "identify", "messageId": who, "timestamp": at, **person, "traits": traits}


def _moment(body: Mapping[str, Any], field: str) -> str:
    """Read a moment; the fields in GMT come without a zone. A customer who was never changed has no such date."""
    return (word(body, field) or needed(body, "date_created_gmt")) + "Z"


_TOPICS: dict[str, Callable[[Mapping[str, Any], str], Iterator[Message]]] = {
    "order.created": _order,
    "order.updated": _order,
    "order.restored": _order,
    "customer.created": _customer,
    "customer.updated": _customer,
}

ADAPTER = Adapter("woocommerce", verify, heading, messages, is_ping)
