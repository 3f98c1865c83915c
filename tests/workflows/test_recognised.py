"""Somebody who turns out to be somebody else while their journey runs."""

from __future__ import annotations

from typing import Any

from journeys.events import Event
from journeys.holdout import bucket
from journeys.steps import Split
from storage import offers, story
from tests.support import HOUR, ITEM, MINUTE, Engine
from tests.workflows.keyed import HEADER, finished, forward, journeys_of, publish


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


async def test_what_was_sent_and_offered_to_a_user_who_is_merged_is_the_survivors(engine: Engine) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    await shop.identify("bob")
    await shop.fill(person="bob", price=60)
    await engine.deliver()
    await engine.forward(14 * HOUR + 24 * HOUR + MINUTE)
    [before] = await offers.of_customer(pool, shop.shop, "bob", 10)
    alias = shop.event("page", 39 * HOUR)
    told = {"kind": "alias", "name": "alias", "previous_id": "bob", "from_backend": True}
    await shop.take(alias.model_copy(update=told))
    assert await offers.of_customer(pool, shop.shop, "ann", 10) == [before]
    assert await offers.of_customer(pool, shop.shop, "bob", 10) == []
    sends = await pool.fetch("select step, customer_id from sends where state = 'accepted' order by step")
    assert [tuple(row) for row in sends] == [("first", "ann"), ("second", "ann")]
    assert (await engine.finish()).customer_id == "ann"


async def test_the_journey_keeps_the_variant_that_it_went_by_whatever_the_customers_would_have_been(
    engine: Engine,
) -> None:
    shop, both = engine.shop, ("a", "b")
    plan = await publish(
        shop,
        {
            **HEADER,
            "key": "cart",
            "entry": {"events": ["Product Added"], "within": "12h"},
            "goal": "Order Completed",
            "attribution": "7d",
        },
        {
            "id": "way",
            "split": [{"variant": way, "share": 50, "then": [{"id": f"wait-{way}", "wait": "12h"}]} for way in both],
        },
        {
            "id": "which",
            "branch": [{"if": {"variant": {"way": [way]}}, "then": [{"id": way, "exit": way}]} for way in both],
        },
    )

    def of(way: str, kind: str) -> str:
        """Name somebody whose variant it is."""
        split = next(step for step in plan.steps if isinstance(step, Split))
        people = (f"{kind}-{number}" for number in range(1_000))
        return next(who for who in people if split.variant_of(bucket(shop.shop, "p", who, "way")).variant == way)

    visitor, user = of("a", "v"), of("b", "u")
    item: dict[str, Any] = {**ITEM, "cart_id": "c-1", "currency": "EUR"}
    filled = shop.event("Product Added", **item)
    await shop.take(filled.model_copy(update={"user_id": None, "anonymous_id": visitor}))
    [journey] = await journeys_of(shop)
    await forward(engine, journey, MINUTE)
    page = shop.event("page", 2 * MINUTE)
    await shop.take(page.model_copy(update={"user_id": user, "anonymous_id": visitor}))
    ended = await finished(engine, journey)
    assert (ended.customer_id, ended.outcome, ended.reason) == (user, "exited", "a")
    told = " ".join(line.why or "" for line in await story.tell(shop.parts.pool, ended))
    assert "way: variant a" in told
    assert "the customer's own way at 'way' is a" in told
