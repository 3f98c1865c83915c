"""A backend that speaks Temporal steers journeys itself: plain client, plain JSON, nothing of ours."""

from __future__ import annotations

import asyncio
import re
import runpy
import shlex
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle

from journeys.signals import BY_NAME
from storage import journeys
from tests.support import HOUR, MINUTE, PATIENCE, Engine
from workflows.journey import JourneyWorkflow

PAGE = (Path(__file__).parents[2] / "docs" / "signals.md").read_text()


@pytest_asyncio.fixture
async def backend(engine: Engine) -> Client:
    """A client with Temporal's default converter, as any SDK has it."""
    return await Client.connect(engine.client.service_client.config.target_host, namespace=engine.client.namespace)


async def running(engine: Engine, backend: Client, *, after: timedelta = 3 * HOUR) -> WorkflowHandle[Any, Any]:
    """The workflow of a journey whose first message went out."""
    await engine.shop.identify()
    await engine.shop.fill()
    await engine.deliver()
    await engine.forward(after)
    return backend.get_workflow_handle((await engine.shop.journey()).id)


def at(engine: Engine, after: timedelta) -> str:
    return (engine.shop.begins + after).isoformat()


@pytest.mark.parametrize(
    ("signal", "payload", "outcome", "reason"),
    [
        ("checkout_completed", {"order_id": "o-9"}, "converted", "ordered: o-9"),
        ("goal_reached", {"event": "Order Delivered"}, "converted", "Order Delivered"),
        ("exit_reached", {"event": "Order Cancelled"}, "exited", "Order Cancelled"),
        ("cart_emptied", {}, "exited", "cart was emptied"),
        ("ordered_elsewhere", {"order_id": "o-9"}, "exited", "ordered another cart"),
        ("superseded", {"cart_id": "c-9"}, "exited", "superseded by a newer cart"),
        ("cancel", {"reason": "shop closes"}, "cancelled", "shop closes"),
    ],
)
async def test_a_signal_that_ends_a_journey_ends_it_in_postgres_too(
    engine: Engine, backend: Client, signal: str, payload: dict[str, str], outcome: str, reason: str
) -> None:
    handle = await running(engine, backend)
    await handle.signal(signal, {"at": at(engine, 4 * HOUR), **payload})
    result = await handle.result()
    assert (result["outcome"], result["reason"]) == (outcome, reason)
    journey = await engine.shop.journey()
    assert (journey.status, journey.outcome, journey.reason) == ("ended", outcome, reason)
    assert journey.ended_at == engine.shop.begins + 4 * HOUR
    assert await engine.shop.sent() == [("first", "sms")]


async def test_every_signal_that_is_documented_has_a_handler() -> None:
    definition = JourneyWorkflow.__temporal_workflow_definition  # type: ignore[attr-defined]  # noqa: SLF001
    assert set(definition.signals) == set(BY_NAME)
    assert all(signal.description for signal in definition.signals.values())


async def test_a_backends_pause_holds_the_journey_and_resume_gives_it_the_time_that_was_left(
    engine: Engine, backend: Client
) -> None:
    handle = await running(engine, backend)
    with engine.env.with_time_skipping_disabled():
        await handle.signal("pause", {"at": at(engine, 3 * HOUR)})
    await engine.forward(40 * HOUR)
    journey = await engine.shop.journey()
    assert (journey.status, journey.paused_at) == ("paused", engine.shop.begins + 3 * HOUR)
    assert await engine.shop.sent() == [("first", "sms")]
    with engine.env.with_time_skipping_disabled():
        await handle.signal("resume", {"at": at(engine, 43 * HOUR)})
    await engine.forward(22 * HOUR)
    assert (await engine.shop.journey()).status == "running"
    assert await engine.shop.sent() == [("first", "sms")]
    await engine.forward(2 * HOUR)
    assert await engine.shop.sent() == [("first", "sms"), ("second", "email")]


async def test_a_backends_pause_that_is_not_later_than_the_newest_resume_changes_nothing(
    engine: Engine, backend: Client
) -> None:
    handle = await running(engine, backend)
    with engine.env.with_time_skipping_disabled():
        await handle.signal("resume", {"at": at(engine, 4 * HOUR)})
        await handle.signal("resume", {"at": at(engine, 3 * HOUR)})
        await handle.signal("pause", {"at": at(engine, 4 * HOUR)})
        assert (await handle.query("state"))["paused_at"] is None
        await handle.signal("pause", {"at": at(engine, 4 * HOUR + MINUTE)})
        assert (await handle.query("state"))["paused_at"] is not None


async def test_the_state_can_be_asked_for(engine: Engine, backend: Client) -> None:
    handle = await running(engine, backend)
    state = await handle.query("state")
    assert state["step"] == "a-day-later"
    assert state["doing"].startswith("Waiting: a-day-later: 24h, until ")
    due = datetime.fromisoformat(state["next_at"]) - engine.shop.begins
    assert abs(due - 26 * HOUR) < MINUTE


async def test_an_operator_understands_the_journey_in_the_temporal_ui(engine: Engine, backend: Client) -> None:
    handle = await running(engine, backend)
    description = await handle.describe()
    assert description.id == f"cart-recovery:{engine.shop.shop}:c-1:1"
    assert await description.static_summary() == "cart-recovery v1: cart c-1"
    assert "the journey looks for the first time" in (await description.static_details() or "")
    attributes = {pair.key.name: pair.value for pair in description.typed_search_attributes}
    assert {name: value for name, value in attributes.items() if name.startswith("Relance")} == {
        "RelanceShop": engine.shop.shop,
        "RelancePlan": "cart-recovery",
        "RelanceCustomer": "ann",
        "RelanceKey": "c-1",
    }
    history = await handle.fetch_history()
    summaries = [
        event.user_metadata.summary.data.decode() for event in history.events if event.HasField("user_metadata")
    ]
    assert '"look at leaves"' in summaries
    assert '"first by sms"' in summaries
    assert '"a-day-later: 24h"' in summaries


async def test_a_late_signal_does_not_revive_a_journey_that_ended(engine: Engine, backend: Client) -> None:
    handle = await running(engine, backend)
    await engine.finish()
    await engine.shop.order(50 * HOUR)
    await engine.deliver()
    assert (await engine.shop.journey()).outcome == "converted"
    runs = [run async for run in backend.list_workflows(f"WorkflowId = '{handle.id}'")]
    assert len(runs) == 1


async def test_a_pause_that_comes_when_the_journey_has_just_ended_does_not_hold_it(
    engine: Engine, backend: Client
) -> None:
    handle = await running(engine, backend)
    pool, ended_at = engine.shop.parts.pool, engine.shop.begins + 4 * HOUR
    # As where the pause comes between the journey's own end in Postgres and that of its workflow.
    async with pool.acquire() as db:
        assert await journeys.end(db, handle.id, "finished", "plan played to its end", ended_at)
    with engine.env.with_time_skipping_disabled():
        await handle.signal("pause", {"at": at(engine, 4 * HOUR)})
    async with asyncio.timeout(PATIENCE.total_seconds()):
        assert (await handle.result())["outcome"] == "finished"
    assert (await engine.shop.journey()).ended_at == ended_at


def as_shown(language: str) -> str:
    (example,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(example)


def here(engine: Engine, example: str) -> str:
    """Give an example with the journey, the server and the namespace that are here."""
    shown = ("cart-recovery:demo:c-1:1", "127.0.0.1:7233", 'namespace="default"')
    there = (f"cart-recovery:{engine.shop.shop}:c-1:1", address(engine), f'namespace="{engine.client.namespace}"')
    for old, new in zip(shown, there, strict=True):
        example = example.replace(old, new)
    return example


def address(engine: Engine) -> str:
    return str(engine.client.service_client.config.target_host)


async def run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def test_the_pages_python_example_ends_the_journey(engine: Engine, backend: Client, tmp_path: Path) -> None:
    handle = await running(engine, backend)
    file = tmp_path / "example.py"
    file.write_text(here(engine, as_shown("python")))
    with engine.env.with_time_skipping_disabled():
        # In a thread, not a process: at its end Python 3.11 may abort in the SDK's (temporalio/sdk-python#300).
        await asyncio.to_thread(runpy.run_path, str(file), run_name="__main__")
    await handle.result()
    journey = await engine.shop.journey()
    assert (journey.outcome, journey.reason) == ("converted", "ordered: o-1")


async def test_the_pages_command_ends_the_journey(engine: Engine, backend: Client) -> None:
    handle = await running(engine, backend)
    temporal, *words = shlex.split(here(engine, as_shown("sh")).replace("\\\n", " "))
    server = ("--address", address(engine), "--namespace", engine.client.namespace)
    with engine.env.with_time_skipping_disabled():
        await run(str(Path(sys.executable).parent / temporal), *words, *server)
    await handle.result()
    journey = await engine.shop.journey()
    assert (journey.outcome, journey.reason) == ("converted", "ordered: o-1")
