"""What the schedules ran before must replay on today's code: a run may wait for a worker of the next release."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.replay.record_upkeep import HISTORIES
from tests.replay.test_histories import decoded, events, texts
from workers import worker
from workflows.reconciliation import COMPARISONS, ReconciliationWorkflow

FILES = sorted(HISTORIES.glob("*.json"))
every_history = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


async def replay(file: Path) -> None:
    replayer = Replayer(
        workflows=worker.WORKFLOWS,
        workflow_runner=worker.runner(),
        data_converter=pydantic_data_converter,
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(file.stem, file.read_text()))


@every_history
async def test_todays_code_replays_what_was_recorded(file: Path) -> None:
    await replay(file)


async def test_another_order_of_the_comparisons_is_caught() -> None:
    file = HISTORIES / "reconciled.json"
    changed = file.read_text().replace(COMPARISONS[0][0], "another_comparison")
    with pytest.raises(NondeterminismError):
        await Replayer(
            workflows=[ReconciliationWorkflow],
            workflow_runner=worker.runner(),
            data_converter=pydantic_data_converter,
        ).replay_workflow(WorkflowHistory.from_json(file.stem, changed))


@every_history
def test_a_history_names_no_journey_and_no_person(file: Path) -> None:
    said = texts(json.loads(file.read_text()))
    assert not [text for text in said if "@" in text or "cart-recovery" in text]


def test_a_run_that_repairs_and_one_of_which_a_comparison_fails_are_among_them() -> None:
    compared = [name for name, _ in COMPARISONS]
    for name in ("reconciled", "not-all-compared"):
        scheduled = events(HISTORIES / f"{name}.json", "ACTIVITY_TASK_SCHEDULED")
        assert [e["activityType"]["name"] for e in scheduled] == compared
    (completed,) = events(HISTORIES / "reconciled.json", "WORKFLOW_EXECUTION_COMPLETED")
    result = json.loads(decoded(completed["result"]["payloads"][0]["data"]))
    assert result["repaired"] == {"workflow_terminated": 1}
    (failed,) = events(HISTORIES / "not-all-compared.json", "WORKFLOW_EXECUTION_FAILED")
    assert "open journeys and the orders: could not be compared; ended journeys" in failed["failure"]["message"]
