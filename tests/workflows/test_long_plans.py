"""A plan of a thousand steps: read, published and played to its end, and what that costs Temporal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from messages import judging
from messages.locale import LANGUAGES
from relance import plan_files, plan_life
from storage import sent
from tests.support import HOUR, Engine
from tests.workflows.keyed import OF_ORDERS, SAY, finished, journeys_of, order
from workers import worker
from workflows.journey import JourneyWorkflow

STEPS, WAITS = 1_000, 50
EVENTS_OF_A_WAIT = 8
"""At most, with what the journey takes besides: Temporal stops a history of 51,200."""
WAIT: dict[str, Any] = {"wait": "1h"}
BRANCH: dict[str, Any] = {"branch": [{"if": {"known": ["order.shipped"]}, "then": []}], "otherwise": []}
WORDS = 'first: {sms: {text: "{{ shop.name }}: your order {{ order.id }}"}}'


def write(folder: Path) -> str:
    """Write a plan that waits and branches, and says something at its end; give the path of its file."""
    every = STEPS // WAITS
    steps = [{"id": f"s-{number}", **(BRANCH if number % every else WAIT)} for number in range(STEPS - 1)]
    file = folder / "p.yaml"
    file.write_text(yaml.safe_dump({**OF_ORDERS, "steps": [*steps, SAY]}))
    words = folder / "messages" / "p"
    words.mkdir(parents=True)
    for language in LANGUAGES:
        (words / f"{language}.yaml").write_text(WORDS)
    return str(file)


async def test_a_plan_of_a_thousand_steps_is_published_and_played_to_its_end(engine: Engine, tmp_path: Path) -> None:
    shop = engine.shop
    file = plan_files.read(write(tmp_path))
    assert judging.judge(file.messages, file.plan) == []
    assert await plan_life.publish(shop.parts, shop.shop, file.plan, file.messages.model_dump_json()) == 1
    await shop.identify()
    await order(shop)
    [journey] = await journeys_of(shop)
    ended = await finished(engine, journey)
    assert (ended.outcome, ended.reason) == ("finished", "plan played to its end")
    [row] = await sent.of_journey(shop.parts.pool, ended.id)
    assert (row.step, row.state) == ("say", "accepted")
    assert WAITS * HOUR <= row.decided_at - shop.begins < (WAITS + 1) * HOUR
    history = await engine.client.get_workflow_handle(ended.id).fetch_history()
    assert len(history.events) < WAITS * EVENTS_OF_A_WAIT
    replayer = Replayer(
        workflows=[JourneyWorkflow], workflow_runner=worker.runner(), data_converter=pydantic_data_converter
    )
    await replayer.replay_workflow(history)
