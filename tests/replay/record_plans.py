"""Record what else a plan may say, for later code to replay: ``python -m tests.replay.record_plans``."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from relance import plan_files
from storage import commands, plans, tasks
from storage.journeys import Journey
from tests.replay.record import parts_on, play, save
from tests.support import HOUR, MINUTE, Engine, skipping_temporal
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
)
from tests.workflows.test_moving import FIRST, SECOND, move, waiting, waits_between_messages
from tests.workflows.test_plans import publish as publish_for_carts
from tests.workflows.test_plans import saying

ASKS = {"message": "question", "channels": SMS, "expects": "score", "within": "2d", "again": "again"}


async def follow(engine: Engine, plan: str = "p") -> Journey:
    """Follow an order to the first step at which the journey waits."""
    await order(engine.shop)
    [journey] = await journeys_of(engine.shop, plan)
    await forward(engine, journey, MINUTE)
    return journey


async def view(engine: Engine) -> Journey:
    """Follow a person."""
    await engine.shop.take(engine.shop.event("Product Viewed"))
    [journey] = await journeys_of(engine.shop)
    await forward(engine, journey, MINUTE)
    return journey


async def finish(engine: Engine, scene: str, journey: Journey) -> None:
    """Play a journey to its end, and keep its history."""
    await finished(engine, journey)
    await save(scene, engine.client.get_workflow_handle(journey.id))


async def order_updates(engine: Engine) -> None:
    """Record an order that is shipped and delivered."""
    file = plan_files.read("order-updates")
    await plans.publish(engine.shop.parts.pool, engine.shop.shop, file.plan, file.messages.model_dump_json())
    journey = await follow(engine, "order-updates")
    for number, what in enumerate(("Order Shipped", "Order Delivered"), 1):
        await forward(engine, journey, DAY)
        await backend(engine.shop, what, number * DAY, order_id="o-1")
    await finish(engine, "order-shipped-and-delivered", journey)


async def ask_again(engine: Engine) -> None:
    """Record a question that is asked once more, and answered then."""
    await publish(engine.shop, OF_PEOPLE, {"id": "nps", "ask": ASKS})
    journey = await view(engine)
    for hours, said in enumerate(("what?", "10"), 1):
        await reply(engine.shop, journey, said, hours * HOUR)
        await forward(engine, journey, HOUR)
    await finish(engine, "asked-again-and-answered", journey)


async def do_tasks(engine: Engine) -> None:
    """Record a task that is done, and one that is not."""
    shop, pool = engine.shop, engine.shop.parts.pool
    steps: list[dict[str, Any]] = [
        {"id": name, "task": {"title": "Ring them", "within": "1d"}, "otherwise": [SAY] if name == "second" else []}
        for name in ("first", "second")
    ]
    await publish(shop, OF_ORDERS, *steps)
    journey = await follow(engine)
    task = (await tasks.of_journey(pool, journey.id))["first"]
    await tasks.complete(pool, task, "Zoé", "They are glad", shop.begins + HOUR)
    await finish(engine, "task-done-and-expired", journey)


async def wait_for_events(engine: Engine) -> None:
    """Record a wait for what comes, and one for what does not."""
    ships = {"id": "ships", "wait_for": {"event": "Order Shipped", "within": "3d"}}
    arrives = {"id": "arrives", "wait_for": {"event": "Order Delivered", "within": "3d"}, "otherwise": [SAY]}
    await publish(engine.shop, OF_ORDERS, ships, arrives)
    journey = await follow(engine)
    await backend(engine.shop, "Order Shipped", HOUR, order_id="o-1")
    await finish(engine, "waited-for-and-timed-out", journey)


async def split_set_and_start(engine: Engine) -> None:
    """Record a split, a label and a plan that is started."""
    variants = [{"variant": "a", "share": 100, "then": [{"id": "set", "set": {"seen": "yes"}}]}]
    split = {"id": "ways", "split": [*variants, {"variant": "b", "share": 0}]}
    await publish(engine.shop, OF_PEOPLE, {"id": "w", "wait": "1h"}, name="other")
    await publish(engine.shop, OF_ORDERS, split, {"id": "starts", "start": "other"})
    await order(engine.shop)
    [journey] = await journeys_of(engine.shop)
    await finish(engine, "split-set-and-start", journey)


async def until_delivered(engine: Engine) -> None:
    """Record a message that goes out by one channel after the other, for none is known to arrive."""
    channels = {"until_delivered": ["sms", "email"], "within": "1h"}
    await publish_for_carts(engine.shop, saying({"id": "say", "send": {"message": "first", "channels": channels}}))
    await engine.shop.fill()
    await engine.deliver()
    await engine.finish()
    await save("until-delivered", await engine.handle())


async def migrate(engine: Engine) -> None:
    """Record a journey that goes on in another version, between its two messages."""
    await publish_for_carts(engine.shop, saying(FIRST, waiting("24h"), SECOND))
    await waits_between_messages(engine)
    await publish_for_carts(engine.shop, saying(FIRST, waiting("10h"), SECOND))
    await move(engine.shop, 3, 3 * HOUR)
    await engine.deliver()
    await engine.finish()
    await save("moved-to-another-version", await engine.handle())


async def pause(engine: Engine) -> None:
    """Record a pause in which the journey looks whether it has ended already."""
    shop, pool = engine.shop, engine.shop.parts.pool
    await publish(shop, OF_ORDERS, {"id": "w", "wait": "1d"}, SAY)
    journey = await follow(engine)
    await forward(engine, journey, HOUR)
    assert await commands.pause(pool, journey.id, shop.begins + HOUR)
    await forward(engine, journey, HOUR)
    assert await commands.resume(pool, journey.id, shop.begins + 2 * HOUR)
    await finish(engine, "paused-and-not-ended", journey)


async def main() -> None:
    """Play and record every scene."""
    with tempfile.TemporaryDirectory(prefix="relance-") as folder:
        async with parts_on(Path(folder)) as parts, skipping_temporal() as env:
            await play(
                parts,
                env,
                order_updates,
                ask_again,
                do_tasks,
                wait_for_events,
                split_set_and_start,
                until_delivered,
                migrate,
                pause,
            )


if __name__ == "__main__":
    asyncio.run(main())
