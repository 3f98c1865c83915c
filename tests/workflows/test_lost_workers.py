"""A worker that Temporal's SDK gives up is followed by another."""

from __future__ import annotations

import asyncio
from concurrent.futures import BrokenExecutor
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from relance import serving
from workers import temporal

QUEUE = "lost-workers"


@workflow.defn
class Asks:
    """Runs one activity."""

    @workflow.run
    async def run(self) -> int:
        """Give the attempt that succeeded."""
        attempt: int = await workflow.execute_activity(
            "break_the_first_worker", start_to_close_timeout=timedelta(seconds=5)
        )
        return attempt


@activity.defn
async def break_the_first_worker() -> int:
    """Raise what the SDK takes for the end of its worker, once."""
    attempt = activity.info().attempt
    if attempt == 1:
        raise BrokenExecutor
    return attempt


async def test_a_worker_that_is_given_up_is_followed_by_another(skipping_server: WorkflowEnvironment) -> None:
    client, built, stop = skipping_server.client, [], asyncio.Event()

    def build() -> Worker:
        runner, activities = UnsandboxedWorkflowRunner(), [break_the_first_worker]
        worker = Worker(client, task_queue=QUEUE, workflows=[Asks], activities=activities, workflow_runner=runner)
        built.append(worker)
        return worker

    working = asyncio.create_task(serving.work(build, stop, settled=0))
    attempt = await client.execute_workflow(Asks.run, id="asks", task_queue=QUEUE)
    # A busy machine may lose one more on its way to the next worker.
    assert attempt > 1
    assert len(built) == 2
    stop.set()
    await working


async def test_a_worker_that_cannot_begin_says_so(skipping_server: WorkflowEnvironment) -> None:
    address = skipping_server.client.service_client.config.target_host
    client, built = await temporal.connect(address=address, namespace="nowhere"), []

    def build() -> Worker:
        built.append(Worker(client, task_queue=QUEUE, activities=[break_the_first_worker]))
        return built[-1]

    with pytest.raises(RuntimeError, match="nowhere"):
        await serving.work(build, asyncio.Event())
    assert len(built) == 1
