"""Shopify: carts, checkouts, orders, fulfillments, customers.

A body is a resource of the REST Admin API. Only the body is signed: neither the topic nor the ids of the event and of
the delivery can be trusted. So a message is named by the body, what it says depends on the body, and the topic must
fit it: whoever repeats a body they caught, under whatever topic, tells what was told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
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

Body = Mapping[str, Any]


def verify(headers: Headers, body: bytes, secret: str) -> None:
    """Make sure that a secret signed the raw body.

    Raises:
        RefusedError: it did not.

    """
    verify_hmac(headers.get("x-shopify-hmac-sha256"), body, secret)


def heading(headers: Headers) -> str:
    """Give the topic, such as ``orders/create``."""
    return headers.get("x-shopify-topic", "").lower()


def messages(heading: str, body: bytes) -> list[Message]:
    """Tell a resource; nothing for a topic that has no events here.

    Raises:
        UnreadableError: the body is not what the topic says.

    """
    if heading not in _TOPICS:
        return []
    return list(_TOPICS[heading](read_object(body), f"shopify:{digest(body)}"))


def _cart(cart: Body, name: str) -> Iterator[Message]:
    if "token" not in cart or "line_items" not in cart or "cart_token" in cart:
        raise UnreadableError("is not a cart")
    token = _cart_id(cart, "token")
    lines = rows(cart, "line_items")
    money = next((inner(inner(line, "price_set"), "shop_money") for line in lines), {})
    properties = said(cart_id=token, currency=word(money, "currency_code"), products=fitting(map(_product, lines)))
    # A cart does not say whose it is; its checkout will.
    yield _track("Cart Updated", name, needed(cart, "updated_at"), {"anonymousId": f"shopify-cart:{token}"}, properties)


def _checkout_started(checkout: Body, name: str) -> Iterator[Message]:
    return _checkout(checkout, name, event="Checkout Started")


def _checkout(checkout: Body, name: str, *, event: str = "Cart Updated") -> Iterator[Message]:
    if "abandoned_checkout_url" not in checkout:
        raise UnreadableError("is not a checkout")
    person, at = _person(checkout, "token"), needed(checkout, "updated_at")
    yield from _identify(checkout, name, at, person)
    named = said(cart_id=_cart_id(checkout, "cart_token"), checkout_id=needed(checkout, "token"))
    if checkout.get("completed_at") is not None:
        # The order is told apart, and may have come already: the cart is left as it is.
        yield _track("Checkout Step Completed", name, at, person, named)
        return
    properties = said(
        cart_url=word(checkout, "abandoned_checkout_url"),
        currency=word(checkout, "currency"),
        discount=word(checkout, "total_discounts"),
        tax=None if checkout.get("taxes_included") else word(checkout, "total_tax"),
        products=fitting(map(_product, rows(checkout, "line_items"))),
    )
    yield _track(event, name, at, person, named | properties)


def _checkout_gone(checkout: Body, name: str) -> Iterator[Message]:
    # It has neither a time nor lines, so nothing else that Shopify signs is like it. It is told as of now, once.
    if "cart_token" not in checkout or "line_items" in checkout:
        raise UnreadableError("is not a deleted checkout")
    token = _cart_id(checkout, "cart_token")
    if token is not None:
        person = {"anonymousId": f"shopify-cart:{token}"}
        yield _track("Cart Updated", name, None, person, {"cart_id": token, "products": []})


def _order(order: Body, name: str) -> Iterator[Message]:
    if "order_number" not in order:
        raise UnreadableError("is not an order")
    number, changed = needed(order, "id"), needed(order, "updated_at")
    person, properties = _person(order, "checkout_token"), _order_properties(order, number)
    yield from _identify(order, name, changed, person)
    first = f"shopify:order:{number}"
    # Any body of an order says that it was placed: the first one may be missed, and an id counts once.
    yield _track("Order Completed", f"{first}:completed", needed(order, "created_at"), person, properties)
    # A fulfillment names the order only: from here on it is known whose that is.
    of_order = person | {"anonymousId": f"shopify-order:{number}"} if "userId" in person else person
    yield _track("Order Updated", name, changed, of_order, properties | said(status=word(order, "financial_status")))
    if cancelled := word(order, "cancelled_at"):
        yield _track("Order Cancelled", f"{first}:cancelled", cancelled, person, properties)
    for refund in rows(order, "refunds"):
        back = {**properties, **said(total=_paid_back(refund))}
        refund_id = f"shopify:refund:{needed(refund, 'id')}"
        yield _track("Order Refunded", refund_id, needed(refund, "created_at"), person, back)


def _order_properties(order: Body, number: str) -> dict[str, Any]:
    lines = fitting(map(_product, rows(order, "line_items")))
    return said(
        order_id=number,
        cart_id=_cart_id(order, "cart_token"),
        checkout_id=word(order, "checkout_token"),
        total=word(order, "total_price"),
        discount=word(order, "total_discounts"),
        tax=word(order, "total_tax"),
        shipping=word(inner(inner(order, "total_shipping_price_set"), "shop_money"), "amount"),
        currency=word(order, "currency"),
        coupon=next((word(code, "code") for code in rows(order, "discount_codes")), None),
        # An order counts with or without its lines.
        products=lines if fits(lines) else None,
    )


def _paid_back(refund: Body) -> str | None:
    try:
        paid = [
            Decimal(needed(part, "amount")) for part in rows(refund, "transactions") if part.get("kind") == "refund"
        ]
    except InvalidOperation:
        raise UnreadableError("refunds: an amount is not a number") from None
    return str(sum(paid)) if paid else None


def _fulfillment(fulfillment: Body, _: str) -> Iterator[Message]:
    if "order_id" not in fulfillment or "tracking_numbers" not in fulfillment:
        raise UnreadableError("is not a fulfillment")
    order, number = needed(fulfillment, "order_id"), needed(fulfillment, "id")
    person = {"anonymousId": f"shopify-order:{order}"}
    properties = said(
        order_id=order,
        fulfillment_id=number,
        carrier=word(fulfillment, "tracking_company"),
        tracking_number=word(fulfillment, "tracking_number"),
        tracking_url=word(fulfillment, "tracking_url"),
    )
    if word(fulfillment, "status") == "success":
        shipped, at = f"shopify:fulfillment:{number}:shipped", needed(fulfillment, "created_at")
        yield _track("Order Shipped", shipped, at, person, properties)
    if word(fulfillment, "shipment_status") == "delivered":
        delivered = f"shopify:fulfillment:{number}:delivered"
        yield _track("Order Delivered", delivered, needed(fulfillment, "updated_at"), person, properties)


def _customer(customer: Body, name: str) -> Iterator[Message]:
    if "verified_email" not in customer:
        raise UnreadableError("is not a customer")
    created, changed = needed(customer, "created_at"), needed(customer, "updated_at")
    consent = {
        channel: word_of_consent
        for channel in ("email", "sms")
        if (word_of_consent := _consent(inner(customer, f"{channel}_marketing_consent"), created, changed))
    }
    traits = said(
        firstName=word(customer, "first_name"),
        lastName=word(customer, "last_name"),
        email=word(customer, "email"),
        phone=word(customer, "phone"),
        locale=word(customer, "locale"),
        country=word(inner(customer, "default_address"), "country_code"),
        email_verified=customer["verified_email"] is True,
        consent=consent or None,
    )
    yield _who(name, changed, {"userId": needed(customer, "id")}, traits)


def _email_consent(word_given: Body, name: str) -> Iterator[Message]:
    return _consent_alone(word_given, name, "email", needed(word_given, "customer_id"))


def _sms_consent(word_given: Body, name: str) -> Iterator[Message]:
    return _consent_alone(word_given, name, "sms", needed(word_given, "id"))


def _consent_alone(word_given: Body, name: str, channel: str, customer: str) -> Iterator[Message]:
    given = inner(word_given, f"{channel}_marketing_consent")
    # Without a time there is no word: nobody was asked yet.
    at = word(given, "consent_updated_at")
    if at is not None and (consent := _consent(given, at, at)):
        yield _who(name, at, {"userId": customer}, {"consent": {channel: consent}})


def _consent(given: Body, earliest: str, latest: str) -> dict[str, Any] | None:
    """Read a customer's word. Where its time is missing, a yes is as old and a no as new as it can be."""
    at = word(given, "consent_updated_at")
    match word(given, "state"):
        case "subscribed":
            return {"granted": True, "at": at or earliest}
        case "unsubscribed":
            return {"granted": False, "at": at or latest}
    # Not subscribed, pending, redacted: nobody said anything that counts.
    return None


def _identify(body: Body, name: str, at: str, person: dict[str, str]) -> Iterator[Message]:
    """Tell who checks out, where their contact data are there."""
    customer, address = inner(body, "customer"), inner(body, "shipping_address") or inner(body, "billing_address")
    texts_wanted = body.get("buyer_accepts_sms_marketing") is True
    email = word(body, "email") or word(customer, "email")
    phone = (texts_wanted and word(body, "sms_marketing_phone")) or word(body, "phone") or word(customer, "phone")
    if email is None and not phone:
        return
    # A box that is not ticked is no refusal: whoever agreed once may leave it as it is. A ticked one counts from when
    # the checkout began, so that a body of later on does not take back a refusal that came between.
    yes = {"granted": True, "at": needed(body, "created_at")}
    consent = said(
        email=yes if body.get("buyer_accepts_marketing") is True else None, sms=yes if texts_wanted else None
    )
    traits = said(
        firstName=word(customer, "first_name") or word(address, "first_name"),
        lastName=word(customer, "last_name") or word(address, "last_name"),
        email=email,
        phone=phone or None,
        locale=word(body, "customer_locale"),
        country=word(address, "country_code"),
        consent=consent or None,
    )
    yield _who(name, at, person, traits)


def _person(body: Body, checkout: str) -> dict[str, str]:
    """Say whose a checkout or an order is: the customer's, and the visitor's who filled the cart, who are one then."""
    cart = _cart_id(body, "cart_token")
    visitor = f"shopify-cart:{cart}" if cart else _named("shopify-checkout", word(body, checkout))
    visitor = visitor or f"shopify-order:{needed(body, 'id')}"
    customer = word(inner(body, "customer"), "id")
    return said(userId=customer, anonymousId=visitor)


def _named(kind: str, value: str | None) -> str | None:
    return value and f"{kind}:{value}"


def _cart_id(body: Body, field: str) -> str | None:
    """Read a cart's token. Some come with ?key=…, which opens the cart to whoever has it, and some without."""
    token = word(body, field)
    return token and token.partition("?")[0]


def _product(line: Body) -> dict[str, Any]:
    # A variant is what can be put in a cart again. A line of the shop's own making has none.
    product_id = word(line, "variant_id") or word(line, "product_id") or word(line, "key") or needed(line, "id")
    return product(
        product_id,
        line,
        name=word(line, "title"),
        variant=word(line, "variant_title"),
        brand=word(line, "vendor"),
        price=word(line, "discounted_price") or word(line, "price"),
        quantity=line.get("quantity"),
    )


def _who(name: str, at: str, person: dict[str, str], traits: dict[str, Any]) -> Message:
    return {"type": "identify", "messageId": f"{name}:who", "timestamp": at, **person, "traits": traits}


def _track(event: str, name: str, at: str | None, person: dict[str, str], properties: dict[str, Any]) -> Message:
    message = {"type": "track", "event": event, "messageId": name, **person, "properties": properties}
    return message | said(timestamp=at)


_TOPICS: dict[str, Callable[[Body, str], Iterator[Message]]] = {
    "carts/create": _cart,
    "carts/update": _cart,
    "checkouts/create": _checkout_started,
    "checkouts/update": _checkout,
    "checkouts/delete": _checkout_gone,
    "orders/create": _order,
    "orders/updated": _order,
    "orders/paid": _order,
    "orders/cancelled": _order,
    "orders/fulfilled": _order,
    "fulfillments/create": _fulfillment,
    "fulfillments/update": _fulfillment,
    "customers/create": _customer,
    "customers/update": _customer,
    "customers_email_marketing_consent/update": _email_consent,
    "customers_marketing_consent/update": _sms_consent,
}

ADAPTER = Adapter("shopify", verify, heading, messages)
