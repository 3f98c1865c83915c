"""Log lines: enough to find a mistake by, and nothing of a person."""

from __future__ import annotations

import subprocess
import sys

FAILING = """
import logging
from relance import logs

def look_up():
    raise KeyError("jane" + "@example.com")

def answer():
    try:
        look_up()
    except KeyError as error:
        raise ValueError(f"Failing row contains ({error})") from error

logs.set_up("info")
try:
    answer()
except ValueError:
    logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
"""


def test_an_unexpected_error_is_logged_with_its_place_and_kind_and_without_its_text() -> None:
    done = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, check=True)
    assert "ERROR uvicorn.error: Exception in ASGI application" in done.stderr
    for said in ("in answer", "in look_up", "ValueError", "KeyError"):
        assert said in done.stderr
    assert "jane@" not in done.stderr
