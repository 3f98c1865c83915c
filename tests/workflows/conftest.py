from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest_asyncio
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from tests.support import Engine, TestShop
from workers import temporal


@pytest_asyncio.fixture(scope="session")
async def skipping_server() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server that skips time, for each workflow on its own."""
    beside = Path(sys.executable).parent / "temporal"
    async with await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=str(beside if beside.exists() else shutil.which("temporal")),
        dev_server_extra_args=[
            "--dynamic-config-value",
            "frontend.WorkflowTimeSkippingEnabled=true",
            "--dynamic-config-value",
            'history.timerProcessorMaxTimeShift="10ms"',
        ],
        dev_server_log_level="never",
        dev_server_startup_timeout=timedelta(seconds=30),
        data_converter=pydantic_data_converter,
    ) as env:
        await temporal.bootstrap(env.client)
        yield env


@pytest_asyncio.fixture
async def engine(skipping_server: WorkflowEnvironment, shop: TestShop) -> AsyncIterator[Engine]:
    """A shop with its relay and its workers at work; what still runs at the end is terminated."""
    client = skipping_server.client
    async with AsyncExitStack() as stack:
        for worker in shop.parts.workers(client, grace=timedelta(seconds=1)):
            await stack.enter_async_context(worker)
        yield Engine(skipping_server, shop, shop.parts.relay(client))
        for row in await shop.parts.pool.fetch("select id from journeys"):
            try:
                await client.get_workflow_handle(row["id"]).terminate()
            except RPCError:
                continue
