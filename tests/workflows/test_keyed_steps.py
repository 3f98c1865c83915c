"""Journeys about orders and about people: what they wait for, and what they do."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from storage import commands, labels, sent, story, tasks
from tests.integration.returning import calling_back
from tests.support import HOUR, MINUTE, Engine
from tests.workflows.keyed import (
    DAY,
    OF_ORDERS,
    OF_PEOPLE,
    SAY,
    SMS,
    backend,
    finished,
    forward,
    journeys_of,
    order,
    publish,
    reply,
    sent_for,
    told,
)

__all__ = ["told"]


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
