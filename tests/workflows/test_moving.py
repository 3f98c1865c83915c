"""Moving running journeys to another version of their plan: each keeps its own until it is moved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from journeys.moving import landing
from journeys.plan import Plan
from storage import commands, moving, story
from storage.moving import Landing, Moving
from tests.support import HOUR, MINUTE, Engine, TestShop, cart_recovery
from tests.workflows.test_plans import publish, saying
from workers import worker
from workflows.journey import JourneyWorkflow

MANY = 200
AT_ONCE = 20
Done = TypeVar("Done")
FIRST = {"id": "first", "send": {"message": "first", "channels": {"first": ["sms"]}}}
SECOND = {"id": "second", "send": {"message": "second", "channels": {"first": ["email"]}}}
INSTEAD, LAST = {**FIRST, "id": "instead"}, {**SECOND, "id": "last"}


def waiting(length: str) -> dict[str, str]:
    return {"id": "a-day-later", "wait": length}


async def move(shop: TestShop, to: int, at: timedelta, cart: str = "c-1", step: str | None = None) -> Landing:
    plans = shop.parts.plans
    version = await plans.version(shop.parts.pool, shop.shop, "cart-recovery", to)
    return await Moving(plans, version, step).move(shop.parts.pool, (await shop.journey(cart)).id, shop.begins + at)


async def replays(engine: Engine, cart: str = "c-1") -> None:
    history = await (await engine.handle(cart)).fetch_history()
    replayer = Replayer(
        workflows=[JourneyWorkflow], workflow_runner=worker.runner(), data_converter=pydantic_data_converter
    )
    await replayer.replay_workflow(history)


async def waits_between_messages(engine: Engine) -> None:
    """Play a journey to its wait between two messages."""
    await engine.shop.identify()
    await engine.shop.fill()
    await engine.deliver()
    await engine.forward(3 * HOUR)
    assert await engine.shop.sent() == [("first", "sms")]


async def test_who_stays_at_their_step_keeps_the_time_that_has_passed(engine: Engine) -> None:
    await publish(engine.shop, saying(FIRST, waiting("24h"), SECOND))
    await waits_between_messages(engine)
    await publish(engine.shop, saying(FIRST, waiting("10h"), SECOND))
    lands = await move(engine.shop, 3, 3 * HOUR)
    assert (lands.version, lands.left, lands.step, lands.problem) == (2, "a-day-later", "a-day-later", None)
    await engine.deliver()
    await engine.finish()
    at = await engine.shop.parts.pool.fetchval("select decided_at from sends where step = 'second'")
    assert timedelta(hours=12) <= at - engine.shop.begins < timedelta(hours=12, minutes=10)
    assert [one.what for one in await story.tell(engine.shop.parts.pool, await engine.shop.journey())].count(
        "moved to another version"
    ) == 1
    await replays(engine)


async def test_who_is_where_the_new_version_has_no_step_goes_on_at_the_next_that_is_there(engine: Engine) -> None:
    await publish(engine.shop, saying(FIRST, waiting("24h"), SECOND))
    await waits_between_messages(engine)
    await publish(engine.shop, saying(FIRST, SECOND))
    lands = await move(engine.shop, 3, 3 * HOUR)
    assert (lands.left, lands.step) == ("a-day-later", "second")
    await engine.deliver()
    journey = await engine.finish()
    assert (journey.plan_version, journey.outcome) == (3, "finished")
    assert await engine.shop.sent() == [("first", "sms"), ("second", "email")]
    await replays(engine)


async def test_a_step_that_was_sent_is_not_sent_again_where_the_journey_is_put_back(engine: Engine) -> None:
    await publish(engine.shop, saying(FIRST, waiting("24h"), SECOND))
    await waits_between_messages(engine)
    await publish(engine.shop, saying(FIRST, waiting("20h"), SECOND))
    assert (await move(engine.shop, 3, 3 * HOUR, step="first")).step == "first"
    await engine.deliver()
    await engine.finish()
    assert await engine.shop.sent() == [("first", "sms"), ("second", "email")]


async def test_a_journey_with_nowhere_to_go_on_stays_unless_it_is_said_where(engine: Engine) -> None:
    await publish(engine.shop, saying(FIRST, waiting("24h"), SECOND))
    await waits_between_messages(engine)
    await publish(engine.shop, saying({"id": "other", "send": FIRST["send"]}))
    lands = await move(engine.shop, 3, 3 * HOUR)
    assert (lands.step, (await engine.shop.journey()).plan_version) == (None, 2)
    assert lands.problem == (
        "version 3 has neither step a-day-later nor one that follows it; say at which step it goes on"
    )
    with pytest.raises(ValueError, match="version 3 of cart-recovery has no step 'nowhere'"):
        await move(engine.shop, 3, 3 * HOUR, step="nowhere")
    assert (await move(engine.shop, 3, 3 * HOUR, step="other")).problem is None
    await engine.deliver()
    assert (await engine.finish()).plan_version == 3


async def test_a_journey_is_moved_in_its_first_window_and_while_it_is_paused(engine: Engine) -> None:
    await engine.shop.identify()
    journey = await engine.shop.fill()
    await engine.deliver()
    assert await commands.pause(engine.shop.parts.pool, journey.id, engine.shop.begins + HOUR)
    await publish(engine.shop, saying(FIRST))
    await move(engine.shop, 2, 1.5 * HOUR)
    await engine.deliver()
    assert (await engine.shop.journey()).status == "paused"
    assert await commands.resume(engine.shop.parts.pool, journey.id, engine.shop.begins + 2 * HOUR)
    await engine.deliver()
    ended = await engine.finish()
    assert (ended.plan_version, ended.outcome) == (2, "finished")
    assert await engine.shop.sent() == [("first", "sms")]
    await replays(engine)


async def test_a_journey_that_is_moved_before_it_begins_keeps_no_time_of_its_old_version(engine: Engine) -> None:
    await engine.shop.identify()
    journey = await engine.shop.fill()
    assert journey.first_due - engine.shop.begins == 2 * HOUR
    await publish(engine.shop, saying(FIRST, longest_life=HOUR))
    assert (await move(engine.shop, 2, MINUTE)).problem is None
    await engine.deliver()
    ended = await engine.finish()
    assert ended.ended_at is not None
    assert (ended.outcome, ended.reason) == ("finished", "longest life of 1h reached")
    assert ended.ended_at - engine.shop.begins < HOUR + MINUTE
    await replays(engine)


async def test_a_journey_that_has_ended_or_has_the_version_already_stays(engine: Engine) -> None:
    await waits_between_messages(engine)
    assert (await move(engine.shop, 1, 3 * HOUR)).problem == "it has version 1 already"
    await engine.shop.order(4 * HOUR)
    await publish(engine.shop, saying(FIRST))
    assert (await move(engine.shop, 2, 5 * HOUR)).problem == "it has ended"


async def test_two_hundred_journeys_run_to_their_end_each_by_its_own_version(engine: Engine) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    carts = [f"c-{number}" for number in range(MANY)]
    begun = {cart for number, cart in enumerate(carts) if number % 4 < 2}
    for cart in carts:
        await shop.identify(cart)
        await shop.fill(cart, person=cart)
    await engine.deliver()
    await at_once(partial(engine.forward, 3 * HOUR), sorted(begun))
    await publish(shop, saying(INSTEAD, waiting("10h"), LAST))
    counts = "select plan_version, count(*) as n from journeys where status = 'running' group by 1"
    assert [tuple(row) for row in await pool.fetch(counts)] == [(1, MANY)]
    moved = set(carts[::2])
    assert await move_all(shop, moved - begun, HOUR) == {("leaves", "leaves")}
    assert await move_all(shop, moved & begun, 3 * HOUR) == {("a-day-later", "a-day-later")}
    await engine.deliver()
    assert {tuple(row) for row in await pool.fetch(counts)} == {(1, MANY - len(moved)), (2, len(moved))}
    ended = dict(zip(carts, await at_once(engine.finish, carts), strict=True))
    assert {one.outcome for one in ended.values()} == {"finished"}
    assert {cart for cart, one in ended.items() if one.plan_version == 2} == moved
    sent = dict(zip(carts, await at_once(shop.sent, carts), strict=True))
    for cart in carts:
        first = "instead" if cart in moved - begun else "first"
        assert sent[cart] == [(first, "sms"), ("last" if cart in moved else "second", "email")]
    # Who stood between two messages keeps the time that they had waited.
    last = await pool.fetch("select key, decided_at from sends where step = 'last' and state = 'accepted'")
    went_out = {row["key"]: row["decided_at"] - shop.begins for row in last}
    assert all(12 * HOUR <= went_out[cart] < 12.5 * HOUR for cart in moved & begun)
    await at_once(partial(replays, engine), carts[::3])


async def move_all(shop: TestShop, carts: set[str], at: timedelta) -> set[tuple[str | None, str | None]]:
    """Move journeys to the second version; tell where they stood and where they go on."""
    pool = shop.parts.pool
    version = await shop.parts.plans.version(pool, shop.shop, "cart-recovery", 2)
    mover = Moving(shop.parts.plans, version)
    chosen = await moving.chosen(pool, shop.shop, "cart-recovery", 2, sorted(carts))
    landings = [await mover.move(pool, journey, shop.begins + at) for journey in chosen]
    assert len(landings) == len(carts)
    return {(one.left, one.step) for one in landings}


async def at_once(do: Callable[[str], Awaitable[Done]], carts: list[str]) -> list[Done]:
    """Do something for each cart, for some at the same time."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(cart: str) -> Done:
        async with places:
            return await do(cart)

    return await asyncio.gather(*map(one, carts))


def test_a_landing_is_the_same_step_or_the_next_that_is_still_there() -> None:
    old, new = saying(FIRST, waiting("1h"), SECOND), saying(FIRST, SECOND)
    assert landing(old, "first", new) == "first"
    assert landing(old, "a-day-later", new) == "second"
    assert landing(old, "second", saying(FIRST)) is None
    assert landing(old, None, new) is None
    inside: Plan = cart_recovery()
    assert landing(inside, "thinks-longer", new) == "first"
