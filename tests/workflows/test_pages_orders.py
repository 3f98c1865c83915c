"""Orders of which a page alone has told, whose key anybody can read: what is printed of them, and how many start."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support import HOUR, MINUTE, Engine, TestShop
from tests.workflows.keyed import DAY, OF_ORDERS, SAY, backend, finished, journeys_of, publish, told
from tests.workflows.library import only, said
from tests.workflows.library import publish as publish_ready

__all__ = ["told"]

LURE = "1: bit.ly/3xYzAbQ"
PENDING = "Payment Pending"
TO_BE_PAID = "Test Shop : votre commande {} attend son paiement. Réglez, merci."


async def reminder(engine: Engine) -> str:
    """Let the one reminder go out."""
    return await said(engine.shop, await finished(engine, await only(engine.shop, "payment-pending")))


@pytest.mark.parametrize(
    ("order_id", "printed"),
    [
        (LURE, "1-bit-ly-3xYzAbQ"),
        ("evil.com", "evil-com"),
        ("#FR_2026-0017", "#FR_2026-0017"),
        ("9" * 60, "9" * 17 + "..."),
        ("Gagné ! 💥", "Gagn-"),
    ],
)
async def test_an_order_id_that_only_a_page_has_told_says_nothing_and_leads_nowhere(
    told: Engine, order_id: str, printed: str
) -> None:
    await publish_ready(told.shop, "payment-pending")
    await told.shop.take(told.shop.event(PENDING, order_id=order_id))
    assert await reminder(told) == TO_BE_PAID.format(printed)


async def test_an_order_id_that_the_backend_has_told_is_printed_as_it_is(told: Engine) -> None:
    await publish_ready(told.shop, "payment-pending")
    await told.shop.take(told.shop.event(PENDING, order_id="2026/17.a"))
    await backend(told.shop, "Order Updated", MINUTE, order_id="2026/17.a")
    assert await reminder(told) == TO_BE_PAID.format("2026/17.a")


async def orders(shop: TestShop, *ids: str, person: str = "ann", after: timedelta = timedelta(0)) -> None:
    for order_id in ids:
        await shop.take(shop.event("Order Completed", after, person=person, order_id=order_id))


async def test_a_page_starts_journeys_about_no_more_orders_of_a_person_than_anybody_makes(told: Engine) -> None:
    shop = told.shop
    await publish(shop, OF_ORDERS, SAY)
    await orders(shop, *"1234567")
    await orders(shop, "8", after=-HOUR)
    assert {journey.key for journey in await journeys_of(shop)} == {*"12345"}
    await orders(shop, "9", person="bob")
    await orders(shop, "10", after=DAY)
    assert {journey.key for journey in await journeys_of(shop)} == {*"12345", "9", "10"}


async def test_of_what_the_backend_tells_every_order_starts_a_journey(told: Engine) -> None:
    shop = told.shop
    await publish(shop, OF_ORDERS, SAY)
    await orders(shop, *"1234567")
    for order_id in "67":
        await backend(shop, "Order Completed", order_id=order_id)
    assert {journey.key for journey in await journeys_of(shop)} == {*"1234567"}
