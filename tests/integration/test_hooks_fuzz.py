"""Signed bodies of any kind: a platform that signs them is always answered 200, and nothing of them is lost."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.integration.hook_calls import PAYLOADS, Hooks, payload

TOPICS = {
    "shopify-cart": "carts/update",
    "shopify-checkout": "checkouts/update",
    "shopify-checkout-deleted": "checkouts/delete",
    "shopify-order": "orders/updated",
    "shopify-fulfillment": "fulfillments/update",
    "shopify-customer": "customers/update",
    "shopify-email-consent": "customers_email_marketing_consent/update",
    "shopify-sms-consent": "customers_marketing_consent/update",
    "woocommerce-order": "order.updated",
    "woocommerce-customer": "customer.updated",
}
STANDARD = {
    "batch": [
        {"type": "identify", "userId": "u-1", "traits": {"email": "ann@example.com", "consent": {"email": True}}},
        {
            "type": "track",
            "event": "Checkout Started",
            "userId": "u-1",
            "properties": {"cart_id": "c-1", "products": []},
        },
        {"type": "alias", "userId": "u-1", "previousId": "device-9"},
    ]
}

TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["\x00", "\ud800", "x" * 5_000, "2026-13-45", "0", "-1", "1e400", "2026-03-01T10:15:00Z"]),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(10**30, 10**31), st.floats(allow_nan=True), TEXTS
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=5
)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the ways to every part of a JSON value."""
    found = [way] if way else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [place for name, part in inner for place in places(part, (*way, name))]


@st.composite
def spoilt(draw: st.DrawFn, body: dict[str, Any]) -> dict[str, Any]:
    """Put anything in the place of some parts of a body."""
    body = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 3))):
        way = draw(st.sampled_from(places(body)))
        part: Any = body
        for name in way[:-1]:
            part = part[name]
        part[way[-1]] = draw(VALUES)
    return body


def test_every_recorded_body_is_spoilt() -> None:
    assert {file.stem for file in PAYLOADS.glob("*.json")} == TOPICS.keys()


async def is_answered(hooks: Hooks, answer: Any) -> None:
    assert answer.status_code == 200, answer.text
    told = answer.json()
    kept = await hooks.shop.parts.pool.fetchval("delete from hook_bodies_kept returning true")
    # What could not be taken is kept, whole, and of what is kept it is said why.
    assert (told["problem"] is not None) == (kept is True) == (not told["success"])
    assert "our mistake" not in (told["problem"] or "")


@pytest.mark.parametrize("name", TOPICS)
@given(data=st.data())
@settings(max_examples=examples(25))
async def test_whatever_a_platform_signs_is_taken_or_kept(hooks: Hooks, name: str, data: st.DataObject) -> None:
    body = json.dumps(data.draw(spoilt(payload(name)))).encode()
    tell = hooks.shopify if name.startswith("shopify") else hooks.woocommerce
    await is_answered(hooks, await tell(TOPICS[name], body))


@given(data=st.data())
@settings(max_examples=examples(50))
async def test_whatever_a_backend_signs_is_taken_or_kept(hooks: Hooks, data: st.DataObject) -> None:
    await is_answered(hooks, await hooks.standard(json.dumps(data.draw(spoilt(STANDARD))).encode()))


JSON = VALUES.map(lambda value: json.dumps(value).encode())


@given(body=st.binary(max_size=100) | JSON)
@settings(max_examples=examples(50))
async def test_whatever_bytes_are_signed_are_taken_or_kept(hooks: Hooks, body: bytes) -> None:
    await is_answered(hooks, await hooks.shopify("orders/create", body))
    await is_answered(hooks, await hooks.woocommerce("order.created", body))


@given(body=st.text(st.characters(exclude_categories=["Cs"]), max_size=100).map(str.encode) | JSON)
@settings(max_examples=examples(50))
async def test_whatever_text_is_signed_is_taken_or_kept(hooks: Hooks, body: bytes) -> None:
    await is_answered(hooks, await hooks.standard(body))
