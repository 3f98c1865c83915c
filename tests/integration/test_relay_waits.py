"""The relay where Temporal or Postgres is away or pushes back: it waits, tells of it once, and delivers all."""

from __future__ import annotations

import asyncio

import asyncpg
from google.protobuf.duration_pb2 import Duration
from structlog.testing import capture_logs
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from relance import embedded
from tests.integration.relaying import address, at_work, client, ids, is_empty, many, rows, started, tell, temporal_on
from tests.support import TestShop, until
from workers import temporal
from workers.pressure import FIRST

__all__ = ["address", "client"]


async def test_while_temporal_is_away_no_row_is_marked_and_one_line_tells_of_it(shop: TestShop) -> None:
    await many(shop, 40)
    await tell(shop, "pause")
    port = embedded.free_port(17233)
    away = await temporal.connect(address=f"127.0.0.1:{port}", namespace="default", lazy=True, retry=temporal.ONCE)
    relay = shop.parts.relay(away)
    with capture_logs() as log:
        for _ in range(100):
            assert await relay.deliver_batch()
        assert [line["event"] for line in log] == ["relay cannot reach Temporal and waits for it"]
        assert len(await rows(shop)) == 80
        assert all(row[2:] == (0, True, False, None) for row in await rows(shop))
        async with temporal_on(port) as address:
            while not await is_empty(shop):
                await relay.deliver_batch()
            there = await temporal.connect(address=address, namespace="default")
            assert await started(shop, there, 40) == await ids(shop)
    assert [line["event"] for line in log] == [
        "relay cannot reach Temporal and waits for it",
        "relay reaches Temporal again",
    ]


async def test_while_postgres_is_away_the_relay_waits_for_it_and_one_line_tells_of_it(
    shop: TestShop, client: Client, database_url: str, postgres_server: str
) -> None:
    database = database_url.partition("?")[0].rpartition("/")[2]
    admin = await asyncpg.connect(postgres_server.replace("/relance?", "/postgres?"))

    async def said(*lines: str) -> bool:
        return [line["event"] for line in log] == list(lines)

    try:
        with capture_logs() as log:
            async with at_work(shop.parts.relay(client)):
                await admin.execute(f"alter database {database} allow_connections false")
                await admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", database
                )
                await until(lambda: said("relay cannot reach Postgres and waits for it"))
                # Several tries go by, and say nothing.
                await asyncio.sleep(2)
                await admin.execute(f"alter database {database} allow_connections true")
                await until(
                    lambda: said("relay cannot reach Postgres and waits for it", "relay reaches Postgres again")
                )
                await many(shop, 1)
                await until(lambda: is_empty(shop))
    finally:
        await admin.close()


async def test_a_namespace_that_is_missing_or_not_set_up_is_waited_for(shop: TestShop, address: str) -> None:
    await many(shop, 3)
    client = await temporal.connect(address=address, namespace=shop.shop, retry=temporal.ONCE)
    assert "NOT_FOUND" in await why_away(shop, client)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(
            namespace=client.namespace, workflow_execution_retention_period=Duration(seconds=24 * 60 * 60)
        )
    )

    async def lacks_attributes() -> bool:
        return "search attribute" in await why_away(shop, client)

    await until(lacks_attributes)
    assert [row[2:] for row in await rows(shop)] == [(0, True, False, None)] * 3
    await temporal.bootstrap(client)
    async with at_work(shop.parts.relay(client)):
        await until(lambda: is_empty(shop))


async def why_away(shop: TestShop, client: Client) -> str:
    """What a relay says that finds Temporal away."""
    with capture_logs() as log:
        await shop.parts.relay(client).deliver_batch()
    return str(log[0]["problem"])


async def test_a_relay_presses_less_when_temporal_pushes_back_and_all_is_delivered_in_the_end(shop: TestShop) -> None:
    await many(shop, 40)
    async with temporal_on(
        embedded.free_port(17233), "frontend.namespaceRPS=5", "frontend.namespaceBurstRatio=1.0"
    ) as address:
        client = await temporal.connect(address=address, namespace="default", retry=temporal.ONCE)
        relay = shop.parts.relay(client)
        with capture_logs() as log:
            await relay.deliver_batch()
            assert relay.pressure.width == FIRST // 2
            left = await rows(shop)
            assert len(left) > 40 - FIRST
            assert {(row[2], row[4], row[5]) for row in left} == {(0, False, None)}
            async with at_work(relay):
                await until(lambda: is_empty(shop))
        assert relay.pressure.width < FIRST
        assert log == []
        # This client tries again when it is told that it is too much.
        patient = await temporal.connect(address=address, namespace="default")
        assert await started(shop, patient, 40) == await ids(shop)
