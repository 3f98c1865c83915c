"""Record what the schedules run, for later code to replay: ``python -m tests.replay.record_upkeep``."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import WorkflowFailureError

from activities.contracts import JOURNEY_QUEUE
from journeys.facts import Channel
from journeys.words import Word
from storage import confirmations, entry_runs
from storage.confirmations import Confirmation
from tests.integration.test_related import order
from tests.replay.record import customers_shop, parts_on, save
from tests.support import HOUR, MINUTE, Engine, skipping_temporal, until, workers_at_work
from tests.workflows.entering import make, publish
from workflows.confirmations import ConfirmationsWorkflow
from workflows.entries import EntriesWorkflow
from workflows.lookups import LookUpsWorkflow
from workflows.reconciliation import ReconciliationWorkflow
from workflows.related import RelatedWorkflow
from workflows.revocations import RevocationsWorkflow
from workflows.segments import SegmentsWorkflow
from workflows.tasks import TasksWorkflow
from workflows.upkeep import UpkeepWorkflow

HISTORIES = Path(__file__).parent / "upkeep"


async def reconcile(engine: Engine, scene: str) -> None:
    """Record a run that repairs something, if it can."""
    running = await engine.client.start_workflow(ReconciliationWorkflow.run, id=scene, task_queue=JOURNEY_QUEUE)
    with suppress(WorkflowFailureError):
        await running.result()
    await save(scene, running, HISTORIES)


async def enter(engine: Engine) -> None:
    """Record a run that lets people in, then waits until another may enter."""
    shop = engine.shop
    now = datetime.now(UTC)
    entry = {"at": (now - MINUTE).isoformat(), "per_hour": 60}
    await publish(shop, since=now - HOUR, entry=entry)
    await make(shop, "eve", "kim")
    # As if somebody had entered most of a minute ago: what is left of it is waited for.
    await entry_runs.open_due(shop.parts.pool, shop.parts.plans, now)
    await shop.parts.pool.execute("update entry_runs set rests_until = $1", now + timedelta(seconds=2))
    with engine.env.with_time_skipping_disabled():
        entering = await engine.client.start_workflow(EntriesWorkflow.run, id="entered", task_queue=JOURNEY_QUEUE)
        await entering.result()
    await save("entered", entering, HISTORIES)


async def main() -> None:
    """Play and record every scene."""
    with tempfile.TemporaryDirectory(prefix="relance-") as folder:
        async with parts_on(Path(folder) / "postgres") as parts, skipping_temporal() as env:
            shop = await customers_shop(parts, "upkeep")
            engine = Engine(env, shop, parts.relay(env.client))
            async with workers_at_work(shop, env.client):
                await shop.fill()
                await engine.deliver()
                terminated = await engine.handle()
                await terminated.terminate()

                async def is_listed() -> bool:
                    return bool([found async for found in env.client.list_workflows("ExecutionStatus = 'Terminated'")])

                await until(is_listed)
                await reconcile(engine, "reconciled")
                for number in ("o-1", "o-2"):
                    await order(shop, number, ["p-1", "p-2"])
                related = await env.client.start_workflow(RelatedWorkflow.run, id="related", task_queue=JOURNEY_QUEUE)
                await related.result()
                await save("related", related, HISTORIES)
                await enter(engine)
                await shop.fill("c-2")
                await parts.pool.execute("alter table orders rename to orders_gone")
                await reconcile(engine, "not-all-compared")
                kept = await env.client.start_workflow(UpkeepWorkflow.run, id="kept", task_queue=JOURNEY_QUEUE)
                await kept.result()
                await save("kept", kept, HISTORIES)
                asked = await env.client.start_workflow(LookUpsWorkflow.run, id="looked-up", task_queue=JOURNEY_QUEUE)
                await asked.result()
                await save("looked-up", asked, HISTORIES)
                word = Confirmation("c" * 32, shop.shop, Word.STOP, Channel.SMS, "+33639980001", "", "twilio", "fr")
                await confirmations.want(parts.pool, word)
                answering = await env.client.start_workflow(
                    ConfirmationsWorkflow.run, id="confirmed", task_queue=JOURNEY_QUEUE
                )
                await answering.result()
                await save("confirmed", answering, HISTORIES)
                revoking = await env.client.start_workflow(
                    RevocationsWorkflow.run, id="revoked", task_queue=JOURNEY_QUEUE
                )
                await revoking.result()
                await save("revoked", revoking, HISTORIES)
                counting = await env.client.start_workflow(
                    SegmentsWorkflow.run, id="segments-counted", task_queue=JOURNEY_QUEUE
                )
                await counting.result()
                await save("segments-counted", counting, HISTORIES)
                expiring = await env.client.start_workflow(TasksWorkflow.run, id="told", task_queue=JOURNEY_QUEUE)
                await expiring.result()
                # tasks.json is of a time before the mails; it stays as it is.
                await save("tasks-by-mail", expiring, HISTORIES)


if __name__ == "__main__":
    asyncio.run(main())
