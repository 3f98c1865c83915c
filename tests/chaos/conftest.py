"""The real program, as a process of its own that can be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.support import PATIENCE

RELANCE = Path(sys.executable).parent / "relance"
LONGEST_START = LONGEST_STOP = PATIENCE.total_seconds()


class Program:
    """A ``relance up``.

    Attributes:
        data: its data folder.
        port: the port of its API.
        printed: what it printed once it had started, by name: ``API``, ``Temporal``, ``write key`` and so on.

    """

    def __init__(self, data: Path, port: int) -> None:
        self.data, self.port = data, port
        self._output, self._errors = data.parent / "stdout", data.parent / "stderr"
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [RELANCE, "up", "--data", data, "--port", str(port)],
                stdout=output,
                stderr=errors,
                env=environment(),
                process_group=0,
            )
        self.printed: dict[str, str] = {}

    def started(self) -> Program:
        """Wait until it has printed where it is."""
        until = time.monotonic() + LONGEST_START
        while "Ctrl-C" not in (text := self._output.read_text()):
            if self.process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"relance up does not start: {self._errors.read_text()}")
            time.sleep(0.05)
        pairs = (line.partition(": ") for line in text.splitlines() if ": " in line)
        self.printed = {name: value.strip() for name, _, value in pairs}
        return self

    def errors(self) -> str:
        """Give what it has logged so far."""
        return self._errors.read_text()

    def track(self, event: str, person: str, **properties: Any) -> httpx.Response:
        """Send an event as the shop's backend does."""
        body = {"userId": person, "event": event, "properties": properties}
        answer = httpx.post(f"{self.printed['API']}/v1/track", json=body, auth=(self.printed["write key"], ""))
        return answer.raise_for_status()

    def call(self, method: str, path: str, **more: Any) -> Any:
        """Call the admin API and give its answer."""
        headers = {"Authorization": f"Bearer {self.printed['API key']}"}
        answer = httpx.request(method, f"{self.printed['API']}{path}", headers=headers, **more)
        return answer.raise_for_status().json()

    def kill(self) -> None:
        """End it as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()

    def interrupt(self) -> int:
        """Press Ctrl-C, which a terminal tells all processes in the foreground, and give the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(LONGEST_STOP)


def environment(**more: str) -> dict[str, str]:
    """The environment without anything that is meant for Relance or Temporal."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RELANCE_", "TEMPORAL_"))}
    return clean | more


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes_on(data: Path) -> list[psutil.Process]:
    """The living processes whose command line names a folder: relance, Postgres, Temporal."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(data) in argument for argument in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def names_on(data: Path) -> list[str]:
    """Name the servers on a folder."""
    names = []
    for process in processes_on(data):
        try:
            names.append(process.name())
        except psutil.Error:
            continue
    return sorted(name for name in names if name in {"postgres", "temporal"})


def nothing_runs_on(data: Path, within: float = 5.0) -> bool:
    """Tell whether every process on a folder is gone, soon."""
    until = time.monotonic() + within
    while processes_on(data) and time.monotonic() < until:
        time.sleep(0.05)
    return not processes_on(data)


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder outside pytest's own, as for ``postgres_folder``; what still runs on it at the end is killed."""
    with tempfile.TemporaryDirectory(prefix="relance-test-") as folder:
        yield Path(folder) / "data"
        for process in processes_on(Path(folder)):
            try:
                process.kill()
                process.wait(5)
            except psutil.Error:
                continue


@pytest.fixture
def up(data: Path) -> Iterator[Callable[[], Program]]:
    """Start ``relance up`` on the data folder, each time on another free port; it is killed at the end."""
    started: list[Program] = []

    def start() -> Program:
        started.append(Program(data, free_port()))
        return started[-1]

    yield start
    for program in started:
        program.kill()
