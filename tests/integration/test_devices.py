"""Devices, as events tell of them, in a real database."""

from __future__ import annotations

from datetime import timedelta

from journeys.devices import Kind, Told
from journeys.facts import Medium
from storage import devices
from tests.support import HOUR, TestShop

PHONE = Told(kind=Kind.APP, address="token-1")


async def tell(shop: TestShop, person: str, device: Told, after: timedelta) -> None:
    event = shop.event("Product Viewed", after, person=person)
    await shop.take(event.model_copy(update={"device": device}))


async def addresses(shop: TestShop, person: str) -> list[str]:
    return [device.address for device in await devices.of_person(shop.parts.pool, shop.shop, person)]


async def test_a_device_is_of_the_person_who_used_it_last_in_whatever_order_it_is_told(shop: TestShop) -> None:
    await tell(shop, "ann", PHONE, HOUR)
    await tell(shop, "bob", PHONE, 3 * HOUR)
    await tell(shop, "ann", PHONE, 2 * HOUR)
    assert await addresses(shop, "ann") == []
    assert await addresses(shop, "bob") == ["token-1"]


async def test_the_newest_device_comes_first_and_suppressed_ones_are_left_out(shop: TestShop) -> None:
    browser = Told(kind=Kind.BROWSER, address='{"endpoint":"https://push.example/1","keys":{}}')
    await tell(shop, "ann", PHONE, HOUR)
    await tell(shop, "ann", browser, 2 * HOUR)
    assert await addresses(shop, "ann") == [browser.address, "token-1"]
    await shop.parts.pool.execute(
        "insert into suppressions (shop, channel, address, reason, at) values ($1, $2, $3, 'ended', now())",
        shop.shop,
        Medium.PUSH,
        "https://push.example/1",
    )
    assert await addresses(shop, "ann") == ["token-1"]
