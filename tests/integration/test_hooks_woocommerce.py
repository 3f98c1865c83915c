"""What WooCommerce's webhooks tell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.integration.hook_calls import SECRET, Hooks, ago_gmt, counts, events, packed, payload, signature, state
from tests.support import ITEM, MINUTE, TestShop


def order(minutes: float, **changes: Any) -> dict[str, Any]:
    times = {"date_created_gmt": ago_gmt(minutes=60), "date_modified_gmt": ago_gmt(minutes=minutes)}
    return payload("woocommerce-order", **(times | changes))


async def test_the_ping_is_answered_with_200_and_does_nothing(hooks: Hooks) -> None:
    before = await counts(hooks.shop)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for shop in (hooks.shop.shop, "nobody"):
        answer = await hooks.post("woocommerce", b"webhook_id=42", form, shop=shop)
        assert answer.status_code == 200
    assert await counts(hooks.shop) == before


async def test_an_order_tells_who_bought_what(hooks: Hooks) -> None:
    await hooks.woocommerce("order.created", order(59))
    assert await events(hooks.shop) == [("Order Completed", "26"), ("Order Updated", "26"), ("identify", "26")]
    pool = hooks.shop.parts.pool
    properties = await pool.fetchval("select content->'properties' from events where name = 'Order Completed'")
    wanted = {"order_id": "727", "total": "119.70", "currency": "EUR", "discount": "5.00", "coupon": "bienvenue"}
    assert wanted.items() <= properties.items()
    [line] = properties["products"]
    assert (line["product_id"], line["sku"], line["quantity"], line["price"]) == ("96", "TEAPOT-BLUE", 2, 47.835)
    traits = await pool.fetchval("select traits from customers where customer_id = '26'")
    assert {name: trait["value"] for name, trait in traits.items()} == {
        "email": "ana@example.com",
        "phone": "+33639980001",
        "firstName": "Ana",
        "lastName": "Moreau",
        "country": "FR",
    }
    assert await pool.fetchval("select count(*) from consents") == 0


async def test_an_order_names_no_cart_and_ends_the_journeys_of_its_customers(hooks: Hooks) -> None:
    await hooks.shop.fill("c-1", -30 * MINUTE, person="26")
    await hooks.woocommerce("order.created", order(5, date_created_gmt=ago_gmt(minutes=10)))
    journey = await hooks.shop.journey("c-1")
    assert (journey.status, journey.outcome) == ("ended", "converted")


async def test_a_guests_order_is_its_own_person(hooks: Hooks) -> None:
    await hooks.woocommerce("order.created", order(59, customer_id=0))
    assert {person for _, person in await events(hooks.shop)} == {"woocommerce-order:727"}


def noted(**meta: Any) -> list[dict[str, Any]]:
    return [{"id": number, "key": key, "value": value} for number, (key, value) in enumerate(meta.items())]


@pytest.mark.parametrize("customer", [0, 26])
async def test_an_order_that_notes_its_visitor_ends_the_journey_of_the_visitors_cart(
    hooks: Hooks, customer: int
) -> None:
    item: dict[str, Any] = {**ITEM, "cart_id": "c-1", "currency": "EUR"}
    page = hooks.shop.event("Product Added", -30 * MINUTE, **item)
    await hooks.shop.take(page.model_copy(update={"user_id": None, "anonymous_id": "device-9"}))
    meta = noted(_billing_vat="x", relance_anonymous_id="device-9")
    body = order(5, date_created_gmt=ago_gmt(minutes=10), customer_id=customer, meta_data=meta)
    assert (await hooks.woocommerce("order.created", body)).json()["success"] is True
    journey = await hooks.shop.journey("c-1")
    assert (journey.outcome, journey.customer_id) == ("converted", "26" if customer else "device-9")


async def test_an_order_that_notes_its_cart_completes_that_one(hooks: Hooks) -> None:
    await hooks.shop.fill("c-1", -30 * MINUTE, person="somebody")
    meta = noted(relance_cart_id="c-1")
    await hooks.woocommerce("order.created", order(5, customer_id=0, meta_data=meta))
    assert (await hooks.shop.journey("c-1")).outcome == "converted"


@pytest.mark.parametrize("value", ["", " ", "x" * 257, None, {"a": 1}, ["device-9"], True, 1.5])
async def test_what_is_noted_on_an_order_and_is_no_id_is_left_out(hooks: Hooks, value: Any) -> None:
    meta = noted(relance_anonymous_id=value, relance_cart_id=value)
    answer = await hooks.woocommerce("order.created", order(5, customer_id=0, meta_data=meta))
    assert answer.json()["success"] is True
    assert {person for _, person in await events(hooks.shop)} == {"woocommerce-order:727"}


@pytest.mark.parametrize(
    ("status", "names"),
    [
        ("pending", []),
        ("checkout-draft", []),
        ("failed", []),
        ("on-hold", ["Order Completed"]),
        ("processing", ["Order Completed"]),
        ("completed", ["Order Completed"]),
        ("cancelled", ["Order Cancelled"]),
        ("refunded", ["Order Completed", "Order Refunded"]),
    ],
)
async def test_an_orders_status_says_what_became_of_it(hooks: Hooks, status: str, names: list[str]) -> None:
    refunds = [{"id": 9, "reason": "", "total": "-119.70"}] if status == "refunded" else []
    body = order(10, status=status, date_paid_gmt=None, refunds=refunds)
    for topic in ("order.updated", "order.created"):
        assert (await hooks.woocommerce(topic, body)).json()["success"] is True
    found = [name for name, _ in await events(hooks.shop) if name not in {"identify", "Order Updated"}]
    assert sorted(found) == names


async def test_a_status_of_the_shops_own_counts_once_the_order_was_paid(hooks: Hooks) -> None:
    await hooks.woocommerce("order.updated", order(10, status="at-the-workshop"))
    assert "Order Completed" in [name for name, _ in await events(hooks.shop)]


async def test_a_customer_is_told_with_what_is_known(hooks: Hooks) -> None:
    customer = payload("woocommerce-customer", email="new@example.com", date_modified_gmt=None)
    await hooks.woocommerce("customer.created", customer)
    traits = await hooks.shop.parts.pool.fetchval("select traits from customers where customer_id = '26'")
    assert (traits["email"]["value"], traits["phone"]["value"]) == ("new@example.com", "+33639980001")


@pytest.mark.parametrize("topic", ["order.deleted", "customer.deleted", "product.updated", "coupon.created", ""])
async def test_other_topics_do_nothing(hooks: Hooks, topic: str) -> None:
    before = await counts(hooks.shop)
    answer = await hooks.woocommerce(topic, {"id": 727})
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    now = await counts(hooks.shop)
    assert now == before


@pytest.mark.parametrize(
    ("topic", "body"),
    [("order.updated", payload("woocommerce-customer")), ("customer.updated", payload("woocommerce-order"))],
)
async def test_a_body_under_a_topic_that_it_does_not_fit_does_nothing(
    hooks: Hooks, topic: str, body: dict[str, Any]
) -> None:
    answer = await hooks.woocommerce(topic, body)
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert await events(hooks.shop) == []


async def test_a_delivery_that_comes_again_under_another_id_changes_nothing(hooks: Hooks) -> None:
    body = order(59)
    await hooks.woocommerce("order.created", body, **{"X-WC-Webhook-Delivery-ID": "1"})
    before, rows = await state(hooks.shop), await counts(hooks.shop)
    await hooks.woocommerce("order.updated", body, **{"X-WC-Webhook-Delivery-ID": "2"})
    assert (await state(hooks.shop), await counts(hooks.shop)) == (before, rows)


async def test_the_topic_and_the_ids_of_a_delivery_are_not_signed(hooks: Hooks) -> None:
    body = packed(order(59))
    headers = {"X-WC-Webhook-Signature": signature(SECRET, body)}
    assert (await hooks.post("woocommerce", body, headers)).status_code == 200
    assert await events(hooks.shop) == []


STORY = [
    ("customer.created", payload("woocommerce-customer")),
    ("order.created", order(58, status="pending", date_paid_gmt=None)),
    ("order.updated", order(50, status="on-hold", date_paid_gmt=None)),
    ("order.updated", order(40)),
    ("order.updated", order(30, status="completed")),
]


@given(arrivals=st.permutations(range(len(STORY))))
@settings(max_examples=examples(20))
async def test_deliveries_in_any_order_leave_the_same(hooks: Hooks, arrivals: list[int]) -> None:
    one, other = (TestShop(hooks.shop.parts) for _ in range(2))
    for shop, numbers in ((one, range(len(STORY))), (other, arrivals)):
        await shop.open()
        platforms = Hooks(hooks.api, shop)
        await platforms.connect()
        for number in numbers:
            topic, body = STORY[number]
            assert (await platforms.woocommerce(topic, body)).json()["success"] is True
    assert await state(other) == await state(one)
