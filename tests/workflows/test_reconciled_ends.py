"""The reconciliation finds orders that ended nothing, and tells workflows again of ends that they did not hear of."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.reconcile import Reconciling
from journeys.repairs import Repair
from storage import commands
from tests.support import HOUR, MINUTE, cart_recovery, opened_shop, workers_at_work
from tests.workflows.reconciling import WORDS, Scene, client, idle, nothing_is_left, scene

__all__ = ["client", "idle", "scene"]


async def insert_order(scene: Scene, cart: str | None, order: str = "o-1") -> None:
    """An order that comes into Postgres behind ingest's back."""
    await scene.execute(
        "insert into orders (shop, order_id, customer_id, cart_id, of_person, at, message_id)"
        " values ($1, $2, 'ann', $3, $3::text is null, $4, $2)",
        scene.shop.shop,
        order,
        cart,
        scene.shop.begins + MINUTE,
    )


@pytest.mark.parametrize(
    ("named", "outcome", "signal"),
    [
        ("c-1", "converted", "checkout_completed"),
        (None, "converted", "checkout_completed"),
        ("c-9", "exited", "ordered_elsewhere"),
    ],
)
async def test_an_order_that_ended_nothing_ends_the_journey_and_its_workflow(
    scene: Scene, named: str | None, outcome: str, signal: str
) -> None:
    journey = await scene.started()
    await insert_order(scene, named)
    assert (await scene.reconcile()).repaired == {Repair.ORDER_MISSED: 1}
    ended = await scene.read(journey)
    assert (ended.outcome, ended.ended_at) == (outcome, scene.shop.begins + MINUTE)
    assert [what for what, _ in await scene.repaired(journey)] == ["repaired: ended"]
    await scene.deliver()
    assert (await scene.handle(journey).result())["outcome"] == outcome
    assert await scene.signals(journey) == [signal]
    await nothing_is_left(scene)


async def test_an_order_of_another_cart_ends_nothing_where_the_plan_does_not_say_so(
    client: Client, database_url: str
) -> None:
    async with opened_shop(database_url, cart_recovery(exits_on=[])) as shop, workers_at_work(shop, client):
        scene = Scene(shop, client, shop.parts.relay(client))
        journey = await scene.started()
        await insert_order(scene, "c-9")
        await nothing_is_left(scene)
        assert (await scene.read(journey)).status == "running"
        await scene.handle(journey).terminate()


async def order(scene: Scene) -> None:
    await scene.shop.order(MINUTE)


async def order_elsewhere(scene: Scene) -> None:
    await scene.shop.order(MINUTE, "c-9")


async def fill_another(scene: Scene) -> None:
    await scene.shop.fill("c-2", MINUTE)


async def cancel(scene: Scene) -> None:
    journey = await scene.shop.journey()
    assert await commands.cancel(scene.shop.parts.pool, journey.id, WORDS, scene.shop.begins)


@pytest.mark.parametrize(
    ("act", "outcome", "signal"),
    [
        (order, "converted", "checkout_completed"),
        (order_elsewhere, "exited", "ordered_elsewhere"),
        (fill_another, "exited", "superseded"),
        (cancel, "cancelled", "cancel"),
    ],
)
async def test_a_workflow_that_did_not_hear_of_its_end_is_told_again_what_happened(
    scene: Scene, act: Any, outcome: str, signal: str
) -> None:
    scene.shop.begins -= HOUR
    journey = await scene.started()
    await act(scene)
    wanted = await scene.shop.parts.pool.fetchrow("select signal, payload from outbox where journey = $1", journey.id)
    await scene.execute("delete from outbox")

    assert (await scene.reconcile()).repaired == {Repair.SIGNAL_LOST: 1}
    told = await scene.shop.parts.pool.fetchrow("select signal, payload from outbox where journey = $1", journey.id)
    assert told == wanted
    await scene.deliver()
    assert (await scene.handle(journey).result())["outcome"] == outcome
    assert await scene.signals(journey) == [signal]
    assert [what for what, _ in await scene.repaired(journey)] == ["repaired: told its workflow again"]
    await scene.execute("update journeys set checked_at = null")
    await nothing_is_left(scene)


async def test_a_workflow_that_has_heard_and_waits_for_its_worker_is_not_told_again(idle: Scene) -> None:
    idle.shop.begins -= HOUR
    journey = await idle.started()
    await idle.shop.order(MINUTE)
    await idle.deliver()
    parts = idle.shop.parts
    found = await ActivityEnvironment().run(Reconciling(parts.pool, idle.client, parts.following).ended)
    assert (found.looked_at, found.repaired) == (1, {})
    await idle.deliver()
    assert await idle.signals(journey) == ["checkout_completed"]


async def test_a_missed_order_is_found_wherever_its_journey_stands_among_the_open_ones(
    idle: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.reconcile.OPEN_AT_A_TIME", 2)
    for n in range(4):
        await idle.shop.fill(f"c-{n}", person=f"p-{n}")
    last = await idle.shop.fill("c-4")
    await insert_order(idle, "c-4")
    parts = idle.shop.parts
    found = await ActivityEnvironment().run(Reconciling(parts.pool, idle.client, parts.following).orders)
    assert (found.looked_at, found.repaired) == (5, {Repair.ORDER_MISSED: 1})
    assert (await idle.read(last)).outcome == "converted"
