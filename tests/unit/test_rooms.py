"""The rooms and who may know whom."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
ROOMS = ("activities", "api", "channels", "journeys", "messages", "storage", "workers", "workflows")


def test_imports_go_down_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename="pyproject.toml", cache_dir=None) == 0, capsys.readouterr().out


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
