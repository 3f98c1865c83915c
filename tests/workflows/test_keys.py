"""Journeys about orders and about people: what starts them, what they wait for, and what ends them."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from pydantic import ValidationError
from temporalio.service import RPCError

from journeys.plan import Plan
from messages import catalog
from storage import commands, journeys, labels, plans, sent, story, tasks
from storage.beginning import NotStarted
from storage.journeys import Journey
from tests.integration.returning import calling_back
from tests.support import HOUR, MINUTE, Engine, TestShop

DAY = timedelta(days=1)
HEADER: dict[str, Any] = {
    "name": "p",
    "sticking_point": "It has to be told",
    "purpose": "transactional",
    "longest_life": "30d",
}
OF_ORDERS = {**HEADER, "key": "order", "entry": {"events": ["Order Completed"], "within": "12h"}}
OF_PEOPLE = {**HEADER, "key": "customer", "entry": {"events": ["Product Viewed"], "within": "12h"}}
WORDS = """
first: {sms: {text: "order {{ order.id }} of {{ order.value }}, {{ order.items[0].name }} {{ order.tracking }}"}}
question: {sms: {text: "How was it, from 0 to 10?"}}
again: {sms: {text: "Please answer with a number"}}
personal: {sms: {text: "{{ task.text }}"}}
"""
NOTHING: dict[str, Any] = {"valid_for": "1h", "by_segment": {}}
SAY: dict[str, Any] = {"id": "say", "send": {"message": "first", "channels": {"first": ["sms"]}}}
SMS = {"first": ["sms"]}


async def publish(shop: TestShop, header: dict[str, Any], *steps: dict[str, Any], **more: Any) -> Plan:
    """Publish a plan beside the one that comes along."""
    plan = Plan.model_validate({**header, **more, "steps": list(steps)})
    files = {f"{language}.yaml": WORDS for language in ("fr", "it", "pt", "en")}
    await plans.publish(shop.parts.pool, shop.shop, plan, catalog.load(files).model_dump_json())
    return plan


async def journeys_of(shop: TestShop, plan: str = "p") -> list[Journey]:
    """The journeys of a plan, oldest first."""
    found = await journeys.page(
        shop.parts.pool, shop.shop, plan=plan, customer=None, key=None, status=None, before=None, limit=100
    )
    return found[::-1]


@pytest_asyncio.fixture
async def told(engine: Engine) -> Engine:
    """An engine whose shop knows somebody who takes SMS of all purposes."""
    await engine.shop.identify()
    return engine


async def order(shop: TestShop, order_id: str = "o-1", after: timedelta = timedelta(0), **more: Any) -> None:
    item = {"product_id": "p-1", "name": "Teapot", "price": 40, "quantity": 1}
    said = {"order_id": order_id, "total": 40, "currency": "EUR", "products": [item], **more}
    await backend(shop, "Order Completed", after, **said)


async def backend(shop: TestShop, what: str, after: timedelta = timedelta(0), **said: Any) -> None:
    """Have the shop's backend tell an event."""
    await shop.take(shop.event(what, after, **said).model_copy(update={"from_backend": True}))


async def finished(engine: Engine, journey: Journey) -> Journey:
    """Let a journey run to its end."""
    await engine.deliver()
    handle = engine.client.get_workflow_handle(journey.id)
    # It may have ended already: then there is no time left to skip.
    with contextlib.suppress(RPCError):
        await engine.env.fast_forward(handle)
    await handle.result()
    return await journeys.get(engine.shop.parts.pool, journey.id)


async def forward(engine: Engine, journey: Journey, length: timedelta) -> None:
    await engine.deliver()
    await engine.env.fast_forward(engine.client.get_workflow_handle(journey.id), length)


async def sent_for(shop: TestShop, journey: Journey) -> list[tuple[str, str]]:
    return [(row.step, row.state) for row in await sent.of_journey(shop.parts.pool, journey.id)]


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


# What they wait for


async def test_what_is_waited_for_ends_the_wait_at_once_and_what_came_before_counts(told: Engine) -> None:
    shop = told.shop
    waits = {"id": "until", "wait_for": {"event": "Order Shipped", "within": "10d"}}
    await publish(shop, OF_ORDERS, waits, SAY)
    await order(shop)
    await order(shop, "o-2")
    await shop.take(shop.event("Order Shipped", MINUTE, order_id="o-2"))
    first, second = await journeys_of(shop)
    assert await sent_for(shop, await finished(told, second)) == [("say", "accepted")]
    await forward(told, first, DAY)
    assert await sent_for(shop, first) == []
    await backend(shop, "Order Shipped", DAY, order_id="o-1", tracking_url="https://post.example/1")
    ended = await finished(told, first)
    assert await sent_for(shop, ended) == [("say", "accepted")]
    assert ended.ended_at is not None
    assert ended.ended_at < shop.begins + 2 * DAY


async def test_what_does_not_come_in_time_takes_the_other_way(told: Engine) -> None:
    waits = {"id": "until", "wait_for": {"event": "Order Shipped", "within": "2d"}, "otherwise": [SAY]}
    await publish(told.shop, OF_ORDERS, waits)
    await order(told.shop)
    [journey] = await journeys_of(told.shop)
    ended = await finished(told, journey)
    assert await sent_for(told.shop, ended) == [("say", "accepted")]
    assert ended.ended_at is not None
    assert ended.ended_at >= told.shop.begins + 2 * DAY


async def test_a_moment_of_the_order_and_a_time_of_day_are_waited_for(told: Engine) -> None:
    shop = told.shop
    due = shop.begins + 3 * DAY
    before = {"id": "due", "wait_until": {"moment": "order.payment_due", "before": "12h"}}
    await publish(shop, OF_ORDERS, before, SAY, {"id": "evening", "wait_until": {"time": "18:30"}})
    await order(shop, payment_due=due.isoformat())
    [journey] = await journeys_of(shop)
    ended = await finished(told, journey)
    [row] = await sent.of_journey(shop.parts.pool, journey.id)
    assert timedelta(0) <= row.decided_at - (due - 12 * HOUR) < MINUTE
    assert ended.ended_at is not None
    in_paris = ended.ended_at.astimezone(zone("Europe/Paris"))
    assert (in_paris.hour, in_paris.minute) == (18, 30)


def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


# What they do


@pytest.mark.parametrize(("said", "branch"), [("9", "happy"), ("0!", "unhappy"), (None, "silent")])
async def test_an_answer_is_waited_for_and_decides(told: Engine, said: str | None, branch: str) -> None:
    shop = told.shop
    asks = {"id": "nps", "ask": {"message": "question", "channels": SMS, "expects": "score", "within": "2d"}}
    ways = [
        {"if": {"reply": {"nps": {"at_least": 9}}}, "then": [{"id": "happy", "exit": "happy"}]},
        {"if": {"reply": {"nps": {"at_most": 6}}}, "then": [{"id": "unhappy", "exit": "unhappy"}]},
    ]
    await publish(shop, OF_ORDERS, asks, {"id": "how", "branch": ways, "otherwise": [{"id": "s", "exit": "silent"}]})
    await order(shop)
    [journey] = await journeys_of(shop)
    await forward(told, journey, MINUTE)
    assert await sent_for(shop, journey) == [("nps", "accepted")]
    if said:
        await reply(shop, journey, said, HOUR)
    ended = await finished(told, journey)
    assert (ended.outcome, ended.reason) == ("exited", branch)


async def reply(shop: TestShop, journey: Journey, text: str, after: timedelta) -> None:
    await backend(shop, "Message Replied", after, channel="sms", text=text, journey=journey.id)


async def test_yes_to_a_question_is_an_answer_and_no_consent(told: Engine) -> None:
    shop = told.shop
    asks = {"id": "coming", "ask": {"message": "question", "channels": SMS, "expects": "yes_no", "within": "2d"}}
    yes = {"if": {"reply": {"coming": {"yes": True}}}, "then": [{"id": "y", "exit": "comes"}]}
    await publish(shop, OF_ORDERS, asks, {"id": "how", "branch": [yes]})
    await shop.identify(consent={"sms": False})
    await order(shop)
    [journey] = await journeys_of(shop)
    await forward(told, journey, MINUTE)
    async with calling_back(shop) as provider:
        assert (await provider.says("Yes!")).status_code == 200
    assert (await finished(told, journey)).reason == "comes"
    granted = "select granted from consents where channel = 'sms' and purpose = 'marketing'"
    assert await shop.parts.pool.fetchval(granted) is False
    assert await shop.parts.pool.fetchval("select count(*) from replies") == 0


async def test_what_is_paused_keeps_its_time_also_where_something_is_heard(told: Engine) -> None:
    shop, pool = told.shop, told.shop.parts.pool
    waits = {"id": "until", "wait_for": {"event": "Order Shipped", "within": "3d"}, "otherwise": [SAY]}
    other = {"id": "later", "wait_for": {"event": "Order Delivered", "within": "1h"}}
    await publish(shop, OF_ORDERS, waits, other)
    await order(shop)
    [journey] = await journeys_of(shop)
    await forward(told, journey, DAY)
    assert await commands.pause(pool, journey.id, shop.begins + DAY)
    await forward(told, journey, 5 * DAY)
    assert await commands.resume(pool, journey.id, shop.begins + 6 * DAY)
    await forward(told, journey, HOUR)
    await backend(shop, "Order Delivered", 6 * DAY + HOUR, order_id="o-1")
    await forward(told, journey, DAY)
    assert await sent_for(shop, journey) == []
    await forward(told, journey, DAY)
    assert await sent_for(shop, journey) == [("say", "accepted")]


async def test_an_answer_that_is_not_understood_is_asked_for_once_more(told: Engine) -> None:
    shop = told.shop
    asked = {"message": "question", "channels": SMS, "expects": "score", "within": "2d", "again": "again"}
    happy = {"if": {"reply": {"nps": {"at_least": 9}}}, "then": [{"id": "happy", "exit": "happy"}]}
    await publish(shop, OF_ORDERS, {"id": "nps", "ask": asked}, {"id": "how", "branch": [happy]})
    await order(shop)
    [journey] = await journeys_of(shop)
    await forward(told, journey, MINUTE)
    for text, after in (("what?", 1), ("pardon?", 2)):
        await reply(shop, journey, text, after * HOUR)
        await forward(told, journey, HOUR)
    assert await sent_for(shop, journey) == [("nps", "accepted"), ("nps-again", "accepted")]
    await reply(shop, journey, "10", 3 * HOUR)
    assert (await finished(told, journey)).reason == "happy"


async def test_a_task_is_waited_for_and_what_the_person_wrote_goes_out(told: Engine) -> None:
    shop, pool = told.shop, told.shop.parts.pool
    await publish(
        shop,
        OF_ORDERS,
        {"id": "write", "task": {"title": "Write to them", "within": "2d"}, "otherwise": [{"id": "x", "exit": "late"}]},
        {"id": "personal", "send": {"message": "personal", "channels": SMS}},
    )
    await order(shop)
    await order(shop, "o-2")
    first, second = await journeys_of(shop)
    for journey in (first, second):
        await forward(told, journey, HOUR)
    task = (await tasks.of_journey(pool, first.id))["write"]
    assert (task.state, task.title) == ("open", "Write to them")
    await tasks.claim(pool, task, "Zoé", shop.begins)
    for _ in range(2):
        await tasks.complete(pool, task, "Zoé", "We kept it for you", shop.begins + HOUR)
    with pytest.raises(tasks.TaskStateError, match="the task is done"):
        await tasks.complete(pool, task, "Zoé", "Other words", shop.begins + HOUR)
    assert (await finished(told, first)).outcome == "finished"
    assert await pool.fetchval("select body from sandbox_messages") == "We kept it for you"
    assert (await finished(told, second)).reason == "late"


async def test_labels_splits_and_started_plans(told: Engine) -> None:
    shop, pool = told.shop, told.shop.parts.pool
    branch = {"if": {"label": {"seen": ["yes"]}, "variant": {"ways": ["b"]}}, "then": [{"id": "b", "exit": "b"}]}
    await publish(
        shop, {**OF_PEOPLE, "name": "other"}, {"id": "w", "wait": "1h"}, entry={"events": ["X"], "within": "1h"}
    )
    await publish(
        shop,
        OF_ORDERS,
        {"id": "ways", "split": [{"variant": "a", "share": 0}, {"variant": "b", "share": 100}]},
        {"id": "label", "set": {"seen": "yes"}},
        {"id": "start", "start": "other"},
        {"id": "nothing", "start": "not-published"},
        {"id": "which", "branch": [branch]},
    )
    await order(shop)
    [journey] = await journeys_of(shop)
    assert (await finished(told, journey)).reason == "b"
    assert await labels.of_person(pool, shop.shop, "ann") == {"seen": "yes"}
    [started] = await journeys_of(shop, "other")
    assert (started.key, started.status) == ("ann", "running")
    said = {line.what: line.why for line in await story.tell(pool, journey)}
    ways = "ways: variant b; which: the label 'seen' is yes and the customer's own way at 'ways' is b"
    looked = " ".join(why or "" for what, why in said.items() if what.startswith("looked at"))
    assert all(way in looked for way in ways.split("; "))
    assert said["start: starts other"] == started.id
    assert said["nothing: starts not-published"] == "not started: the shop has published no such plan"


# What is no plan


@pytest.mark.parametrize(
    ("header", "step", "problem"),
    [
        (OF_ORDERS, {"split": [{"variant": "a", "share": 40}, {"variant": "b", "share": 50}]}, "add up to 90"),
        (OF_PEOPLE, {"wait_until": {"moment": "order.shipped"}}, "order.shipped is known of an order"),
        (OF_ORDERS, {"wait_until": {"time": 1080}}, "in quotes"),
        (OF_ORDERS, {"start": "p"}, "cannot start itself"),
        (OF_ORDERS, {"send": {"message": "m", "channels": SMS, "offer": NOTHING}}, "an offer is bound to a cart"),
        (OF_ORDERS, {"branch": [{"if": {"reply": {"nps": {}}}}]}, "no step 'nps' asks something"),
        (
            OF_ORDERS,
            {"ask": {"message": "m", "channels": {"first": ["email"]}, "expects": "text"}},
            "nobody can answer",
        ),
        (OF_ORDERS, {"ask": {"message": "m", "channels": SMS, "expects": "choice"}}, "give options"),
        ({**OF_ORDERS, "exits_on": ["cart_emptied"]}, {"wait": "1h"}, "ends journeys about carts alone"),
        ({**OF_ORDERS, "key": "cart"}, {"wait": "1h"}, "goal: is missing"),
        ({**OF_PEOPLE, "audience": {"event": {"name": "X"}}}, {"wait": "1h"}, "within which time"),
        ({**OF_PEOPLE, "audience": {"sent": ["s"]}}, {"wait": "1h"}, "no step was done yet"),
        (
            OF_PEOPLE,
            {"branch": [{"if": {"unless": {"newly_consented": ["sms"]}}, "then": []}]},
            "asks what changed when the person entered: ask it in audience",
        ),
    ],
)
def test_a_plan_that_asks_for_what_there_is_not_says_so(header: dict[str, Any], step: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Plan.model_validate({**header, "steps": [{"id": "s", **step}]})


def test_a_variant_is_kept_by_its_share() -> None:
    plan = Plan.model_validate(
        {**OF_ORDERS, "steps": [{"id": "s", "split": [{"variant": "a", "share": 30}, {"variant": "b", "share": 70}]}]}
    )
    [split] = plan.steps
    names = [split.variant_of(number).variant for number in range(10_000)]  # type: ignore[union-attr]
    assert names == ["a"] * 3_000 + ["b"] * 7_000
