"""Runs parts side by side until the process is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from temporalio.worker import Worker

from relance.embedded import is_free
from relance.errors import UsageError

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a process in good order: the servers that it runs must not be left behind."""
SETTLED = 10.0
"""Seconds after which a worker has shown that it can work."""

log = structlog.get_logger()


class _Server(uvicorn.Server):
    """Uvicorn, but the process's signals are ours, and it tells when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def until_told() -> AsyncIterator[asyncio.Event]:
    """Give an event that Ctrl-C, SIGTERM and the closing of the terminal set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in ENDING:
            loop.remove_signal_handler(number)


async def serve(
    app: FastAPI, host: str, port: int, stop: asyncio.Event, *, ready: Callable[[], None] = lambda: None
) -> None:
    """Serve HTTP until told to stop.

    Args:
        app: what is served.
        host: where to listen.
        port: where to listen.
        stop: set when it is to stop.
        ready: called once requests are answered.

    Raises:
        UsageError: the port is taken.

    """
    check_port(host, port)
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, lifespan="off", http="httptools"
    )
    server = _Server(config, ready)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving


def check_port(host: str, port: int) -> None:
    """Make sure that a port can be listened on.

    Raises:
        UsageError: it cannot.

    """
    if not is_free(port, host):
        raise UsageError(f"port {port} is taken; choose another with --port")


async def work(build: Callable[[], Worker], stop: asyncio.Event, *, settled: float = SETTLED) -> None:
    """Run a worker until told to stop; then it lets its activities finish.

    Temporal's SDK gives a worker up when the server ends a poll in a way that it does not expect
    (https://github.com/temporalio/sdk-python/issues/972). Another then takes its place.

    Args:
        build: builds the worker, and the next one.
        stop: set when it is to stop.
        settled: seconds; a worker that fails sooner is set up wrongly, and a new one would fail as well.

    Raises:
        RuntimeError: the worker failed before it had settled.

    """
    while not stop.is_set():
        began = time.monotonic()
        try:
            async with build():
                await stop.wait()
        except RuntimeError as error:
            if time.monotonic() - began < settled:
                raise
            log.warning("worker failed; another takes its place", error=str(error), because=str(error.__cause__))


async def together(stop: asyncio.Event, *parts: Coroutine[Any, Any, None]) -> None:
    """Run parts side by side. When one of them ends or fails, all are told to stop."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(_guarded(part, stop))


async def _guarded(part: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    try:
        await part
    finally:
        stop.set()
