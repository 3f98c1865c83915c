"""Holding a journey still. Whoever decides about one locks its person, its cart and itself, in this order.

Ingest locks the person and the cart in the same order: so an order comes before a decision, or after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import carts, customers, journeys
from storage.journeys import Journey

if TYPE_CHECKING:
    from storage.database import Connection


async def hold(db: Connection, journey: str) -> Journey:
    """Lock a journey with its person and its cart until the transaction ends, and read it.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    held = await journeys.get(db, journey)
    customer = None
    # While it waited for the locks, the cart may have gone over to another person, who is locked then as well.
    while customer != held.customer_id:
        customer = held.customer_id
        await customers.lock(db, held.shop, customer)
        await carts.lock(db, held.shop, held.cart_id)
        await journeys.lock(db, journey)
        held = await journeys.get(db, journey)
    return held
