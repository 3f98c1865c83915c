"""A shop whose segments are counted: by the queue, by the clock, and told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.contracts import Counted, CountShop
from activities.segments import Counting
from storage import segments
from storage.segments import Kept
from tests.support import TestShop

DAY = timedelta(days=1)


async def work_off(shop: TestShop) -> None:
    """Count whom events concern and tell what changed, until there is nothing left."""
    while await shop.parts.segmenting.batch():
        pass


async def count_all(shop: TestShop, at: datetime | None = None) -> Counted:
    """Count everybody, as the schedule does."""
    counting = Counting(shop.parts.pool, shop.parts.clock)
    what = CountShop(shop=shop.shop, at=at or shop.parts.clock.now())
    return await ActivityEnvironment().run(counting.count_shop, what)


async def kept(shop: TestShop, person: str = "ann") -> Kept:
    return await segments.of_person(shop.parts.pool, shop.shop, person)


async def view(shop: TestShop, after: timedelta, product: str, category: str | None, person: str = "ann") -> None:
    named = {"category": category} if category else {}
    await shop.take(shop.event("Product Viewed", after, person=person, product_id=product, **named))


async def buy(shop: TestShop, after: timedelta, order: str, person: str = "ann", **properties: Any) -> None:
    """Complete an order that names no cart."""
    paid = {"total": 40, "currency": "EUR"} | properties
    await shop.take(shop.event("Order Completed", after, person=person, order_id=order, **paid))


async def changes(shop: TestShop, people: Iterable[str] = ("ann",)) -> list[dict[str, Any]]:
    """The changes that were told of people, in the order in which they came in."""
    rows = await shop.parts.pool.fetch(
        "select content -> 'properties' as said from events"
        " where shop = $1 and name = 'Segment Changed' and customer_id = any($2::text[])"
        " order by substr(message_id, 10)::bigint",
        shop.shop,
        list(people),
    )
    return [row["said"] for row in rows]
