"""What comes before a journey's first line, and what a pause moves: the time that was left, and no clock."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter
from temporalio.testing import WorkflowEnvironment

from activities.contracts import DoInput
from activities.doing import Doing
from journeys.play import first_stage
from journeys.steps import Step
from storage import commands, journeys, labels
from storage.journeys import Journey
from tests.support import HOUR, MINUTE, Engine, TestShop, cart_recovery, workers_at_work
from tests.workflows import test_plans
from tests.workflows.keyed import DAY, OF_ORDERS, SMS, finished, forward, journeys_of, order, publish, reply, told
from tests.workflows.test_moving import FIRST, SECOND, move, replays
from tests.workflows.test_plans import saying

__all__ = ["told"]

PARIS = ZoneInfo("Europe/Paris")
SCORE = {"id": "score", "ask": {"message": "question", "channels": SMS, "expects": "score", "within": "2d"}}
ANSWERED = {
    "id": "how",
    "branch": [{"if": {"reply": {"score": {}}}, "then": [{"id": "y", "exit": "answered"}]}],
    "otherwise": [{"id": "n", "exit": "no answer"}],
}


# Before the first line


@pytest.mark.parametrize("begun", [False, True])
async def test_a_journey_that_is_moved_goes_on_where_the_operator_said_whether_it_has_begun_or_not(
    engine: Engine, *, begun: bool
) -> None:
    await engine.shop.identify()
    await engine.shop.fill()
    if begun:
        await engine.deliver()
    steps = TypeAdapter(list[Step]).validate_python([{"id": "extra", "send": FIRST["send"]}, SECOND])
    await test_plans.publish(engine.shop, cart_recovery(steps=steps))
    assert (await move(engine.shop, 2, MINUTE, step="second")).step == "second"
    await engine.deliver()
    assert (await engine.finish()).outcome == "finished"
    assert await engine.shop.sent() == [("second", "email")]
    await replays(engine)


async def test_a_pause_that_was_over_before_it_was_moved_is_counted_once(
    skipping_server: WorkflowEnvironment, shop: TestShop
) -> None:
    engine = Engine(skipping_server, shop, shop.parts.relay(skipping_server.client))
    await shop.identify()
    journey = await shop.fill()
    await engine.deliver()
    assert await commands.pause(shop.parts.pool, journey.id, shop.begins + 30 * MINUTE)
    assert await commands.resume(shop.parts.pool, journey.id, shop.begins + 90 * MINUTE)
    await test_plans.publish(shop, saying(FIRST, longest_life=HOUR))
    assert (await move(shop, 2, 100 * MINUTE)).problem is None
    await engine.deliver()
    async with workers_at_work(shop, skipping_server.client):
        ended = await engine.finish()
        await replays(engine)
    assert ended.reason == "longest life of 1h reached"
    assert ended.ended_at is not None
    assert 2 * HOUR <= ended.ended_at - shop.begins < 2 * HOUR + MINUTE


# What a pause moves


async def asked_and_paused_for_days(told: Engine) -> Journey:
    """Ask a question, and pause from an hour after it to the third day."""
    shop, pool = told.shop, told.shop.parts.pool
    await publish(shop, OF_ORDERS, SCORE, ANSWERED)
    await order(shop)
    [journey] = await journeys_of(shop)
    await forward(told, journey, MINUTE)
    assert await commands.pause(pool, journey.id, shop.begins + HOUR)
    await forward(told, journey, 3 * DAY)
    assert await commands.resume(pool, journey.id, shop.begins + 3 * DAY)
    return journey


async def test_a_pause_moves_the_time_to_answer(told: Engine) -> None:
    shop, pool = told.shop, told.shop.parts.pool
    journey = await asked_and_paused_for_days(told)
    await forward(told, journey, HOUR)
    await reply(shop, journey, "what do you mean?", 3 * DAY + HOUR)
    await forward(told, journey, HOUR)
    assert (await journeys.get(pool, journey.id)).status == "running"
    await reply(shop, journey, "9", 4 * DAY)
    ended = await finished(told, journey)
    assert (ended.reason, ended.ended_at) == ("answered", shop.begins + 4 * DAY)


async def test_whoever_does_not_answer_has_the_whole_time_beside_the_pause(told: Engine) -> None:
    shop = told.shop
    journey = await asked_and_paused_for_days(told)
    ended = await finished(told, journey)
    assert (ended.reason, ended.ended_at is None) == ("no answer", False)
    waited = (ended.ended_at or shop.begins) - shop.begins - (3 * DAY - HOUR)
    assert 2 * DAY <= waited < 2 * DAY + MINUTE


@pytest.mark.parametrize(("length", "days"), [(HOUR, 0), (2 * DAY, 2)])
async def test_a_pause_moves_no_time_of_day(told: Engine, length: timedelta, days: int) -> None:
    shop, pool = told.shop, told.shop.parts.pool
    clock = (shop.begins + 2 * HOUR).astimezone(PARIS)
    await publish(
        shop, OF_ORDERS, {"id": "w", "wait_until": {"time": f"{clock:%H:%M}"}}, {"id": "x", "exit": "went on"}
    )
    await order(shop)
    [journey] = await journeys_of(shop)
    await forward(told, journey, MINUTE)
    at = shop.begins + 5 * MINUTE
    assert await commands.pause(pool, journey.id, at)
    await forward(told, journey, length)
    assert await commands.resume(pool, journey.id, at + length)
    ended = await finished(told, journey)
    assert ended.ended_at is not None
    shows = clock.replace(second=0, microsecond=0) + days * DAY
    assert shows <= ended.ended_at < shows + MINUTE


@pytest.mark.parametrize(("until", "goes_on"), [(3 * DAY, 9 * DAY), (11 * DAY, 11 * DAY)])
async def test_a_pause_moves_no_moment_of_the_order(told: Engine, until: timedelta, goes_on: timedelta) -> None:
    shop, pool = told.shop, told.shop.parts.pool
    before = {"id": "w", "wait_until": {"moment": "order.expected", "before": "1d"}}
    await publish(shop, OF_ORDERS, before, {"id": "x", "exit": "went on"}, longest_life="60d")
    await order(shop, expected_delivery=(shop.begins + 10 * DAY).isoformat())
    [journey] = await journeys_of(shop)
    await forward(told, journey, MINUTE)
    assert await commands.pause(pool, journey.id, shop.begins + DAY)
    await forward(told, journey, until)
    assert await commands.resume(pool, journey.id, shop.begins + until)
    ended = await finished(told, journey)
    assert ended.ended_at is not None
    assert goes_on <= ended.ended_at - shop.begins < goes_on + 2 * MINUTE


async def test_a_pause_that_comes_just_before_a_step_keeps_it_from_being_done(told: Engine) -> None:
    shop, parts = told.shop, told.shop.parts
    plan = await publish(shop, OF_ORDERS, {"id": "w", "wait": "1h"}, {"id": "mark", "set": {"seen": "yes"}})
    await order(shop)
    [journey] = await journeys_of(shop)
    stage = first_stage(plan, shop.begins).go("mark", shop.begins)
    do = DoInput(journey=journey.id, stage=stage, at=shop.begins + HOUR)
    doing = Doing(parts.pool, parts.plans, parts.following, parts.clock)
    assert await commands.pause(parts.pool, journey.id, shop.begins + HOUR)
    assert (await doing.do(do)).held
    assert await labels.of_person(parts.pool, shop.shop, "ann") == {}
    assert await commands.resume(parts.pool, journey.id, shop.begins + 2 * HOUR)
    assert not (await doing.do(do)).held
    assert await labels.of_person(parts.pool, shop.shop, "ann") == {"seen": "yes"}
