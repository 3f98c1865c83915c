"""``relance up`` as a person meets it: killed, interrupted, started twice, started on what cannot work."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from relance import embedded
from relance.errors import UsageError
from relance.secret import kept_in
from storage.migrate import migrate
from tests.chaos.conftest import (
    LONGEST_STOP,
    RELANCE,
    Program,
    environment,
    free_port,
    names_on,
    nothing_runs_on,
    processes_on,
)
from tests.support import ITEM, PATIENCE
from workers import temporal

SOON = CAUGHT_UP = PATIENCE.total_seconds()
ANOTHER_PYTHON = "import sys; sys.executable = '/nowhere/python'; from relance.cli import main; main()"


def fill(program: Program, person: str) -> str:
    """Fill a person's cart and give the id of the journey that follows it."""
    program.track("Product Added", person, cart_id=f"c-{person}", currency="EUR", **ITEM)
    [journey] = program.call("GET", "/v1/journeys", params={"key": f"c-{person}"})["items"]
    return str(journey["id"])


async def result_of(program: Program, journey: str) -> Any:
    """Wait until a journey's workflow has ended, and give what it returned."""
    client = await temporal.connect(address=program.printed["Temporal"], namespace="default")
    return await asyncio.wait_for(client.get_workflow_handle(journey).result(), CAUGHT_UP)


async def is_started(program: Program, journey: str) -> bool:
    """Tell whether Temporal knows a journey, soon."""
    client = await temporal.connect(address=program.printed["Temporal"], namespace="default")
    for _ in range(200):
        async for _found in client.list_workflows(f"WorkflowId = '{journey}'"):
            return True
        await asyncio.sleep(0.05)
    return False


async def lease_for_an_hour(data: Path, journey: str) -> None:
    """Leave a row of the outbox as a relay does that is killed while it delivers it."""
    async with embedded.postgres(data / "postgres") as url:
        connection = await asyncpg.connect(url)
        row = "insert into outbox (journey, try_at) values ($1, now() + interval '1 hour')"
        await connection.execute(row, journey)
        await connection.close()


async def test_journeys_go_on_after_kill_9_and_ctrl_c_leaves_nothing_behind(
    data: Path, up: Callable[[], Program]
) -> None:
    first = up().started()
    known = fill(first, "ann")
    assert await is_started(first, known)
    acknowledged = fill(first, "bob")
    first.kill()
    await lease_for_an_hour(data, acknowledged)

    second = up().started()
    assert {name: second.printed[name] for name in ("write key", "API key")} == {
        name: first.printed[name] for name in ("write key", "API key")
    }
    assert names_on(data) == ["postgres", "temporal"]
    for journey in (known, acknowledged):
        found = second.call("GET", f"/v1/journeys/{journey}")
        assert (found["status"], found["stage"]) == ("running", "leaves")
        assert second.call("POST", f"/v1/journeys/{journey}/cancel")["outcome"] == "cancelled"
        assert (await result_of(second, journey))["outcome"] == "cancelled"

    assert second.interrupt() == 0
    assert nothing_runs_on(data)


@pytest.mark.parametrize(("server", "name"), [("temporal", "Temporal"), ("postgres", "Postgres")])
def test_a_server_that_ends_is_named_and_nothing_is_left_running(
    data: Path, up: Callable[[], Program], server: str, name: str
) -> None:
    first = up().started()
    fill(first, "ann")
    for process in processes_on(data):
        if process.name() == server:
            process.kill()
    assert (first.process.wait(LONGEST_STOP), f"relance: {name} has ended" in first.errors()) == (2, True), (
        first.errors()
    )
    assert nothing_runs_on(data)
    again = up().started()
    assert again.call("GET", "/v1/journeys")["items"]


def test_a_second_relance_on_the_folder_is_refused_and_the_first_goes_on(data: Path, up: Callable[[], Program]) -> None:
    first = up().started()
    assert "another relance runs" in the_line(refused(data))
    fill(first, "ann")
    assert names_on(data) == ["postgres", "temporal"]
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(SOON) == 0
    assert nothing_runs_on(data)


def test_ctrl_c_while_it_starts_leaves_nothing_behind(data: Path, up: Callable[[], Program]) -> None:
    starting = up()
    until = time.monotonic() + SOON
    while "postgres" not in names_on(data) and time.monotonic() < until:
        time.sleep(0.01)
    assert starting.interrupt() == 130
    assert nothing_runs_on(data)


def refused(data: Path, port: int | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """Start ``relance up`` where it cannot work, and wait for its end."""
    return run([str(RELANCE)], data, port, **more)


def run(program: list[str], data: Path, port: int | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*program, "up", "--data", str(data), "--port", str(port or free_port())],
        capture_output=True,
        text=True,
        timeout=SOON,
        check=False,
        env=environment(**more),
    )


def the_line(done: subprocess.CompletedProcess[str]) -> str:
    """Give the one line that says what is wrong; anything else printed is a failure."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("relance: ")
    return line


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_taken_port_is_named_before_anything_starts(data: Path, taken_port: int) -> None:
    line = the_line(refused(data, taken_port))
    assert str(taken_port) in line
    assert "--port" in line
    assert not data.exists()


def test_a_data_folder_that_is_a_file_is_named(data: Path) -> None:
    data.write_text("not a folder")
    line = the_line(refused(data))
    assert str(data) in line
    assert "--data" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_folder_that_may_not_be_written_is_named(data: Path) -> None:
    data.mkdir(mode=0o500)
    assert "--data" in the_line(refused(data))


@pytest.mark.parametrize("file", ["PG_VERSION", "rubbish"])
def test_a_broken_postgres_folder_is_named_and_nothing_is_left_running(data: Path, file: str) -> None:
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / file).write_text("rubbish")
    line = the_line(refused(data))
    assert f"Postgres does not start on {data / 'postgres'}" in line
    assert "--data" in line
    assert (data / "postgres" / file).read_text() == "rubbish"
    assert nothing_runs_on(data)


def test_a_broken_temporal_file_is_named_and_nothing_is_left_running(data: Path) -> None:
    (data / "temporal").mkdir(parents=True)
    (data / "temporal" / "temporal.db").write_text("rubbish" * 1000)
    assert f"its log is {data / 'temporal' / 'log'}" in the_line(refused(data))
    assert nothing_runs_on(data)


def test_a_missing_temporal_program_is_named_and_nothing_is_left_running(data: Path) -> None:
    line = the_line(run([sys.executable, "-c", ANOTHER_PYTHON], data, PATH="/usr/sbin:/usr/bin:/sbin:/bin"))
    assert "'temporal' is missing" in line
    assert nothing_runs_on(data)


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    with pytest.raises(UsageError, match="holds no secret"):
        kept_in(tmp_path)


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A program that has nothing to do with Relance, and waits."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


async def test_a_process_id_that_another_program_has_by_now_is_not_taken_for_postgres(
    data: Path, bystander: subprocess.Popen[bytes]
) -> None:
    async with embedded.postgres(data) as url:
        await migrate(url)
        pid_file = data / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(bystander.pid), *lines[1:]]))
    async with embedded.postgres(data) as url:
        assert await migrate(url) == []
    assert bystander.poll() is None
