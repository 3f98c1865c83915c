"""A shop, its relay and a real Temporal server, between which something goes wrong."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle

from activities.contracts import JOURNEY_QUEUE, Reconciled
from relance import embedded
from storage import journeys, story
from storage.journeys import Journey
from tests.support import TestShop, until, workers_at_work
from workers import temporal
from workers.relay import Relay
from workflows.reconciliation import ReconciliationWorkflow

WORDS = "gone mad, says ann@example.com"


@pytest_asyncio.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """A Temporal server whose time is the world's."""
    async with embedded.temporal_server(tmp_path_factory.mktemp("temporal"), keep=False) as address:
        client = await temporal.connect(address=address.grpc, namespace="default")
        await temporal.bootstrap(client)
        yield client


@dataclass
class Scene:
    """A shop, its relay and its Temporal; workers come when they are called for."""

    shop: TestShop
    client: Client
    relay: Relay

    def handle(self, journey: Journey) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(journey.id)

    async def deliver(self) -> None:
        while await self.relay.deliver_batch():
            pass

    async def execute(self, sql: str, *values: object) -> None:
        await self.shop.parts.pool.execute(sql, *values)

    async def started(self, cart: str = "c-1", **more: Any) -> Journey:
        """A journey whose workflow waits in its first window."""
        journey = await self.shop.fill(cart, **more)
        await self.deliver()
        return journey

    async def read(self, journey: Journey) -> Journey:
        return await journeys.get(self.shop.parts.pool, journey.id)

    async def reconcile(self) -> Reconciled:
        return await self.client.execute_workflow(
            ReconciliationWorkflow.run, id=f"reconciliation-{uuid.uuid4()}", task_queue=JOURNEY_QUEUE
        )

    async def is_listed(self, journey: Journey) -> bool:
        query = f"ExecutionStatus != 'Running' AND WorkflowId = '{journey.id}'"
        return bool([execution async for execution in self.client.list_workflows(query)])

    async def until_listed(self, journey: Journey) -> None:
        """Wait until Temporal's list shows a journey's workflow as closed."""
        await until(lambda: self.is_listed(journey))

    async def repaired(self, journey: Journey) -> list[tuple[str, str | None]]:
        told = await story.tell(self.shop.parts.pool, await self.read(journey))
        return [(line.what, line.why) for line in told if line.what.startswith("repaired")]

    async def signals(self, journey: Journey) -> list[str]:
        history = await self.handle(journey).fetch_history()
        named = [event.workflow_execution_signaled_event_attributes.signal_name for event in history.events]
        return [name for name in named if name]


@pytest_asyncio.fixture
async def idle(shop: TestShop, client: Client) -> AsyncIterator[Scene]:
    """A scene without workers. What still runs at the end is terminated: the next test has another database."""
    scene = Scene(shop, client, shop.parts.relay(client))
    yield scene
    async for execution in client.list_workflows("ExecutionStatus = 'Running'"):
        await client.get_workflow_handle(execution.id).terminate()


@pytest_asyncio.fixture
async def scene(idle: Scene) -> AsyncIterator[Scene]:
    """A scene with the workers at work."""
    async with workers_at_work(idle.shop, idle.client):
        yield idle


async def nothing_is_left(scene: Scene) -> None:
    """Make sure that another run repairs nothing."""
    assert (await scene.reconcile()).repaired == {}
