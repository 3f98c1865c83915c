"""What Shopify's webhooks tell, in whatever order they come and whoever sends them again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.hooks import shopify
from tests.examples import examples
from tests.integration.hook_calls import (
    CART,
    CHECKOUT,
    CUSTOMER,
    Hooks,
    ago,
    counts,
    events,
    payload,
    state,
)
from tests.support import TestShop

VISITOR = f"shopify-cart:{CART}"
ORDER = "820982911946154508"


def cart(minutes: float, *, pieces: int = 2) -> dict[str, Any]:
    body = payload("shopify-cart", updated_at=ago(minutes=minutes), created_at=ago(minutes=60))
    body["line_items"][0]["quantity"] = pieces
    return body


def checkout(minutes: float, **changes: Any) -> dict[str, Any]:
    return payload("shopify-checkout", updated_at=ago(minutes=minutes), created_at=ago(minutes=55), **changes)


def order(minutes: float, **changes: Any) -> dict[str, Any]:
    return payload("shopify-order", updated_at=ago(minutes=minutes), created_at=ago(minutes=40), **changes)


async def content(shop: TestShop, cart_id: str = CART) -> dict[str, Any]:
    found: dict[str, Any] = await shop.parts.pool.fetchval("select content from carts where cart_id = $1", cart_id)
    return found


async def told(shop: TestShop, name: str) -> dict[str, Any]:
    """Give the properties of the one event of that name."""
    [row] = await shop.parts.pool.fetch("select content from events where name = $1", name)
    properties: dict[str, Any] = row["content"]["properties"]
    return properties


async def traits(shop: TestShop, customer: str) -> dict[str, Any]:
    known = await shop.parts.pool.fetchval("select traits from customers where customer_id = $1", customer)
    return {name: trait["value"] for name, trait in known.items()}


async def consents(shop: TestShop, customer: str = CUSTOMER) -> dict[str, bool]:
    rows = await shop.parts.pool.fetch("select channel, granted from consents where customer_id = $1", customer)
    return {row["channel"]: row["granted"] for row in rows}


async def test_a_cart_holds_what_shopify_says_and_belongs_to_its_visitor(hooks: Hooks) -> None:
    await hooks.shopify("carts/create", cart(50, pieces=1))
    await hooks.shopify("carts/update", cart(45))
    stored = await content(hooks.shop)
    assert stored["currency"] == "EUR"
    [line] = stored["items"]
    assert (line["product_id"], line["price"], line["quantity"]) == ("43453026762901", "59.90", 2)
    assert await events(hooks.shop) == [("Cart Updated", VISITOR)] * 2


async def test_a_checkout_says_whose_the_cart_is_and_leads_back_to_it(hooks: Hooks) -> None:
    await hooks.shopify("carts/create", cart(50))
    await hooks.shopify("checkouts/create", checkout(45))
    stored = await content(hooks.shop)
    assert stored["cart_url"].startswith("https://shop.example.com/64123/checkouts/")
    assert stored["discount"] == "5.00"
    assert stored["tax"] == "0"
    owner = await hooks.shop.parts.pool.fetchval("select customer_id from carts")
    assert owner == CUSTOMER
    assert await traits(hooks.shop, CUSTOMER) == {
        "firstName": "Ana",
        "lastName": "Moreau",
        "email": "ana@example.com",
        "phone": "+33639980001",
        "locale": "fr-FR",
        "country": "FR",
    }
    assert await consents(hooks.shop) == {"email": True, "sms": True}
    properties = await told(hooks.shop, "Checkout Started")
    assert (properties["cart_id"], properties["checkout_id"]) == (CART, CHECKOUT)


async def test_tax_is_added_where_prices_are_without_it(hooks: Hooks) -> None:
    await hooks.shopify("checkouts/create", checkout(45, taxes_included=False))
    assert (await content(hooks.shop))["tax"] == "19.13"


async def test_a_checkout_of_nobody_yet_tells_of_the_cart_only(hooks: Hooks) -> None:
    unknown: dict[str, Any] = {"email": None, "customer": None, "shipping_address": [], "sms_marketing_phone": None}
    await hooks.shopify("checkouts/create", checkout(45, **unknown))
    assert await events(hooks.shop) == [("Checkout Started", VISITOR)]


async def test_a_guest_is_the_visitor_of_the_cart(hooks: Hooks) -> None:
    await hooks.shopify("carts/create", cart(50))
    await hooks.shopify("checkouts/update", checkout(45, customer=None))
    assert {person for _, person in await events(hooks.shop)} == {VISITOR}
    assert (await traits(hooks.shop, VISITOR))["email"] == "ana@example.com"


async def test_a_box_that_is_not_ticked_is_no_refusal(hooks: Hooks) -> None:
    await hooks.shopify("customers/update", payload("shopify-customer"))
    not_ticked = {"buyer_accepts_marketing": False, "buyer_accepts_sms_marketing": False}
    await hooks.shopify("checkouts/update", checkout(45, **not_ticked))
    assert await consents(hooks.shop) == {"email": True}


async def test_a_refusal_is_not_taken_back_by_what_was_ticked_before_it(hooks: Hooks) -> None:
    await hooks.shopify("checkouts/create", checkout(45))
    given = {"state": "unsubscribed", "opt_in_level": "single_opt_in", "consent_updated_at": ago(minutes=30)}
    refusal = payload("shopify-email-consent", email_marketing_consent=given)
    await hooks.shopify("customers_email_marketing_consent/update", refusal)
    await hooks.shopify("orders/updated", order(5))
    await hooks.shopify("checkouts/update", checkout(4))
    assert await consents(hooks.shop) == {"email": False, "sms": True}


@pytest.mark.parametrize(
    ("word", "granted"), [("subscribed", True), ("unsubscribed", False), ("not_subscribed", None), ("pending", None)]
)
async def test_a_customers_word_counts_as_they_gave_it(hooks: Hooks, word: str, granted: object) -> None:
    given = {"state": word, "opt_in_level": None, "consent_updated_at": "2026-03-01T09:01:00+01:00"}
    customer = payload("shopify-customer", email_marketing_consent=given, sms_marketing_consent=None)
    assert (await hooks.shopify("customers/update", customer)).json()["success"] is True
    assert await consents(hooks.shop) == ({} if granted is None else {"email": granted})
    assert (await traits(hooks.shop, CUSTOMER))["email_verified"] is True


async def test_a_word_by_sms_comes_by_a_topic_of_its_own(hooks: Hooks) -> None:
    await hooks.shopify("customers_marketing_consent/update", payload("shopify-sms-consent"))
    assert await consents(hooks.shop) == {"sms": True}


async def test_a_word_without_a_time_was_never_given(hooks: Hooks) -> None:
    given = {"state": "subscribed", "opt_in_level": None, "consent_updated_at": None}
    body = payload("shopify-sms-consent", sms_marketing_consent=given)
    assert (await hooks.shopify("customers_marketing_consent/update", body)).json() == {
        "success": True,
        "results": [],
        "problem": None,
    }


async def test_an_order_completes_its_cart_once_whatever_tells_of_it(hooks: Hooks) -> None:
    await hooks.shopify("checkouts/create", checkout(45))
    for number, topic in enumerate(("create", "paid", "updated", "fulfilled")):
        await hooks.shopify(f"orders/{topic}", order(39 - number))
    [row] = await hooks.shop.parts.pool.fetch("select order_id, cart_id, customer_id from orders")
    assert tuple(row) == (ORDER, CART, CUSTOMER)
    assert [name for name, _ in await events(hooks.shop)].count("Order Completed") == 1
    properties = await told(hooks.shop, "Order Completed")
    wanted = {"checkout_id": CHECKOUT, "total": "119.70", "currency": "EUR", "coupon": "BIENVENUE", "shipping": "4.90"}
    assert wanted.items() <= properties.items()
    assert properties["products"][0]["sku"] == "TEAPOT-BLUE"


async def test_an_order_of_which_the_first_word_was_missed_counts_from_when_it_was_made(hooks: Hooks) -> None:
    made = order(5)
    await hooks.shopify("orders/updated", made)
    at = await hooks.shop.parts.pool.fetchval("select at from orders")
    assert at == datetime.fromisoformat(made["created_at"])


async def test_a_cancelled_and_refunded_order_is_told_as_that_and_reopens_nothing(hooks: Hooks) -> None:
    await hooks.shopify("checkouts/create", checkout(45))
    await hooks.shopify("orders/create", order(39))
    before = await hooks.shop.journey(CART)
    money = {"id": 1, "kind": "refund", "amount": "100.00"}, {"id": 2, "kind": "refund", "amount": "19.70"}
    refund = {"id": 77, "created_at": ago(minutes=20), "order_id": int(ORDER), "transactions": money}
    cancelled = order(19, cancelled_at=ago(minutes=20), financial_status="refunded", refunds=[refund])
    await hooks.shopify("orders/cancelled", cancelled)
    await hooks.shopify("orders/updated", cancelled | {"updated_at": ago(minutes=10)})
    names = [name for name, _ in await events(hooks.shop)]
    assert (names.count("Order Cancelled"), names.count("Order Refunded")) == (1, 1)
    assert (await told(hooks.shop, "Order Refunded"))["total"] == "119.70"
    assert await hooks.shop.journey(CART) == before
    assert (before.status, before.outcome) == ("ended", "converted")


async def test_an_order_of_hundreds_of_lines_counts(hooks: Hooks) -> None:
    line = payload("shopify-order")["line_items"][0]
    many = order(39, line_items=[line | {"id": n, "variant_id": n, "title": "x" * 300} for n in range(1_000)])
    assert (await hooks.shopify("orders/create", many)).json()["success"] is True
    assert await hooks.shop.parts.pool.fetchval("select count(*) from orders") == 1


async def test_a_cart_of_hundreds_of_lines_is_kept_with_what_counts(hooks: Hooks) -> None:
    line = payload("shopify-cart")["line_items"][0]
    many = cart(45) | {"line_items": [line | {"variant_id": n, "title": "x" * 300} for n in range(300)]}
    assert (await hooks.shopify("carts/update", many)).json()["success"] is True
    assert len((await content(hooks.shop))["items"]) == 300


async def test_a_parcel_is_told_of_the_customer_whose_order_it_is(hooks: Hooks) -> None:
    sent = payload("shopify-fulfillment", created_at=ago(minutes=20), updated_at=ago(minutes=20))
    there = sent | {"shipment_status": "delivered", "updated_at": ago(minutes=2)}
    await hooks.shopify("fulfillments/create", sent)
    await hooks.shopify("fulfillments/update", there)
    await hooks.shopify("fulfillments/update", there | {"updated_at": ago(minutes=1), "tracking_company": "Another"})
    assert await events(hooks.shop) == [
        ("Order Shipped", f"shopify-order:{ORDER}"),
        ("Order Delivered", f"shopify-order:{ORDER}"),
    ]
    assert (await told(hooks.shop, "Order Shipped"))["tracking_number"] == "6A12345678901"
    await hooks.shopify("orders/create", order(39))
    assert {person for _, person in await events(hooks.shop)} == {CUSTOMER}


async def test_a_parcel_that_was_not_sent_is_not_told(hooks: Hooks) -> None:
    await hooks.shopify("fulfillments/create", payload("shopify-fulfillment", status="cancelled"))
    assert await events(hooks.shop) == []


async def test_a_deleted_checkout_empties_its_cart(hooks: Hooks) -> None:
    await hooks.shopify("checkouts/create", checkout(45))
    await hooks.shopify("checkouts/delete", payload("shopify-checkout-deleted"))
    assert (await content(hooks.shop))["items"] == []


async def test_a_completed_checkout_leaves_the_cart_as_it_is(hooks: Hooks) -> None:
    await hooks.shopify("checkouts/create", checkout(45))
    before = await content(hooks.shop)
    await hooks.shopify("checkouts/update", checkout(39, completed_at=ago(minutes=40), line_items=[]))
    assert await content(hooks.shop) == before
    assert ("Checkout Step Completed", CUSTOMER) in await events(hooks.shop)


async def test_a_cart_is_the_same_whether_its_token_comes_with_its_key_or_without(hooks: Hooks) -> None:
    token = "Z2NwLWV1cm9wZS13ZXN0MTowMUpX?key=5b1f"
    await hooks.shopify("carts/create", cart(50) | {"id": token, "token": token})
    await hooks.shopify("orders/create", order(39, cart_token=token.partition("?")[0]))
    [row] = await hooks.shop.parts.pool.fetch("select cart_id, order_id, customer_id from carts")
    assert tuple(row) == ("Z2NwLWV1cm9wZS13ZXN0MTowMUpX", ORDER, CUSTOMER)


@pytest.mark.parametrize("nothing", [None, ""])
async def test_an_order_from_the_counter_has_no_cart(hooks: Hooks, nothing: str | None) -> None:
    await hooks.shopify("orders/create", order(39, cart_token=nothing, checkout_token=nothing, customer=None))
    [row] = await hooks.shop.parts.pool.fetch("select order_id, cart_id, customer_id from orders")
    assert tuple(row) == (ORDER, None, f"shopify-order:{ORDER}")


async def test_a_clock_that_is_ahead_is_taken_for_now(hooks: Hooks) -> None:
    ahead = ago(hours=-3)
    assert (await hooks.shopify("carts/update", cart(0) | {"updated_at": ahead})).json()["success"] is True
    assert await hooks.shop.parts.pool.fetchval("select at <= received_at from events")


# Replays: the topic and the ids of a delivery are not signed


BODIES = {
    "carts/update": cart(45),
    "checkouts/update": checkout(42),
    "orders/updated": order(39),
    "fulfillments/update": payload("shopify-fulfillment"),
    "customers/update": payload("shopify-customer"),
    "customers_email_marketing_consent/update": payload("shopify-email-consent"),
    "checkouts/delete": payload("shopify-checkout-deleted"),
}


def kind(topic: str) -> str:
    """Name what the body of a topic is; that of a deleted checkout is another than that of a checkout."""
    return topic if topic == "checkouts/delete" else topic.partition("/")[0]


TOPICS = list(shopify._TOPICS)  # noqa: SLF001 the list


async def test_a_delivery_that_comes_again_under_other_ids_changes_nothing(hooks: Hooks) -> None:
    for topic, body in BODIES.items():
        await hooks.shopify(topic, body, **{"X-Shopify-Event-Id": "e-1", "X-Shopify-Webhook-Id": "w-1"})
    before, rows = await state(hooks.shop), await counts(hooks.shop)
    for topic, body in BODIES.items():
        more = {"X-Shopify-Event-Id": "e-2", "X-Shopify-Webhook-Id": "w-2", "X-Shopify-Triggered-At": ago()}
        answer = await hooks.shopify(topic, body, **more)
        assert {result["status"] for result in answer.json()["results"]} == {"duplicate"}
    assert (await state(hooks.shop), await counts(hooks.shop)) == (before, rows)


@pytest.mark.parametrize("topic", BODIES)
async def test_a_body_that_was_caught_does_nothing_under_any_other_topic(hooks: Hooks, topic: str) -> None:
    for known, body in BODIES.items():
        if known != "checkouts/delete" or topic == "checkouts/delete":
            await hooks.shopify(known, body)
    before, taken = await state(hooks.shop), await events(hooks.shop)
    for other in [*TOPICS, "products/update", ""]:
        assert (await hooks.shopify(other, BODIES[topic])).status_code == 200
    assert (await state(hooks.shop), await events(hooks.shop)) == (before, taken)


@pytest.mark.parametrize("topic", BODIES)
async def test_a_body_tells_nothing_under_a_topic_that_it_does_not_fit(hooks: Hooks, topic: str) -> None:
    for other in TOPICS:
        if kind(other) != kind(topic):
            assert (await hooks.shopify(other, BODIES[topic])).json()["results"] == []
    assert await events(hooks.shop) == []


async def test_an_old_cart_that_comes_again_changes_nothing_and_starts_nothing(hooks: Hooks) -> None:
    await hooks.shopify("carts/update", cart(60 * 24 * 30))
    assert await hooks.shop.parts.pool.fetchval("select count(*) from journeys") == 0
    now = cart(5, pieces=3)
    await hooks.shopify("carts/update", now)
    before = await content(hooks.shop)
    await hooks.shopify("carts/update", cart(60 * 24 * 20, pieces=7))
    after = await content(hooks.shop)
    assert (after["items"], after["last"]) == (before["items"], before["last"])


# Deliveries come in any order


STORY = [
    ("customers/create", payload("shopify-customer", updated_at=ago(minutes=70))),
    ("carts/create", cart(59, pieces=1)),
    ("carts/update", cart(57)),
    ("checkouts/create", checkout(54, customer=None, email=None)),
    ("checkouts/update", checkout(50)),
    ("carts/update", cart(45, pieces=3)),
    ("orders/create", order(39)),
    ("orders/paid", order(38, financial_status="paid")),
    ("fulfillments/create", payload("shopify-fulfillment", created_at=ago(minutes=30), updated_at=ago(minutes=30))),
    ("orders/cancelled", order(20, cancelled_at=ago(minutes=20))),
]


@st.composite
def arrivals(draw: st.DrawFn) -> list[int]:
    order = draw(st.permutations(range(len(STORY))))
    return [*order, *draw(st.lists(st.sampled_from(range(len(STORY))), max_size=3))]


@given(arrivals=arrivals())
@settings(max_examples=examples(20))
async def test_deliveries_in_any_order_and_more_than_once_leave_the_same(hooks: Hooks, arrivals: list[int]) -> None:
    one, other = (TestShop(hooks.shop.parts) for _ in range(2))
    for shop, order in ((one, range(len(STORY))), (other, arrivals)):
        await shop.open()
        platforms = Hooks(hooks.api, shop)
        await platforms.connect()
        for number in order:
            topic, body = STORY[number]
            assert (await platforms.shopify(topic, body)).json()["success"] is True
    assert await state(other) == await state(one)


async def test_the_whole_way_from_a_checkout_to_a_converted_journey(hooks: Hooks) -> None:
    await hooks.shopify("checkouts/create", checkout(30))
    journey = await hooks.shop.journey(CART)
    assert (journey.status, journey.customer_id) == ("running", CUSTOMER)
    await hooks.shopify("orders/create", order(1))
    journey = await hooks.shop.journey(CART)
    assert (journey.status, journey.outcome) == ("ended", "converted")
