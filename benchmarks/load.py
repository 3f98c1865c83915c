"""The load: prepared requests over connections that are kept open, with as little work on our side as can be."""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from relance.shop_day import generate

Message = dict[str, Any]

_IDS = ("userId", "anonymousId")
_PROPERTY_IDS = ("cart_id", "order_id")


def shop_day(visits: int) -> list[Message]:
    """Give the events of a generated shop day, in order, without their times: they happen when they are sent."""
    day = datetime(2026, 3, 13, tzinfo=UTC)
    messages = sorted(generate(seed=1, visits=visits, day=day), key=lambda message: str(message["timestamp"]))
    return [{name: value for name, value in message.items() if name != "timestamp"} for message in messages]


def renamed(messages: Iterable[Message]) -> Iterator[Message]:
    """Give the same day of other people: every id gets a new ending, so that each round writes new rows."""
    ending = uuid.uuid4().hex[:8]
    for number, message in enumerate(messages):
        other = {**message, "messageId": f"m-{number}-{ending}"}
        other |= {name: f"{message[name]}-{ending}" for name in _IDS if message.get(name)}
        if properties := message.get("properties"):
            named = {name: f"{properties[name]}-{ending}" for name in _PROPERTY_IDS if properties.get(name)}
            other["properties"] = {**properties, **named}
        yield other


def singles(messages: Iterable[Message], port: int, write_key: str) -> list[bytes]:
    """Prepare a request for each message."""
    return [_request(f"/v1/{message['type']}", message, port, write_key) for message in messages]


def batches(messages: Iterable[Message], size: int, port: int, write_key: str) -> list[bytes]:
    """Prepare a request for each ``size`` messages."""
    listed = list(messages)
    parts = (listed[first : first + size] for first in range(0, len(listed), size))
    return [_request("/v1/batch", {"batch": part}, port, write_key) for part in parts]


def _request(path: str, body: Message, port: int, write_key: str) -> bytes:
    content = json.dumps(body).encode()
    key = base64.b64encode(f"{write_key}:".encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Basic {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def send(requests: list[bytes], port: int, connections: int) -> float:
    """Send requests over some connections, each waiting for its answer, and give the seconds that it took.

    Raises:
        RuntimeError: one was not answered with 200.

    """
    waiting = iter(requests)
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_keep_sending(waiting, port))
    return time.perf_counter() - began


async def _keep_sending(waiting: Iterator[bytes], port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for request in waiting:
            writer.write(request)
            await _answer(reader)
    finally:
        writer.close()
        await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"content-length: " in head:
        body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    else:
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += await reader.readexactly(size + 2)
        await reader.readexactly(2)
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(f"{head!r} {body!r}")
