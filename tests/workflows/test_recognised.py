"""A visitor who turns out to be a customer while their journey runs."""

from __future__ import annotations

from typing import Any

from journeys.events import Event
from tests.support import ITEM, MINUTE, Engine


def by(event: Event, user: str | None) -> Event:
    return event.model_copy(update={"user_id": user, "anonymous_id": "v-1"})


async def test_the_journey_goes_on_and_what_it_sends_is_sent_to_the_customer(engine: Engine) -> None:
    shop = engine.shop
    contact: dict[str, Any] = {"email": "a@example.com", "consent": {"email": True}}
    await shop.take(by(shop.event("identify", **contact), None))
    item: dict[str, Any] = {**ITEM, "cart_id": "c-1", "currency": "EUR"}
    await shop.take(by(shop.event("Product Added", **item), None))
    await engine.deliver()
    await shop.take(by(shop.event("page", MINUTE), "ann"))
    journey = await engine.finish()
    assert (journey.customer_id, journey.outcome) == ("ann", "finished")
    sends = await shop.parts.pool.fetch("select distinct customer_id, state from sends where channel = 'email'")
    assert [tuple(row) for row in sends] == [("ann", "accepted")]
