"""What the pages of the documentation show: their examples, commands and calls."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from journeys import (
    events,
)
from relance import cli

ROOT = Path(__file__).parents[2]
CHANNELS = ROOT / "docs" / "channels.md"
OFFER_CODES = ROOT / "docs" / "offer-codes.md"
TASKS = ROOT / "docs" / "tasks.md"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
NOW = datetime(2027, 1, 1, tzinfo=UTC)
TRACKING = {f"/v1/{kind}": kind for kind in events.KINDS}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Shown:
    """Something that a page shows; ``str`` names it in a failure."""

    page: Path
    text: str

    def __str__(self) -> str:
        line = self.page.read_text().split(self.text)[0].count("\n") + 1
        return f"{self.page.name}:{line}"


def blocks(language: str) -> list[Shown]:
    return [Shown(p, m[2]) for p in PAGES for m in FENCE.finditer(p.read_text()) if m[1] == language]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def commands() -> list[Shown]:
    """The lines of shell examples; those that a backslash or a quote continues are one."""
    return [Shown(block.page, line) for block in blocks("sh") for line in _lines(block.text)]


def _lines(text: str) -> Iterator[str]:
    begun = ""
    for line in text.splitlines():
        begun = f"{begun}\n{line}" if begun else line
        if not begun.endswith("\\") and begun.count("'") % 2 == 0 and begun.strip():
            yield begun
            begun = ""
    assert not begun, f"an unfinished command: {begun}"


def words(command: Shown) -> list[str]:
    return shlex.split(command.text.replace("\\\n", " "), comments=True)


def calls() -> list[tuple[Shown, str, str, Any]]:
    """Every curl of the pages: its method, its path and its JSON body."""
    found = []
    for command in commands():
        given = words(command)
        if given[0] != "curl":
            continue
        body = json.loads(given[given.index("--json") + 1]) if "--json" in given else None
        method = given[given.index("-X") + 1] if "-X" in given else ("POST" if "--json" in given else "GET")
        (address,) = (word for word in given if word.startswith("$API"))
        found.append((command, method, address.removeprefix("$API").partition("?")[0], body))
    return found


def relance_lines() -> list[Shown]:
    lines = [(c, re.search(r"(?:^|exec api )relance (.*)", c.text)) for c in commands()]
    return [Shown(c.page, match[1].partition(" #")[0]) for c, match in lines if match]


def inline_relance() -> list[Shown]:
    return [Shown(p, found) for p in PAGES for found in re.findall(r"`relance ([^`]+)`", prose(p))]


def command_of(given: list[str]) -> tuple[Any, list[str]]:
    """Find the command that the words name; give it with the words that are left."""
    command: Any = typer.main.get_command(cli.app)
    while given and (known := getattr(command, "commands", None)):
        assert given[0] in known, f"there is no command 'relance {given[0]}'"
        command, given = known[given[0]], given[1:]
    return command, given


def documents() -> list[tuple[Shown, dict[str, Any]]]:
    return [(block, json.loads(block.text)) for block in blocks("json")]


def messages() -> list[tuple[str, dict[str, Any], str | None]]:
    """Every tracking message of the pages, with the kind that its address implies."""
    found: list[tuple[str, dict[str, Any], str | None]] = []
    for where, document in documents():
        is_message = "type" in document and "status" not in document and where.page not in {OFFER_CODES, TASKS}
        found += [(str(where), part, None) for part in document.get("batch", [document] if is_message else [])]
    return found + [(str(c), body, TRACKING[path]) for c, _, path, body in calls() if path in TRACKING]


def section(title: str) -> str:
    return (ROOT / "docs" / "production.md").read_text().partition(f"{title}\n")[2].partition("\n## ")[0]
