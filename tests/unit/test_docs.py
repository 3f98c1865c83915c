"""What the documentation shows is run: it cannot say what the program does not do."""

from __future__ import annotations

import ast
import base64
import json
import re
import shlex
from pathlib import Path

import pytest

from journeys import (
    signals,
)
from journeys.repairs import Repair
from relance.settings import Settings
from tests.unit.docs_shown import (
    PAGES,
    ROOT,
    Shown,
    blocks,
    command_of,
    commands,
    documents,
    inline_relance,
    prose,
    relance_lines,
    section,
    words,
)
from workers import schedules, search_attributes, worker

# The command line


@pytest.mark.parametrize("line", relance_lines(), ids=str)
def test_a_command_that_is_shown_is_taken(line: Shown) -> None:
    command, rest = command_of(shlex.split(line.text))
    command.make_context("relance", rest)


@pytest.mark.parametrize("line", inline_relance(), ids=str)
def test_a_command_that_is_named_exists_with_its_options(line: Shown) -> None:
    command, rest = command_of(line.text.split())
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in rest if word.startswith("--")} <= known


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        target for page in PAGES for target in re.findall(r"^make (\w+)|`make (\w+)`", page.read_text(), re.MULTILINE)
    }
    assert {"demo", "test"} <= {a or b for a, b in named} <= targets


def test_the_settings_are_all_described_and_no_others() -> None:
    described = re.findall(r"^\| `RELANCE_(\w+)` \|", (ROOT / "docs" / "production.md").read_text(), re.MULTILINE)
    assert sorted(name.lower() for name in described) == sorted(Settings.model_fields)


# Signals

SIGNALS = ROOT / "docs" / "signals.md"
SIGNAL_ROW = re.compile(r"^\| `(\w+)` \| `(\{.*?\})` \|", re.MULTILINE)


def test_the_signals_are_all_described_and_their_payloads_are_taken() -> None:
    rows = dict(SIGNAL_ROW.findall(SIGNALS.read_text()))
    assert rows.keys() == signals.BY_NAME.keys()
    for name, payload in rows.items():
        signal = signals.BY_NAME[name].model_validate_json(payload)
        assert signal.model_fields_set == set(json.loads(payload)), name


def test_the_python_example_sends_a_signal_that_exists_with_its_fields() -> None:
    (example,) = (b for b in blocks("python") if b.page == SIGNALS)
    (sent,) = (
        node
        for node in ast.walk(ast.parse(example.text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "signal"
    )
    name, payload = sent.args
    assert isinstance(name, ast.Constant)
    assert isinstance(payload, ast.Dict)
    fields = {key.value for key in payload.keys if isinstance(key, ast.Constant)}
    assert fields == set(signals.BY_NAME[str(name.value)].model_fields)


def test_the_payload_on_the_wire_is_the_one_of_the_table() -> None:
    (wire,) = (document for _, document in documents() if "metadata" in document)
    payload = base64.b64decode(wire["data"])
    assert base64.b64decode(wire["metadata"]["encoding"]) == b"json/plain"
    assert json.loads(payload) == json.loads(dict(SIGNAL_ROW.findall(SIGNALS.read_text()))["checkout_completed"])


def test_the_temporal_command_sends_a_signal_that_exists() -> None:
    (command,) = (words(c) for c in commands() if c.text.startswith("temporal "))
    name, payload = (command[command.index(option) + 1] for option in ("--name", "--input"))
    signals.BY_NAME[name].model_validate_json(payload)


def test_the_task_queues_and_search_attributes_are_those_of_the_program() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    assert set(re.findall(r"relance-(?:journeys|send-\w+)", text)) == set(worker.QUEUES)
    attributes = set(re.findall(r"\bRelance[A-Z]\w+", text))
    assert attributes == {attribute.name for attribute in search_attributes.ALL}


# Links


def links() -> list[tuple[Path, str]]:
    return [
        (page, target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page))
        if not target.startswith("https://")
    ]


@pytest.mark.parametrize(("page", "target"), links(), ids=str)
def test_a_link_leads_somewhere(page: Path, target: str) -> None:
    assert (page.parent / target).is_file()


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {(page.parent / target).resolve() for page, target in links() if page.name == "README.md"}
    assert set(PAGES) - {ROOT / "README.md"} <= linked


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_file_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"`((?:[a-z_-]+/)*[a-z_.-]+\.(?:py|ya?ml)|(?:[a-z]+/)+)`", prose(page))
    assert not [name for name in named if not (ROOT / name).exists()]


# Schedules


def test_the_kinds_of_repair_are_all_described_and_no_others() -> None:
    described = re.findall(r"^\| `(\w+)` \| .* \| .* \|$", section("## What repairs itself"), re.MULTILINE)
    assert described == ["what", *Repair]


def test_the_schedules_are_those_of_the_program() -> None:
    assert set(re.findall(r"schedule `([\w-]+)`", section("## What repairs itself"))) == {
        schedules.RECONCILIATION,
        schedules.UPKEEP,
        schedules.LOOK_UPS,
        schedules.CONFIRMATIONS,
        schedules.RELATED,
        schedules.REVOCATIONS,
        schedules.SEGMENTS,
        schedules.TASKS,
        schedules.ENTRIES,
    }
