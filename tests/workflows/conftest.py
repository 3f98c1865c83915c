from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from tests.integration.calls import with_api_key
from tests.support import Engine, TestShop, skipping_temporal, workers_at_work


@pytest_asyncio.fixture(scope="session")
async def skipping_server() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server that skips time, for each workflow on its own."""
    async with skipping_temporal() as env:
        yield env


@pytest_asyncio.fixture
async def engine(skipping_server: WorkflowEnvironment, shop: TestShop) -> AsyncIterator[Engine]:
    """A shop with its relay and its workers at work; what still runs at the end is terminated."""
    client = skipping_server.client
    async with workers_at_work(shop, client):
        yield Engine(skipping_server, shop, shop.parts.relay(client))
        for row in await shop.parts.pool.fetch("select id from journeys"):
            try:
                await client.get_workflow_handle(row["id"]).terminate()
            except RPCError:
                continue


@pytest_asyncio.fixture
async def api(shop: TestShop) -> AsyncIterator[httpx.AsyncClient]:
    """The API without Temporal, as an operator or whoever does tasks calls it."""
    async with with_api_key(shop) as api:
        yield api
