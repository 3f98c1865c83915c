"""A journey that a shop's platform starts and ends, on a real Temporal server."""

from __future__ import annotations

import httpx

from api import app
from tests.integration.hook_calls import CART, CUSTOMER, Hooks, ago, payload
from tests.support import HOUR, MINUTE, Engine


async def test_a_checkout_of_shopify_is_reminded_and_its_order_converts_it(engine: Engine) -> None:
    parts = engine.shop.parts
    transport = httpx.ASGITransport(app.build(parts.services(engine.client)))
    async with httpx.AsyncClient(transport=transport, base_url="http://relance") as api:
        hooks = Hooks(api, engine.shop)
        await hooks.connect()
        price = {"total_discounts": "50.00"}
        await hooks.shopify(
            "checkouts/create", payload("shopify-checkout", created_at=ago(), updated_at=ago(), **price)
        )
        await engine.deliver()
        await engine.forward(2 * HOUR + MINUTE, CART)
        assert await engine.shop.sent(CART) == [("first", "sms")]
        assert (await engine.shop.journey(CART)).customer_id == CUSTOMER

        await hooks.shopify("orders/create", payload("shopify-order", created_at=ago(), updated_at=ago()))
        await engine.deliver()
        journey = await engine.finish(CART)
    assert (journey.status, journey.outcome) == ("ended", "converted")
    assert await engine.shop.sent(CART) == [("first", "sms")]
