"""Suppressed addresses, on the way out."""

from __future__ import annotations

from datetime import timedelta

from journeys.facts import Channel
from journeys.imports import Suppression
from storage import suppressions
from tests.support import Engine, TestShop


async def suppress(shop: TestShop, *addresses: tuple[Channel, str]) -> None:
    async with shop.parts.pool.acquire() as db:
        for channel, address in addresses:
            await suppressions.add(db, shop.shop, Suppression(channel, address, "bounced", None), shop.begins)


async def test_nothing_goes_to_suppressed_addresses_and_the_ledger_says_why(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify(email="Ann@Example.com", phone="06 39 98 00 01", country="FR")
    await suppress(shop, (Channel.EMAIL, "ann@example.com"), (Channel.SMS, "+33639980001"))
    await shop.fill()
    await engine.deliver()
    await engine.finish()
    assert await shop.sent() == []
    first = [(channel, state, reason) for step, channel, state, reason in await shop.ledger() if step == "first"]
    assert sorted(first) == [
        ("email", "refused", "address is suppressed"),
        ("sms", "refused", "address is suppressed"),
    ]


async def test_a_step_goes_on_to_the_address_that_is_not_suppressed(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify()
    await suppress(shop, (Channel.SMS, "+33639980001"))
    await shop.fill()
    await engine.deliver()
    await engine.forward(timedelta(hours=3))
    assert await shop.sent() == [("first", "email")]


async def test_an_address_that_is_suppressed_after_the_journey_began_is_refused_too(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify()
    await shop.fill()
    await engine.deliver()
    await engine.forward(timedelta(hours=1))
    await suppress(shop, (Channel.SMS, "+33639980001"), (Channel.EMAIL, "ann@example.com"))
    await engine.finish()
    assert await shop.sent() == []
