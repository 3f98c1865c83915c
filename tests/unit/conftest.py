"""``relance`` as people call it, in an environment that knows nothing, and where there is a database."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from relance import cli
from tests.unit.program import SECRET, Done, Relance


@pytest.fixture
def relance(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Relance]:
    """Run a command line, in an environment without settings and on a wide terminal."""
    for name in [name for name in os.environ if name.startswith(("RELANCE_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["relance", *words])
        code: Any = 0
        try:
            cli.main()
        except SystemExit as done:
            code = done.code or 0
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    yield run
    # The log would go on to this test's standard error.
    structlog.reset_defaults()


@pytest.fixture
def installed(relance: Relance, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Relance:
    """The same, where the settings name a migrated database."""
    monkeypatch.setenv("RELANCE_DATABASE_URL", database_url)
    monkeypatch.setenv("RELANCE_SECRET", SECRET)
    return relance
