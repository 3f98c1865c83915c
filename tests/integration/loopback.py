"""Servers on free ports of this machine that answer as they are told, or break off at an exact moment."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

from tests.support import PATIENCE

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """What came in; header names are in lower case."""

    target: str
    headers: dict[str, str]
    body: bytes
    method: str = ""


@dataclass(frozen=True)
class Answer:
    """What goes out."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Break:
    """The connection is reset when the whole request was read, and ``after`` was written."""

    after: bytes = b""


@dataclass(frozen=True)
class Silence:
    """The request is read and nothing is ever said."""


@dataclass
class Loopback:
    """An HTTP server: where it is, what it will say, and what it has heard."""

    url: str
    reply: Answer | Break | Silence
    requests: list[Request] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        self.requests.append(await read_request(reader))
        self.heard.set()
        await say(self.reply, reader, writer)


async def say(reply: Answer | Break | Silence, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a request that was read."""
    match reply:
        case Silence():
            await reader.read()
        case Break(after):
            writer.write(after)
            await writer.drain()
            writer.transport.abort()
        case Answer() as answer:
            writer.write(_encode(answer))
            await writer.drain()


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read a whole request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    method, target, _ = head[0].split(" ")
    return Request(target, headers, body, method)


def _encode(answer: Answer) -> bytes:
    headers = {"Content-Length": str(len(answer.body)), "Connection": "close", **answer.headers}
    head = [f"HTTP/1.1 {answer.status} Whatever", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(head).encode() + answer.body


@asynccontextmanager
async def serving(reply: Answer | Break | Silence) -> AsyncIterator[Loopback]:
    """Run an HTTP server."""
    loopback = Loopback("", reply)
    async with listening(loopback.serve) as port:
        loopback.url = f"http://127.0.0.1:{port}"
        yield loopback


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Run a server and give its port; at the end every connection is closed on both sides."""
    tasks: set[asyncio.Task[None] | None] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            # The caller may go away at any moment: that is what many of the tests are about.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await serve(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server, asyncio.timeout(PATIENCE.total_seconds()):
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*(task for task in tasks if task))


@contextmanager
def closed_port() -> Iterator[int]:
    """Hold a port on which nobody listens: whoever calls is refused."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def full_backlog() -> Iterator[int]:
    """Hold a port whose queue of connections is full: whoever calls waits for the connection."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for caller in (first, second):
            caller.setblocking(False)  # noqa: FBT003 the only form
            caller.connect_ex(server.getsockname())
        yield server.getsockname()[1]
