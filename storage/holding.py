"""Holding a journey still. Whoever decides about one locks its person, its cart and itself, in this order.

Ingest locks the person and the cart in the same order: so an order comes before a decision, or after it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from storage import carts, customers, journeys
from storage.journeys import Journey

if TYPE_CHECKING:
    from storage.database import Connection


class _WentOverError(Exception):
    """The cart went to another person while its locks were waited for."""


async def hold(db: Connection, journey: str) -> Journey:
    """Lock a journey with its person and its cart until the transaction ends, and read it.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    while True:
        with contextlib.suppress(_WentOverError):
            # What is locked in it is let go when it fails: the order of locks is kept the second time as well.
            async with db.transaction():
                return await _hold(db, await journeys.get(db, journey))


async def _hold(db: Connection, found: Journey) -> Journey:
    await customers.lock(db, found.shop, found.customer_id)
    if found.cart_id is not None:
        await carts.lock(db, found.shop, found.cart_id)
    await journeys.lock(db, found.id)
    held = await journeys.get(db, found.id)
    if held.customer_id != found.customer_id:
        raise _WentOverError
    return held
