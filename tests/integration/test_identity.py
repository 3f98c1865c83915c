"""Visitors who turn out to be customers, carts that change hands, and journeys that begin later than their cart."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter

from journeys import holdout
from journeys.conditions import Condition, ValueRange
from journeys.events import Event
from journeys.steps import Step
from storage import commands, ingest, plans, reading
from storage.ingest import Taken
from storage.journeys import Journey
from tests.support import HOUR, ITEM, MINUTE, TestShop, cart_recovery, plan_file


def visitors(event: Event, visitor: str = "v-1") -> Event:
    """The event as it comes of somebody who is not known yet."""
    return event.model_copy(update={"user_id": None, "anonymous_id": visitor})


def recognised(event: Event, visitor: str = "v-1") -> Event:
    """The event as it comes of a user who was that visitor."""
    return event.model_copy(update={"anonymous_id": visitor})


def added(shop: TestShop, cart: str, after: timedelta = timedelta(0)) -> Event:
    item: dict[str, Any] = {**ITEM, "cart_id": cart, "currency": "EUR"}
    return shop.event("Product Added", after, **item)


async def test_a_visitor_who_says_who_they_are_is_reached_about_the_cart_they_filled_before(shop: TestShop) -> None:
    await shop.take(visitors(added(shop, "c-1")))
    said = shop.event("identify", MINUTE, email="ann@example.com", consent={"email": True})
    await shop.take(recognised(said))
    journey = await shop.journey()
    assert (journey.customer_id, journey.status) == ("ann", "running")
    why = await shop.parts.pool.fetchval("select why from journey_log where what = 'person recognised'")
    assert why == "a visitor turned out to be a customer"


async def test_a_cart_that_a_visitor_filled_supersedes_the_persons_older_one_once_they_are_known(
    shop: TestShop,
) -> None:
    await shop.fill("c-0")
    await shop.take(visitors(added(shop, "c-1", 10 * MINUTE)))
    assert (await shop.journey("c-0")).status == "running"
    await shop.take(recognised(shop.event("page", 11 * MINUTE)))
    assert [(j.status, j.reason) for j in (await shop.journey("c-0"), await shop.journey("c-1"))] == [
        ("ended", "superseded by a newer cart"),
        ("running", None),
    ]
    assert await shop.parts.pool.fetchval("select signal from outbox where signal is not null") == "superseded"


async def test_an_order_that_is_known_already_ends_the_journey_of_a_cart_that_goes_to_its_owner(
    shop: TestShop,
) -> None:
    await shop.take(visitors(added(shop, "c-1")))
    await shop.order(5 * MINUTE, "c-9")
    await shop.take(shop.event("Cart Viewed", 6 * MINUTE, cart_id="c-1"))
    assert (await shop.journey()).reason == "ordered another cart"


async def test_an_order_of_a_visitor_without_its_cart_completes_what_the_user_had_in_the_cart(shop: TestShop) -> None:
    await shop.fill()
    order = shop.event("Order Completed", HOUR, order_id="o-1", total=40)
    await shop.take(visitors(order))
    assert (await shop.journey()).status == "running"
    await shop.take(recognised(shop.event("page", 2 * HOUR)))
    assert (await shop.journey()).outcome == "converted"


async def test_the_holdout_is_the_recognised_persons_own(shop: TestShop) -> None:
    plan = cart_recovery(holdout=50)
    await plans.publish(shop.parts.pool, shop.shop, plan, plan_file().messages.model_dump_json())
    people = [f"p-{n}" for n in range(12)]
    for person in people:
        await shop.take(visitors(added(shop, f"c-{person}"), f"v-{person}"))
        page = shop.event("page", MINUTE, person=person)
        await shop.take(recognised(page, f"v-{person}"))
    kept = {person: (await shop.journey(f"c-{person}")).held_out for person in people}
    assert kept == {person: holdout.held_out(shop.shop, plan.name, person, 50) for person in people}


async def test_another_user_is_not_taken_for_a_visitor(shop: TestShop) -> None:
    await shop.identify("bob")
    await shop.fill(person="bob")
    await shop.take(recognised(shop.event("page", MINUTE), "bob"))
    assert (await shop.journey()).customer_id == "bob"


async def test_what_a_visitor_does_while_they_are_recognised_is_not_lost(shop: TestShop) -> None:
    events = [visitors(added(shop, f"c-{n}", n * MINUTE)) for n in range(20)]
    events.insert(10, recognised(shop.event("page", HOUR)))
    await asyncio.gather(*(shop.take(event) for event in events))
    owners = await shop.parts.pool.fetch("select distinct customer_id from carts")
    assert [row["customer_id"] for row in owners] == ["ann"]


async def test_people_who_tell_of_a_new_cart_at_once_all_leave_their_items_in_it(shop: TestShop) -> None:
    events = [
        shop.event("Product Added", person=f"p-{n}", cart_id=f"c-{n // 5}", product_id=f"item-{n}", price=1)
        for n in range(200)
    ]
    await asyncio.gather(*(shop.take(event) for event in events))
    contents = await shop.parts.pool.fetch("select content from carts")
    assert [len(row["content"]["items"]) for row in contents] == [5] * 40


async def test_an_order_and_the_first_event_of_its_cart_may_come_at_once_of_two_people(shop: TestShop) -> None:
    events = []
    for number in range(20):
        events.append(visitors(added(shop, f"c-{number}"), f"v-{number}"))
        events.append(shop.event("Order Completed", MINUTE, order_id=f"o-{number}", cart_id=f"c-{number}"))
    await asyncio.gather(*(shop.take(event) for event in events))
    outcomes = await shop.parts.pool.fetch("select outcome from journeys")
    assert [row["outcome"] for row in outcomes] == ["converted"] * 20


@pytest.mark.parametrize("first", ["browser", "backend"])
async def test_an_order_that_is_told_twice_completes_its_cart_whoever_tells_it_first(
    shop: TestShop, first: str
) -> None:
    await shop.fill()
    told = {
        "browser": visitors(shop.event("Order Completed", HOUR, order_id="o-1")),
        "backend": shop.event("Order Completed", HOUR, order_id="o-1", cart_id="c-1"),
    }
    await shop.take(told.pop(first))
    await shop.take(*told.values())
    assert (await shop.journey()).outcome == "converted"


async def test_each_word_on_an_order_counts_whichever_comes_first(shop: TestShop) -> None:
    ends = set()
    for number, order in enumerate(itertools.permutations(range(4))):

        def named(name: str, number: int = number) -> str:
            return f"{name}-{number}"

        def told(person: str, name: Callable[[str], str] = named, **more: str) -> Event:
            return shop.event("Order Completed", HOUR, person=name(person), order_id=name("o"), **more)

        carts = {"ann": named("c-of-ann"), "device": named("c-of-device"), "bob": named("c-of-bob")}
        for person, cart in carts.items():
            await shop.fill(cart, person=named(person))
        words = [
            told("ann"),
            visitors(told("-"), named("device")),
            told("bob", cart_id=carts["bob"]),
            told("bob", cart_id=named("c-of-nobody")),
        ]
        for place in order:
            await shop.take(words[place])
        ends.add(tuple([(await shop.journey(cart)).outcome for cart in carts.values()]))
    assert ends == {("converted",) * 3}


async def test_a_person_whose_order_is_told_twice_has_ordered_once(shop: TestShop) -> None:
    journey = await shop.fill("c-2", 2 * HOUR)
    named: list[dict[str, str]] = [{}, {"cart_id": "c-1"}]
    for cart in named:
        await shop.take(shop.event("Order Completed", HOUR, order_id="o-1", **cart))
    read = await reading.situation(shop.parts.pool, journey.id, cart_recovery(), shop.begins + 24 * HOUR)
    assert read.row["orders"] == 1


async def test_a_page_that_says_the_order_is_of_a_cart_of_its_own_invention_hides_it_from_nobody(
    shop: TestShop,
) -> None:
    await shop.fill()
    await shop.take(visitors(shop.event("Order Completed", MINUTE, order_id="o-1", cart_id="no-such-cart")))
    order = shop.event("Order Completed", HOUR, order_id="o-1").model_copy(update={"from_backend": True})
    await shop.take(order)
    assert (await shop.journey()).outcome == "converted"


@pytest.mark.parametrize("name", ["Order Completed", "page"])
async def test_a_page_uses_up_no_message_id_of_the_backend(shop: TestShop, name: str) -> None:
    await shop.fill()
    told = shop.event("Order Completed", HOUR, order_id="o-1", cart_id="c-1")
    first = visitors(shop.event(name, MINUTE, order_id="o-2")).model_copy(update={"message_id": told.message_id})
    assert [await shop.take(first) for _ in range(2)] == [Taken.NEW, Taken.DUPLICATE]
    told = told.model_copy(update={"from_backend": True})
    assert [await shop.take(told) for _ in range(2)] == [Taken.NEW, Taken.DUPLICATE]
    assert (await shop.journey()).outcome == "converted"


async def test_a_late_first_event_leaves_one_of_two_carts_followed(shop: TestShop) -> None:
    await shop.fill("c-2", 3 * HOUR)
    await shop.fill("c-1", 5 * HOUR)
    await shop.take(added(shop, "c-1", HOUR))
    assert [(await shop.journey(cart)).status for cart in ("c-1", "c-2")] == ["running", "ended"]


def entangled(shop: TestShop) -> list[Event]:
    """Events of two people and their visitors that share carts and orders."""
    chance = random.Random(1)
    events = []
    for number in range(400):
        after, cart = timedelta(seconds=number), chance.choice(["c-1", "c-2", "c-3"])
        person, visitor = chance.choice(["ann", "bob"]), chance.choice(["v-ann", "v-bob"])
        named: dict[str, Any] = {"cart_id": cart} if chance.random() < 0.5 else {}
        event = chance.choice(
            [
                added(shop, cart, after),
                shop.event("Order Completed", after, order_id=f"o-{number}", **named),
                shop.event("page", after),
            ]
        )
        ids = chance.choice([(person, None), (None, visitor), (person, visitor)])
        events.append(event.model_copy(update={"user_id": ids[0], "anonymous_id": ids[1]}))
    return events


async def test_people_who_share_carts_do_not_wait_for_each_other_for_ever(shop: TestShop) -> None:
    taken = await asyncio.gather(*(shop.take(event) for event in entangled(shop)), return_exceptions=True)
    assert [result for result in taken if isinstance(result, BaseException)] == []


async def begun_by_hand(shop: TestShop) -> Journey:
    version = await shop.parts.plans.newest_of(shop.parts.pool, shop.shop, "cart-recovery")
    async with shop.parts.pool.acquire() as db, db.transaction():
        begun = await commands.start(db, shop.parts.following, version, "c-1", shop.begins)
    assert isinstance(begun, Journey)
    return begun


async def test_a_journey_that_is_started_by_hand_begins_when_it_is_started(shop: TestShop) -> None:
    old = added(shop, "c-1", -timedelta(days=5))
    await shop.take(old.model_copy(update={"received_at": old.at + timedelta(days=1)}))
    begun = await begun_by_hand(shop)
    assert (begun.started_at, begun.first_due) == (shop.begins, shop.begins + 2 * HOUR)


def looked(shop: TestShop, locale: str, after: timedelta = timedelta(0)) -> Event:
    zone = {"it-IT": "Europe/Rome", "pt-BR": "America/Sao_Paulo"}[locale]
    return shop.event("page", after).model_copy(update={"locale": locale, "timezone": zone})


async def what_is_known(shop: TestShop) -> dict[str, str]:
    found = await reading.situation(shop.parts.pool, (await shop.journey()).id, cart_recovery(), shop.begins + HOUR)
    return found.facts(cart_recovery(), found.at).customer


async def test_the_newest_device_says_in_which_language_and_zone_somebody_lives(shop: TestShop) -> None:
    await shop.fill()
    await shop.take(looked(shop, "pt-BR", 2 * MINUTE))
    await shop.take(looked(shop, "it-IT", MINUTE))
    assert await what_is_known(shop) == {"language": "pt", "timezone": "America/Sao_Paulo"}


async def test_what_the_shop_says_of_somebody_stands_above_their_device(shop: TestShop) -> None:
    await shop.fill()
    await shop.take(looked(shop, "pt-BR", MINUTE))
    await shop.identify(locale="fr-FR", country="FR", timezone=None)
    assert await what_is_known(shop) == {"country": "FR", "language": "fr", "timezone": "America/Sao_Paulo"}


@pytest.mark.parametrize("together", [True, False])
async def test_an_audience_may_ask_for_what_the_device_says(shop: TestShop, *, together: bool) -> None:
    plan = cart_recovery(name="italian", audience=Condition(customer={"language": ["it"]}))
    await plans.publish(shop.parts.pool, shop.shop, plan, plan_file().messages.model_dump_json())
    events = [looked(shop, "pt-BR"), looked(shop, "it-IT", MINUTE), added(shop, "c-1")]
    if together:
        await ingest.take_all(shop.parts.pool, shop.parts.following, shop.shop, events)
    else:
        for event in events:
            await shop.take(event)
    started = await shop.parts.pool.fetch("select plan from journeys order by plan")
    assert [row["plan"] for row in started] == ["cart-recovery", "italian"]


async def test_a_journey_begins_when_its_audience_is_reached(shop: TestShop) -> None:
    large = Condition(cart_value=ValueRange(at_least={"EUR": Decimal(100)}))
    plan = cart_recovery(name="large", audience=large)
    await plans.publish(shop.parts.pool, shop.shop, plan, plan_file().messages.model_dump_json())
    await shop.fill("c-1", -4 * 24 * HOUR, price=50)
    await shop.take(shop.event("Product Added", cart_id="c-1", product_id="p-2", price=80, currency="EUR"))
    assert await shop.parts.pool.fetchval("select started_at from journeys where plan = 'large'") == shop.begins


async def test_a_plan_that_begins_with_a_branch_looks_at_once(shop: TestShop) -> None:
    steps = TypeAdapter(list[Step]).validate_python(
        [
            {
                "id": "by-value",
                "branch": [{"if": {"cart_value": {"below": {"EUR": 10}}}, "then": [{"id": "small", "wait": "9h"}]}],
            },
            {"id": "gone", "exit": "done"},
        ]
    )
    await plans.publish(shop.parts.pool, shop.shop, cart_recovery(steps=steps), plan_file().messages.model_dump_json())
    journey = await shop.fill()
    assert (journey.first_due, journey.stage) == (shop.begins, "by-value")


@pytest.mark.parametrize("late", [-HOUR, HOUR])
async def test_a_journey_has_begun_with_the_first_event_whenever_that_came_in(shop: TestShop, late: timedelta) -> None:
    await shop.fill()
    await shop.take(added(shop, "c-1", late))
    assert (await shop.journey()).started_at == shop.begins + min(late, timedelta(0))


async def test_what_the_shop_does_with_an_order_is_no_activity_of_the_person(shop: TestShop) -> None:
    await shop.take(shop.event("page"))
    for name in ("Order Updated", "Order Refunded", "Order Cancelled", "Order Shipped", "Order Delivered"):
        await shop.take(shop.event(name, HOUR, order_id="o-1"))
    assert await shop.parts.pool.fetchval("select last_activity from customers") == shop.begins
