"""Histories that were recorded before must replay on today's code: a journey of days outlives a release."""

from __future__ import annotations

import base64
import binascii
import json
import re
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.replay.changed import CarelessWorkflow
from tests.replay.record import CONTACTS, HISTORIES
from workers import worker
from workflows.journey import JourneyWorkflow

FILES = sorted(HISTORIES.glob("*.json"))
every_history = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
PHONE = re.compile(r"\+\d[\d .-]{6,}")


async def replay(file: Path, workflow: type[Any]) -> None:
    replayer = Replayer(workflows=[workflow], workflow_runner=worker.runner(), data_converter=pydantic_data_converter)
    await replayer.replay_workflow(WorkflowHistory.from_json(file.stem, file.read_text()))


@every_history
async def test_todays_code_replays_what_was_recorded(file: Path) -> None:
    await replay(file, JourneyWorkflow)


@every_history
async def test_a_change_of_the_commands_is_caught(file: Path) -> None:
    with pytest.raises(NondeterminismError):
        await replay(file, CarelessWorkflow)


@every_history
def test_a_history_holds_no_personal_data(file: Path) -> None:
    said = texts(json.loads(file.read_text()))
    assert any('"sticking_point"' in text for text in said), "payloads are read"
    for text in said:
        assert "@" not in text
        assert not PHONE.search(text)
        assert not any(contact in text for name, contact in CONTACTS.items() if name != "locale")


def texts(content: Any) -> list[str]:
    """Give every text of a history; payloads are decoded."""
    if isinstance(content, list):
        return [text for part in content for text in texts(part)]
    if isinstance(content, dict):
        return [text for name, part in content.items() for text in (name, *texts(part))]
    return [decoded(content)] if isinstance(content, str) else [str(content)]


def decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text


def events(file: Path, kind: str) -> list[dict[str, Any]]:
    """Give the attributes of a history's events of one kind."""
    found = [event for event in json.loads(file.read_text())["events"] if event["eventType"] == f"EVENT_TYPE_{kind}"]
    return [next(value for name, value in event.items() if name.endswith("EventAttributes")) for event in found]


@pytest.mark.parametrize(
    ("scene", "signals", "activities", "end"),
    [
        ("converted-in-the-first-window", ["checkout_completed"], [], "converted"),
        ("two-messages-to-the-end", [], ["send", "send"], "finished"),
        ("first-channel-refused", [], ["send", "send", "send"], "finished"),
        ("paused-and-resumed", ["pause", "resume"], ["send", "send"], "finished"),
        ("paused-after-its-resumption", ["resume", "pause", "resume"], ["send", "send"], "finished"),
        ("cancelled-in-temporal", [], ["send"], "canceled"),
        ("look-run-again", ["checkout_completed"], ["look", "send"], "converted"),
        ("superseded", ["superseded"], ["send"], "exited"),
        ("order-shipped-and-delivered", ["heard", "heard"], ["send", "send", "send"], "finished"),
        ("asked-again-and-answered", ["heard", "heard"], ["send", "send"], "finished"),
        ("task-done-and-expired", ["heard"], ["send"], "finished"),
        ("waited-for-and-timed-out", ["heard"], ["send"], "finished"),
        ("split-set-and-start", [], [], "finished"),
        ("until-delivered", [], ["send", "send"], "finished"),
        ("paused-and-not-ended", ["pause", "resume"], ["send"], "finished"),
        ("moved-to-another-version", ["migrate"], ["send", "send"], "finished"),
    ],
)
def test_each_kind_of_journey_is_among_them(scene: str, signals: list[str], activities: list[str], end: str) -> None:
    file = HISTORIES / f"{scene}.json"
    assert [e["signalName"] for e in events(file, "WORKFLOW_EXECUTION_SIGNALED")] == signals
    assert [e["activityType"]["name"] for e in events(file, "ACTIVITY_TASK_SCHEDULED")] == activities
    results = [
        json.loads(decoded(e["result"]["payloads"][0]["data"])) for e in events(file, "WORKFLOW_EXECUTION_COMPLETED")
    ]
    ends = [result["outcome"] for result in results] + ["canceled" for _ in events(file, "WORKFLOW_EXECUTION_CANCELED")]
    assert ends == [end]
