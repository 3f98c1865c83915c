"""The examples of the webhooks' page, run as they stand against a Relance that listens."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from pathlib import Path

import httpx
import pytest

from relance import serving
from tests.integration.hook_calls import STANDARD_SECRET, Hooks, events

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"
RUN = {"python": [sys.executable, "-c"], "bash": ["bash", "-euo", "pipefail", "-c"]}
EVENTS = {"python": [("Order Completed", "u-1")], "bash": [("page", "u-1")]}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.parametrize("language", RUN)
async def test_an_example_signs_what_is_taken(hooks: Hooks, language: str) -> None:
    (example,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    transport = hooks.api._transport  # noqa: SLF001 the app itself is what must listen
    assert isinstance(transport, httpx.ASGITransport)
    port, stop, ready = free_port(), asyncio.Event(), asyncio.Event()
    app = transport.app
    server = asyncio.create_task(serving.serve(app, "127.0.0.1", port, stop, ready=ready.set))  # type: ignore[arg-type]
    await ready.wait()
    try:
        settings = {"API": f"http://127.0.0.1:{port}", "HOOK_SECRET": STANDARD_SECRET}
        command = [*RUN[language], example.replace("/boutique/", f"/{hooks.shop.shop}/")]
        done = await asyncio.create_subprocess_exec(*command, env=os.environ | settings)
        assert await done.wait() == 0
    finally:
        stop.set()
        await server
    assert await events(hooks.shop) == EVENTS[language]
