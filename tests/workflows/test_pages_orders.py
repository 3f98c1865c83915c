"""Orders of which a page alone has told, whose key anybody can read: what is printed of them."""

from __future__ import annotations

import pytest

from tests.support import MINUTE, Engine
from tests.workflows.keyed import backend, finished, told
from tests.workflows.library import only, said
from tests.workflows.library import publish as publish_ready

__all__ = ["told"]

LURE = "1: bit.ly/3xYzAbQ"
PENDING = "Payment Pending"
TO_BE_PAID = "Test Shop : votre commande {} attend son paiement. Pour savoir comment régler, répondez-nous."


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
