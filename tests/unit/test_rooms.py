"""The rooms and who may know whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("activities", "api", "channels", "journeys", "messages", "storage", "workers", "workflows")


def test_imports_go_down_only() -> None:
    # In a process of its own: it switches off every logger that is there already, and other tests read theirs.
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_below_the_program_reads_the_environment(room: str) -> None:
    for file in (ROOT / room).rglob("*.py"):
        names = {node.attr for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)}
        assert not names & {"environ", "getenv"}, file


def test_the_domain_does_no_input_or_output_and_asks_for_no_time() -> None:
    for file in (ROOT / "journeys").glob("*.py"):
        tree = ast.parse(file.read_text())
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        roots = {name.partition(".")[0] for name in imported}
        assert not roots & {"temporalio", "asyncpg", "httpx", "asyncio", "socket", "pathlib", "time", "os"}, file
        called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not called & {"now", "utcnow", "today"}, file
