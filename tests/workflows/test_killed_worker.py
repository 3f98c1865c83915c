"""A worker's process is killed while the provider has its call in hand."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator

from temporalio.testing import WorkflowEnvironment

from activities.contracts import JOURNEY_QUEUE
from tests.chaos.conftest import RELANCE, environment
from tests.support import HOUR, MINUTE, PATIENCE, SECRET_TEXT, Engine, TestShop, until, workers_at_work
from tests.workflows.providers import connect_twilio, held
from tests.workflows.test_interruptions import SEND_QUEUES


@contextlib.contextmanager
def worker_process(database_url: str, temporal: str) -> Iterator[subprocess.Popen[bytes]]:
    """``relance worker`` for all sends, as a process of its own."""
    settings = {"RELANCE_DATABASE_URL": database_url, "RELANCE_SECRET": SECRET_TEXT, "TEMPORAL_ADDRESS": temporal}
    queues = [word for queue in SEND_QUEUES for word in ("--queue", queue)]
    with subprocess.Popen([RELANCE, "worker", *queues], env=environment(**settings)) as process:
        yield process
        process.kill()


async def of_sms(shop: TestShop) -> list[str]:
    return [state for _, channel, state, _ in await shop.ledger() if channel == "sms"]


async def test_a_worker_killed_between_call_and_commit_leaves_an_unknown_and_the_journey_goes_on(
    skipping_server: WorkflowEnvironment, shop: TestShop, database_url: str
) -> None:
    engine = Engine(skipping_server, shop, shop.parts.relay(skipping_server.client))
    await shop.identify()
    await shop.fill()
    async with held() as twilio, workers_at_work(shop, engine.client, [JOURNEY_QUEUE]):
        await connect_twilio(shop, twilio.url)
        await engine.deliver()
        with worker_process(database_url, engine.client.service_client.config.target_host) as worker:
            forward = asyncio.create_task(engine.forward(2 * HOUR + MINUTE))
            await asyncio.wait_for(twilio.heard.wait(), PATIENCE.total_seconds())
            worker.kill()
        assert await of_sms(shop) == ["claimed"]

        async def is_settled() -> bool:
            return await of_sms(shop) == ["unknown"]

        # Temporal gives the lost try 30 s, then hands it to the next worker.
        async with workers_at_work(shop, engine.client, SEND_QUEUES):
            await until(is_settled)
            await forward
            await engine.shop.order(3 * HOUR)
            await engine.deliver()
            assert (await engine.finish()).outcome == "converted"
    assert len(twilio.requests) == 1
