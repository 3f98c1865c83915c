"""The schedules: made once, kept as they should be, and run by the journeys' workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio
from temporalio.client import (
    Client,
    ScheduleOverlapPolicy,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowFailureError,
    WorkflowHandle,
)

from activities.contracts import Counted, CountedTogether, Kept, LetIn, LookedUp, Reconciled, Revoked, Tended
from relance import embedded, processes
from relance.settings import Settings
from storage import partitions, shops
from tests.support import HOUR, TestShop, until, workers_at_work
from tests.workflows.entering import make, publish
from tests.workflows.keyed import journeys_of
from workers import schedules, temporal
from workers.schedules import ENTRIES, LOOK_UPS, RECONCILIATION, RELATED, REVOCATIONS, SEGMENTS, TASKS, UPKEEP


@pytest_asyncio.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """A Temporal server with a namespace that was made a moment ago."""
    async with embedded.temporal_server(tmp_path_factory.mktemp("temporal"), keep=False) as address:
        client = await temporal.connect(address=address.grpc, namespace="made-just-now")
        await temporal.bootstrap(client)
        await schedules.make(client)
        yield client


async def run_now(client: Client, schedule: str) -> WorkflowHandle[object, object]:
    """Run what a schedule runs, and give the run."""
    handle = client.get_schedule_handle(schedule)
    before = len((await handle.describe()).info.recent_actions)
    await handle.trigger()

    async def has_started() -> bool:
        return len((await handle.describe()).info.recent_actions) > before

    await until(has_started)
    action = (await handle.describe()).info.recent_actions[-1].action
    return client.get_workflow_handle(action.workflow_id)  # type: ignore[attr-defined]  # the only kind there is


@pytest.mark.parametrize(
    ("schedule", "every"),
    [
        *((RECONCILIATION, timedelta(minutes=5)), (UPKEEP, timedelta(days=1)), (LOOK_UPS, timedelta(minutes=10))),
        *((RELATED, timedelta(minutes=15)), (REVOCATIONS, timedelta(minutes=1)), (SEGMENTS, timedelta(hours=6))),
        *((TASKS, timedelta(minutes=1)), (ENTRIES, timedelta(minutes=1))),
    ],
)
async def test_a_schedule_skips_a_run_while_the_last_one_goes_on_and_makes_up_for_none(
    client: Client, schedule: str, every: timedelta
) -> None:
    made = (await client.get_schedule_handle(schedule).describe()).schedule
    assert [interval.every for interval in made.spec.intervals] == [every]
    assert made.policy.overlap is ScheduleOverlapPolicy.SKIP
    assert made.policy.catchup_window == timedelta(minutes=1)


async def test_making_the_schedules_again_brings_them_back_to_what_they_should_be(client: Client) -> None:
    handle = client.get_schedule_handle(RECONCILIATION)

    def other(found: ScheduleUpdateInput) -> ScheduleUpdate:
        found.description.schedule.spec.intervals = []
        found.description.schedule.spec.cron_expressions = ["0 0 1 1 *"]
        return ScheduleUpdate(found.description.schedule)

    async def is_paused() -> bool:
        return (await handle.describe()).schedule.state.paused

    async def is_changed() -> bool:
        return not (await handle.describe()).schedule.spec.intervals

    # An update that comes late would bring the state along that it was made from.
    await handle.update(other)
    await until(is_changed)
    await handle.pause(note="by an operator")
    await until(is_paused)
    try:
        await schedules.make(client)
        found = (await handle.describe()).schedule
        assert [interval.every for interval in found.spec.intervals] == [timedelta(minutes=5)]
        assert not found.spec.calendars
        assert (found.state.paused, found.state.note) == (True, "by an operator")
    finally:
        await handle.unpause()


async def test_the_schedules_run_on_the_journeys_workers_and_tell_what_they_did(client: Client, shop: TestShop) -> None:
    async with workers_at_work(shop, client):
        reconciled = await (await run_now(client, RECONCILIATION)).result()
        assert Reconciled.model_validate(reconciled).repaired == {}
        kept = Kept.model_validate(await (await run_now(client, UPKEEP)).result())
    assert kept == Kept(made=await partitions.made(shop.parts.pool), dropped=[])
    assert len(kept.made) == 3


async def test_the_look_ups_run_on_the_journeys_workers(client: Client, shop: TestShop) -> None:
    async with workers_at_work(shop, client):
        found = LookedUp.model_validate(await (await run_now(client, LOOK_UPS)).result())
    assert found == LookedUp(lost=0, asked=0, accepted=0, rejected=0)


async def test_the_related_items_are_counted_on_the_journeys_workers(client: Client, shop: TestShop) -> None:
    async with workers_at_work(shop, client):
        counted = CountedTogether.model_validate(await (await run_now(client, RELATED)).result())
    assert counted == CountedTogether(events=0, products=0, forgotten=0)


async def test_the_revocations_run_on_the_journeys_workers(client: Client, shop: TestShop) -> None:
    async with workers_at_work(shop, client):
        found = Revoked.model_validate(await (await run_now(client, REVOCATIONS)).result())
    assert found == Revoked(told=0, failed=0)


async def test_the_tasks_run_on_the_journeys_workers(client: Client, shop: TestShop) -> None:
    async with workers_at_work(shop, client):
        found = Tended.model_validate(await (await run_now(client, TASKS)).result())
    assert found == Tended(expired=0, told=0, failed=0)


async def test_people_enter_by_their_plans_schedules_on_the_journeys_workers(client: Client, shop: TestShop) -> None:
    await publish(shop, since=shop.begins - HOUR, entry={"at": shop.begins.isoformat()})
    await make(shop, "ann", "bob")
    async with workers_at_work(shop, client):
        first = LetIn.model_validate(await (await run_now(client, ENTRIES)).result())
        again = LetIn.model_validate(await (await run_now(client, ENTRIES)).result())
    assert (first, again) == (LetIn(entered=2), LetIn())
    assert [journey.key for journey in await journeys_of(shop)] == ["ann", "bob"]


async def test_the_segments_of_all_customers_are_counted_on_the_journeys_workers(
    client: Client, shop: TestShop
) -> None:
    await shop.order(timedelta(0), None)
    async with workers_at_work(shop, client):
        first = Counted.model_validate(await (await run_now(client, SEGMENTS)).result())
        again = Counted.model_validate(await (await run_now(client, SEGMENTS)).result())
    assert (first, again) == (Counted(people=1, changed=1), Counted(people=1, changed=0))
    assert await shop.parts.pool.fetchval("select segments from person_segments") == ["customer", "buyer"]


async def test_a_shop_that_cannot_be_counted_is_named_and_the_others_are_counted(
    client: Client, shop: TestShop
) -> None:
    await shop.order(timedelta(0), None)
    await shops.create(shop.parts.pool, "a-first-shop", "Another")
    await shop.parts.pool.execute(
        "insert into customers (shop, customer_id) values ('a-first-shop', 'bob');"
        "alter table person_segments add check (shop <> 'a-first-shop')"
    )
    async with workers_at_work(shop, client):
        with pytest.raises(WorkflowFailureError) as failed:
            await (await run_now(client, SEGMENTS)).result()
    assert str(failed.value.cause) == "NotAllCounted: could not be counted: a-first-shop"
    assert await shop.parts.pool.fetchval("select segments from person_segments") == ["customer", "buyer"]


async def test_migrating_makes_the_months_and_the_schedules_and_may_be_repeated(
    client: Client, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (RECONCILIATION, UPKEEP, LOOK_UPS, SEGMENTS):
        await client.get_schedule_handle(name).delete()
    monkeypatch.setenv("TEMPORAL_ADDRESS", client.service_client.config.target_host)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", client.namespace)
    settings = Settings(database_url=database_url)
    await processes.migrate(settings)
    await processes.migrate(settings)
    connection = await asyncpg.connect(database_url)
    names = await partitions.made(connection)
    await connection.close()
    assert len(names) == 3
    told = capsys.readouterr().out.splitlines()
    assert told == [*(f"made {name}" for name in names), *["database and Temporal namespace are ready"] * 2]
    for name in (RECONCILIATION, UPKEEP, LOOK_UPS, SEGMENTS):
        assert not (await client.get_schedule_handle(name).describe()).schedule.state.paused
