"""The reconciliation against a real Temporal server: workflows that closed, and starts that were lost."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.contracts import JOURNEY_QUEUE, JourneyInput, JourneyResult
from journeys.repairs import Repair
from storage import commands, reconcile, repairs
from storage.journeys import Journey
from tests.support import Engine, TestShop, until, workers_at_work
from tests.workflows.reconciling import WORDS, Scene, client, idle, nothing_is_left, scene
from workflows.reconciliation import ReconciliationWorkflow

__all__ = ["client", "idle", "scene"]

LONG_AGO = "now() - interval '11 minutes'"


async def test_a_workflow_that_was_terminated_ends_its_journey_as_cancelled_and_says_so(scene: Scene) -> None:
    journey, other = await scene.started("c-1"), await scene.started("c-2", person="bob")
    await scene.handle(journey).terminate(reason=WORDS)
    await scene.until_listed(journey)
    closed = await scene.handle(journey).describe()

    found = await scene.reconcile()
    assert found.repaired == {Repair.WORKFLOW_TERMINATED: 1}
    assert "1: its workflow was terminated or cancelled in Temporal, ended as cancelled" in found.told[0]

    ended = await scene.read(journey)
    assert (ended.status, ended.outcome, ended.ended_at) == ("ended", "cancelled", closed.close_time)
    assert ended.reason == "its workflow was terminated or cancelled in Temporal"
    assert await scene.repaired(journey) == [("repaired: ended as cancelled", f"{ended.reason}: {WORDS}")]
    assert (await scene.read(other)).status == "running"
    await nothing_is_left(scene)


async def test_a_run_tells_in_the_temporal_ui_what_it_repaired_and_names_no_journey_and_nobodys_words(
    scene: Scene,
) -> None:
    journey = await scene.started()
    await scene.handle(journey).terminate(reason=WORDS)
    await scene.until_listed(journey)
    run = await scene.client.start_workflow(ReconciliationWorkflow.run, id="told", task_queue=JOURNEY_QUEUE)
    assert (await run.result()).repaired
    metadata = await run.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert "1: its workflow was terminated or cancelled in Temporal" in metadata.current_details
    history = (await run.fetch_history()).to_json()
    assert "ann@" not in history
    assert journey.id not in history


async def test_a_paused_journey_whose_workflow_was_terminated_ends_too(scene: Scene) -> None:
    journey = await scene.started()
    assert await commands.pause(scene.shop.parts.pool, journey.id, scene.shop.begins)
    await scene.deliver()
    await scene.handle(journey).terminate()
    await scene.until_listed(journey)
    assert (await scene.reconcile()).repaired == {Repair.WORKFLOW_TERMINATED: 1}
    assert (await scene.read(journey)).outcome == "cancelled"


@workflow.defn(name="Journey")
class FailingJourney:
    """A journey that fails as a whole."""

    @workflow.run
    async def run(self, start: JourneyInput) -> JourneyResult:
        raise ApplicationError(f"cannot follow {start.journey}\0")


@workflow.defn(name="Journey")
class ForgetfulJourney:
    """A journey that ends without telling Postgres, as if Postgres were restored from a backup."""

    @workflow.run
    async def run(self, start: JourneyInput) -> JourneyResult:  # noqa: ARG002 the journey's
        return JourneyResult(outcome="finished", reason="the plan ended")


@asynccontextmanager
async def played_by(client: Client, workflow_class: type[Any]) -> AsyncIterator[None]:
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue=JOURNEY_QUEUE, workflows=[workflow_class], workflow_runner=runner):
        yield


async def begun_at_once(idle: Scene) -> Journey:
    """A journey whose first window is over when it starts."""
    journey = await idle.shop.fill()
    await idle.execute("update journeys set first_due = started_at, next_at = started_at")
    await idle.deliver()
    return journey


async def test_a_workflow_that_was_reset_goes_on_and_so_does_its_journey(scene: Scene) -> None:
    """Temporal closes the old run as terminated, and the new one has the same id."""
    journey = await begun_at_once(scene)
    handle = scene.handle(journey)

    async def waits() -> bool:
        return EventType.EVENT_TYPE_TIMER_STARTED in {e.event_type for e in (await handle.fetch_history()).events}

    await until(waits)
    first = await handle.describe()
    await scene.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=scene.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=journey.id, run_id=first.run_id),
            workflow_task_finish_event_id=4,
            request_id=str(uuid.uuid4()),
        )
    )
    await scene.until_listed(journey)
    found = await scene.reconcile()
    assert found.repaired == {}
    assert (await scene.read(journey)).status == "running"


async def test_a_workflow_that_failed_ends_its_journey_as_failed(idle: Scene) -> None:
    async with played_by(idle.client, FailingJourney):
        journey = await begun_at_once(idle)
        with pytest.raises(WorkflowFailureError):
            await idle.handle(journey).result()
    await idle.until_listed(journey)
    async with workers_at_work(idle.shop, idle.client):
        assert (await idle.reconcile()).repaired == {Repair.WORKFLOW_FAILED: 1}
        ended = await idle.read(journey)
        assert (ended.outcome, ended.reason) == ("failed", "its workflow failed in Temporal")
        why = f"its workflow failed in Temporal: cannot follow {journey.id}"
        assert await idle.repaired(journey) == [("repaired: ended as failed", why)]
        await nothing_is_left(idle)


async def test_a_workflow_that_ended_without_postgres_gives_its_journey_the_same_end(idle: Scene) -> None:
    async with played_by(idle.client, ForgetfulJourney):
        journey = await begun_at_once(idle)
        await idle.handle(journey).result()
    await idle.until_listed(journey)
    async with workers_at_work(idle.shop, idle.client):
        assert (await idle.reconcile()).repaired == {Repair.END_LOST: 1}
        ended = await idle.read(journey)
        assert (ended.outcome, ended.reason) == ("finished", "the plan ended")
        await nothing_is_left(idle)


async def test_a_journey_whose_start_was_lost_is_started_once_its_moment_lies_long_past(scene: Scene) -> None:
    journey = await scene.shop.fill()
    await scene.execute("delete from outbox")
    await nothing_is_left(scene)
    await scene.execute(f"update journeys set next_at = {LONG_AGO}")
    found = await scene.reconcile()
    assert (found.repaired, found.overdue) == ({Repair.START_LOST: 1}, 1)
    await scene.deliver()
    assert (await scene.handle(journey).describe()).status is WorkflowExecutionStatus.RUNNING
    assert [what for what, _ in await scene.repaired(journey)] == ["repaired: started again"]
    await nothing_is_left(scene)


async def test_a_start_that_still_waits_for_the_relay_is_not_doubled(scene: Scene) -> None:
    await scene.shop.fill()
    await scene.execute(f"update journeys set next_at = {LONG_AGO}")
    found = await scene.reconcile()
    assert (found.repaired, found.overdue) == ({}, 1)
    assert await scene.shop.parts.pool.fetchval("select count(*) from outbox") == 1


async def test_a_start_that_was_parked_is_left_to_the_operator(scene: Scene) -> None:
    await scene.shop.fill()
    await scene.execute("update outbox set parked_at = now()")
    await scene.execute(f"update journeys set next_at = {LONG_AGO}")
    assert (await scene.reconcile()).repaired == {}


async def test_a_signal_that_was_parked_keeps_nobody_from_finding_a_lost_workflow(scene: Scene) -> None:
    journey = await scene.started()
    await scene.execute(
        "insert into outbox (journey, signal, payload, parked_at) values ($1, 'cart_changed', '{}', now())", journey.id
    )
    await scene.handle(journey).terminate()
    await scene.execute("update reconciliation set closed_until = now() + interval '1 hour'")
    await scene.execute(f"update journeys set next_at = {LONG_AGO}")
    assert (await scene.reconcile()).repaired == {Repair.WORKFLOW_TERMINATED: 1}


async def test_a_journey_that_is_late_because_no_worker_came_is_counted_and_left(scene: Scene) -> None:
    journey = await scene.started()
    await scene.execute(f"update journeys set next_at = {LONG_AGO}")
    found = await scene.reconcile()
    assert (found.repaired, found.overdue) == ({}, 1)
    assert (await scene.read(journey)).status == "running"


async def test_a_terminated_workflow_that_the_list_has_lost_is_found_when_its_journey_is_late(scene: Scene) -> None:
    journey = await scene.started()
    await scene.handle(journey).terminate()
    await scene.execute("update reconciliation set closed_until = now() + interval '1 hour'")
    await scene.execute(f"update journeys set next_at = {LONG_AGO}")
    assert (await scene.reconcile()).repaired == {Repair.WORKFLOW_TERMINATED: 1}
    assert (await scene.read(journey)).outcome == "cancelled"


async def test_a_comparison_that_fails_keeps_none_of_the_others_from_being_made(engine: Engine) -> None:
    """On the server that skips time, since a comparison is tried again after a while."""
    pool = engine.shop.parts.pool
    journey = await engine.shop.fill()
    await engine.shop.fill("c-2", person="bob")
    await engine.deliver()
    await (await engine.handle()).terminate()
    await until(lambda: Scene(engine.shop, engine.client, engine.relay).is_listed(journey))
    await pool.execute("alter table orders rename to orders_gone")
    with pytest.raises(WorkflowFailureError) as error:
        await engine.client.execute_workflow(
            ReconciliationWorkflow.run, id=f"reconciliation-{uuid.uuid4()}", task_queue=JOURNEY_QUEUE
        )
    told = str(error.value.cause)
    assert "1: its workflow was terminated" in told
    assert "open journeys and the orders: could not be compared; ended journeys" in told
    await pool.execute("alter table orders_gone rename to orders")
    assert (await engine.shop.journey()).outcome == "cancelled"


async def test_those_that_were_asked_for_let_others_have_their_turn(shop: TestShop) -> None:
    pool = shop.parts.pool
    ids = [(await shop.fill(f"c-{n}", person=f"p-{n}")).id for n in range(5)]
    await pool.execute("delete from outbox")
    for n, journey in enumerate(ids):
        late = "update journeys set next_at = now() - interval '1 hour' + $2 * interval '1 second' where id = $1"
        await pool.execute(late, journey, n)
    asked = []
    while turn := await reconcile.overdue(pool, 2):
        asked.append(turn)
        for journey in turn:
            await reconcile.note_asked(pool, journey)
    assert asked == [ids[:2], ids[2:4], ids[4:]]
    await pool.execute("update journeys set checked_at = checked_at - interval '2 hours' where id = $1", ids[3])
    assert await reconcile.overdue(pool, 2) == [ids[3]]


async def test_what_was_repaired_is_counted(scene: Scene) -> None:
    journey = await scene.started()
    await scene.handle(journey).terminate()
    await scene.until_listed(journey)
    await scene.reconcile()
    pool = scene.shop.parts.pool
    assert {kind: n for kind, n in (await repairs.count(pool)).items() if n} == {Repair.WORKFLOW_TERMINATED: 1}
    assert await repairs.of_the_last_day(pool) == 1
    await scene.execute("update repairs set at = at - interval '2 days'")
    assert await repairs.of_the_last_day(pool) == 0
