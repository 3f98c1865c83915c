"""The API on a real socket, with bad weather on the way to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from api import app, doors
from relance import serving
from storage import shops
from tests.integration.loopback import Answer, Break, Request, Silence, listening, read_request, say
from tests.support import TestShop, without_temporal

RESET = Break()


@dataclass(frozen=True)
class Instead:
    """The API hears nothing of the request."""

    reply: Answer | Break | Silence


@dataclass(frozen=True)
class Lost:
    """The API does what it is asked; its answer is lost."""

    reply: Answer | Break | Silence = RESET


@dataclass
class Weather:
    """A proxy before the API: each request meets the next mishap, None being none; then there are none left.

    Attributes:
        mishaps: what happens to the next requests.
        requests: all that came in.

    """

    api_port: int
    mishaps: list[Instead | Lost | None] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request to the API and its answer back, or not."""
        request = await read_request(reader)
        self.requests.append(request)
        mishap = self.mishaps.pop(0) if self.mishaps else None
        if isinstance(mishap, Instead):
            return await say(mishap.reply, reader, writer)
        answer = await self._ask(request)
        if isinstance(mishap, Lost):
            return await say(mishap.reply, reader, writer)
        writer.write(answer)
        return await writer.drain()

    async def _ask(self, request: Request) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.api_port)
        headers = {**request.headers, "connection": "close"}
        head = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*head, "", ""]).encode() + request.body)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


@dataclass(frozen=True)
class Served:
    """Where the API is, what opens it, and the weather on the way."""

    url: str
    write_key: str
    api_key: str
    weather: Weather


@asynccontextmanager
async def served(
    shop: TestShop, *mishaps: Instead | Lost | None, most_at_once: int = doors.MOST_AT_ONCE
) -> AsyncIterator[Served]:
    """Serve the API for a shop, without Temporal."""
    parts = shop.parts
    port, stop, ready = _free_port(), asyncio.Event(), asyncio.Event()
    built = app.build(without_temporal(parts), most_at_once=most_at_once)
    api = asyncio.create_task(serving.serve(built, "127.0.0.1", port, stop, ready=ready.set))
    weather = Weather(port, [*mishaps])
    try:
        await ready.wait()
        async with listening(weather.serve) as front:
            yield Served(
                f"http://127.0.0.1:{front}",
                await shops.create_key(parts.pool, shop.shop, "write", "test"),
                await shops.create_key(parts.pool, shop.shop, "api", "test"),
                weather,
            )
    finally:
        stop.set()
        await api


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
