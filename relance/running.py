"""Runs what a command of the command line does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import uvloop
from pydantic import ValidationError

from relance import logs, serving
from relance.errors import UsageError
from relance.settings import Settings


def settings() -> Settings:
    """Read the settings.

    Raises:
        UsageError: one has no such value.

    """
    try:
        return Settings()
    except ValidationError as error:
        fields = ", ".join(f"RELANCE_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise UsageError(fields) from None


def run(command: Coroutine[Any, Any, None], *, log_level: str = "info") -> None:
    """Run a command to its end, or until the process is told to stop."""
    try:
        found = settings()
    except UsageError:
        command.close()  # else Python complains that it was never awaited
        raise
    logs.set_up(found.log_level or log_level)
    uvloop.run(_interruptible(command))


async def _interruptible(command: Coroutine[Any, Any, None]) -> None:
    """Run a command so that whatever ends the process lets it tidy up."""
    task = asyncio.ensure_future(command)
    for number in serving.ENDING:
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
