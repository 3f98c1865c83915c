"""A real Temporal server, an outbox with much to deliver, and relays at work on it."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from relance import embedded
from storage.journeys import Journey
from tests.support import TestShop, until
from workers import temporal
from workers.relay import Relay

BESIDE = Path(sys.executable).parent


@asynccontextmanager
async def temporal_on(port: int, *settings: str) -> AsyncIterator[str]:
    """A Temporal server on a port, with dynamic settings; gives its address."""
    beside = BESIDE / "temporal"
    async with await WorkflowEnvironment.start_local(
        port=port,
        dev_server_existing_path=str(beside if beside.exists() else shutil.which("temporal")),
        dev_server_extra_args=[word for setting in settings for word in ("--dynamic-config-value", setting)],
        dev_server_log_level="never",
    ):
        await temporal.bootstrap(await temporal.connect(address=f"127.0.0.1:{port}", namespace="default"))
        yield f"127.0.0.1:{port}"


@pytest_asyncio.fixture(scope="module")
async def address() -> AsyncIterator[str]:
    """A Temporal server that the tests share."""
    async with temporal_on(embedded.free_port(7233)) as address:
        yield address


@pytest_asyncio.fixture
async def client(address: str) -> Client:
    """Temporal as the relay calls it."""
    return await temporal.connect(address=address, namespace="default", retry=temporal.ONCE)


@asynccontextmanager
async def at_work(*relays: Relay) -> AsyncIterator[None]:
    """Relays, running."""
    stop = asyncio.Event()
    running = [asyncio.create_task(relay.run(stop)) for relay in relays]
    yield
    stop.set()
    await asyncio.gather(*running)


async def many(shop: TestShop, count: int) -> None:
    """Journeys like one that the shop has, to be started."""
    await shop.fill("c-0")
    columns = {name: name for name in Journey.__dataclass_fields__}
    columns |= {"id": "id || '-' || n", "key": "'c-' || n", "cart_id": "'c-' || n"}
    await shop.parts.pool.execute(
        f"insert into journeys ({', '.join(columns)}) select {', '.join(columns.values())}"
        f" from journeys, generate_series(1, {count - 1}) n"
    )
    await shop.parts.pool.execute("delete from outbox")
    await shop.parts.pool.execute("insert into outbox (journey) select id from journeys order by started_at, id")


async def tell(shop: TestShop, signal: str, which: str = "true", **payload: Any) -> None:
    """Have journeys hear a signal."""
    at = shop.begins.isoformat()
    await shop.parts.pool.execute(
        f"insert into outbox (journey, signal, payload) select id, $1, $2 from journeys j where {which} order by id",
        signal,
        {"at": at, **payload},
    )


async def rows(shop: TestShop) -> list[tuple[Any, ...]]:
    """The outbox: cart, signal, tries, whether it is due, whether it is parked, problem."""
    found = await shop.parts.pool.fetch(
        "select j.cart_id, signal, tries, parked_at is null and try_at <= clock_timestamp(),"
        " parked_at is not null, problem from outbox o join journeys j on j.id = o.journey order by o.id"
    )
    return [tuple(row) for row in found]


async def ids(shop: TestShop) -> list[str]:
    """The ids of the shop's journeys."""
    return sorted(row["id"] for row in await shop.parts.pool.fetch("select id from journeys"))


async def started(shop: TestShop, client: Client, count: int) -> list[str]:
    """The workflows of the shop, one for each run, once Temporal lists so many: it lists them a little late."""
    query = f"RelanceShop = '{shop.shop}'"

    async def all_are_listed() -> bool:
        return (await client.count_workflows(query)).count >= count

    await until(all_are_listed)
    return sorted([run.id async for run in client.list_workflows(query)])


async def is_empty(shop: TestShop) -> bool:
    return not await rows(shop)
