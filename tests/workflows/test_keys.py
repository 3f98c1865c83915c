"""Journeys about orders and about people: what starts them, and what ends them."""

from __future__ import annotations

from typing import Any

from storage import commands
from storage.beginning import NotStarted
from storage.journeys import Journey
from tests.support import HOUR, MINUTE, Engine
from tests.workflows.keyed import DAY, OF_ORDERS, OF_PEOPLE, SAY, finished, journeys_of, order, publish, sent_for, told

__all__ = ["told"]


# What starts them


async def test_an_order_is_followed_once_and_its_message_tells_of_it(told: Engine) -> None:
    shop = told.shop
    await publish(shop, OF_ORDERS, SAY)
    await order(shop, tracking_url="https://post.example/1")
    await order(shop)
    await order(shop, "o-2")
    first, second = await journeys_of(shop)
    assert (first.key, first.cart_id, first.id) == ("o-1", None, f"p:{shop.shop}:o-1:1")
    assert second.key == "o-2"
    for journey in (first, second):
        assert (await finished(told, journey)).outcome == "finished"
    bodies = [row["body"] for row in await shop.parts.pool.fetch("select body from sandbox_messages order by body")]
    assert bodies[0] == "order o-1 of 40,00 €, Teapot https://post.example/1"


async def test_the_order_that_two_people_tell_of_is_followed_once(told: Engine) -> None:
    await publish(told.shop, OF_ORDERS, SAY)
    await order(told.shop)
    await told.shop.take(told.shop.event("Order Completed", person="bob", order_id="o-1", total=40))
    assert len(await journeys_of(told.shop)) == 1


async def test_what_a_page_says_of_somebody_elses_order_shows_in_no_message(told: Engine) -> None:
    shop = told.shop
    await publish(shop, OF_ORDERS, SAY)
    await order(shop, tracking_url="https://post.example/1")
    lure: dict[str, Any] = {
        "tracking_url": "https://evil.example",
        "total": 1,
        "products": [{"product_id": "x", "name": "Lure"}],
    }
    await shop.take(shop.event("Order Shipped", person="eve", order_id="o-1", **lure))
    await finished(told, (await journeys_of(shop))[0])
    body = await shop.parts.pool.fetchval("select body from sandbox_messages")
    assert body == "order o-1 of 40,00 €, Teapot https://post.example/1"


async def test_what_the_backend_tells_of_an_order_is_heard_whoever_it_names(told: Engine) -> None:
    shop = told.shop
    await publish(shop, OF_ORDERS, {"id": "w", "wait": "10d"}, goal="Order Delivered")
    await order(shop)
    for teller, from_backend in (("eve", False), ("somebody", True)):
        event = shop.event("Order Delivered", HOUR, person=teller, order_id="o-1")
        await shop.take(event.model_copy(update={"from_backend": from_backend}))
        [journey] = [one for one in await journeys_of(shop) if one.key == "o-1"]
        assert (journey.outcome == "converted") is from_backend


async def test_an_id_that_is_its_own_again_enters_as_if_it_had_not_before(told: Engine) -> None:
    shop = told.shop
    await publish(shop, OF_PEOPLE, {"id": "w", "wait": "1h"})
    viewed = shop.event("Product Viewed", person="x")
    await shop.take(viewed.model_copy(update={"user_id": None, "anonymous_id": "x"}))
    known = shop.event("page", MINUTE)
    await shop.take(known.model_copy(update={"anonymous_id": "x"}))
    await shop.take(shop.event("Product Viewed", 2 * MINUTE, person="x"))
    assert len({journey.id for journey in await journeys_of(shop)}) == 2


async def test_of_two_who_are_one_the_older_journey_goes_on_and_what_either_did_counts(told: Engine) -> None:
    shop = told.shop
    await publish(shop, OF_PEOPLE, {"id": "w", "wait": "10d"}, goal="Order Completed")
    for after, visitor in enumerate(("v1", "v2")):
        viewed = shop.event("Product Viewed", after * MINUTE, person=visitor)
        await shop.take(viewed.model_copy(update={"user_id": None, "anonymous_id": visitor}))
    await shop.take(shop.event("page", 3 * MINUTE).model_copy(update={"anonymous_id": "v1"}))
    await shop.take(shop.event("page", 4 * MINUTE).model_copy(update={"anonymous_id": "v2"}))
    states = {journey.key: journey.status for journey in await journeys_of(shop)}
    assert states == {"v1": "running", "v2": "ended"}
    await order(shop, after=HOUR)
    found = {journey.key: journey.outcome for journey in await journeys_of(shop)}
    assert found["v1"] == "converted"


async def test_somebody_who_views_one_product_twice_and_has_an_empty_cart_enters(told: Engine) -> None:
    shop = told.shop
    twice = {"event": {"name": "Product Viewed", "at_least": 2, "same": "product_id", "within": "24h"}}
    await publish(shop, OF_PEOPLE, {"id": "w", "wait": "1h"}, audience={**twice, "open_cart": False})
    for product, after in (("p-1", 0), ("p-2", 1), ("p-1", 2)):
        assert await journeys_of(shop) == []
        await shop.take(shop.event("Product Viewed", after * MINUTE, product_id=product))
    [entered] = await journeys_of(shop)
    assert (entered.key, entered.customer_id) == ("ann", "ann")
    # One runs: no other begins.
    await shop.take(shop.event("Product Viewed", 3 * MINUTE, product_id="p-1"))
    assert len(await journeys_of(shop)) == 1
    await shop.identify("bob")
    await shop.take(shop.event("Product Added", person="bob", cart_id="c-b", product_id="p-9", price=1, quantity=1))
    for after in range(2):
        await shop.take(shop.event("Product Viewed", after * MINUTE, person="bob", product_id="p-1"))
    assert len(await journeys_of(shop)) == 1


async def test_who_may_enter_again_does_so_after_the_time_and_not_before(told: Engine) -> None:
    shop = told.shop
    await publish(shop, OF_PEOPLE, {"id": "w", "wait": "1h"}, re_entry="90d")
    await shop.take(shop.event("Product Viewed"))
    [first] = await journeys_of(shop)
    ended = await finished(told, first)
    assert ended.ended_at is not None
    soon, later = ended.ended_at - shop.begins + 89 * DAY, ended.ended_at - shop.begins + 90 * DAY
    await shop.take(shop.event("Product Viewed", soon))
    assert len(await journeys_of(shop)) == 1
    await shop.take(shop.event("Product Viewed", later))
    assert [journey.entry for journey in await journeys_of(shop)] == [1, 2]


async def test_what_a_plan_allows_of_a_channel_is_for_each_journey_of_a_person(told: Engine) -> None:
    shop = told.shop
    say = {"id": "say", "send": {**SAY["send"], "message": "question"}}
    later = {"id": "later", "wait": "2d"}
    await publish(shop, OF_PEOPLE, say, later, {**say, "id": "again"}, re_entry="90d", at_most={"sms": 1})
    await shop.take(shop.event("Product Viewed"))
    [first] = await journeys_of(shop)
    ended = await finished(told, first)
    assert ended.ended_at is not None
    await shop.take(shop.event("Product Viewed", ended.ended_at - shop.begins + 200 * DAY))
    second = (await journeys_of(shop))[1]
    await finished(told, second)
    assert [await sent_for(shop, journey) for journey in (first, second)] == [
        [("say", "accepted"), ("again", "refused")]
    ] * 2


async def test_a_visitor_who_turns_out_to_be_a_customer_takes_their_journey_along(told: Engine) -> None:
    shop = told.shop
    await publish(shop, OF_PEOPLE, {"id": "w", "wait": "1h"})
    viewed = shop.event("Product Viewed", person="x")
    await shop.take(viewed.model_copy(update={"user_id": None, "anonymous_id": "visitor"}))
    known = shop.event("page", MINUTE)
    await shop.take(known.model_copy(update={"anonymous_id": "visitor"}))
    [moved] = await journeys_of(shop)
    assert (moved.key, moved.customer_id) == ("visitor", "ann")
    await shop.take(shop.event("Product Viewed", 2 * MINUTE))
    assert len(await journeys_of(shop)) == 1


async def test_an_old_event_starts_nothing_and_a_command_does(told: Engine) -> None:
    shop = told.shop
    await publish(shop, OF_PEOPLE, {"id": "w", "wait": "1h"})
    old = shop.event("Product Viewed", -13 * HOUR)
    await shop.take(old.model_copy(update={"received_at": shop.begins}))
    assert await journeys_of(shop) == []
    version = await shop.parts.plans.newest_of(shop.parts.pool, shop.shop, "p")
    async with shop.parts.pool.acquire() as db, db.transaction():
        refused = await commands.start(db, shop.parts.following, version, "nobody", shop.begins)
        begun = await commands.start(db, shop.parts.following, version, "ann", shop.begins)
    assert refused == NotStarted("there is no such customer; send its events first")
    assert isinstance(begun, Journey)


# What ends them


async def test_the_goal_and_the_exit_of_an_order_end_its_journey_and_no_other(told: Engine) -> None:
    shop = told.shop
    await publish(shop, OF_ORDERS, {"id": "w", "wait": "10d"}, goal="Order Delivered", exits_on=["Order Cancelled"])
    for order_id in ("o-1", "o-2", "o-3"):
        await order(shop, order_id)
    await shop.take(shop.event("Order Delivered", HOUR, order_id="o-1"))
    await shop.take(shop.event("Order Cancelled", HOUR, order_id="o-2"))
    # It names no order: it is about none.
    await shop.take(shop.event("Order Delivered", HOUR))
    found = {journey.key: (journey.status, journey.outcome, journey.reason) for journey in await journeys_of(shop)}
    assert found == {
        "o-1": ("ended", "converted", "Order Delivered"),
        "o-2": ("ended", "exited", "Order Cancelled"),
        "o-3": ("running", None, None),
    }
    for journey in (await journeys_of(shop))[:2]:
        assert (await finished(told, journey)).outcome in {"converted", "exited"}


async def test_a_goal_that_came_in_before_what_starts_the_journey_counts(told: Engine) -> None:
    shop = told.shop
    await publish(shop, OF_ORDERS, {"id": "w", "wait": "10d"}, goal="Order Delivered")
    await shop.take(shop.event("Order Delivered", HOUR, order_id="o-1"))
    await order(shop)
    [journey] = await journeys_of(shop)
    assert (journey.status, journey.outcome) == ("ended", "converted")
