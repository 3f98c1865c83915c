"""Segment's own library for Python, as it comes from PyPI, with its host set to Relance."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from segment.analytics.client import Client
from segment.analytics.request import APIError

from journeys.events import KINDS
from tests.integration.loopback import Answer, Break, Request
from tests.integration.served import Instead, Lost, Served, served
from tests.support import ITEM, TestShop

EVENTS_PAGE = Path(__file__).parents[2] / "docs" / "events.md"
EVENTS = 10_000
TOO_MANY = Answer(429, headers={"Retry-After": "1"})
WEATHER = [
    Instead(TOO_MANY),
    None,
    Instead(Break()),
    Lost(Break()),
    None,
    Lost(Break(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")),
    None,
    None,
    Instead(Answer(503)),
    None,
    Lost(TOO_MANY),
    None,
    Lost(Answer(502, b"<html>")),
    *[None] * 7,
]
"""What meets the requests, one after the other: whole ones, and those of which one of both sides does not hear."""


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The library logs each try that failed, which is what is wanted here."""
    caplog.set_level(logging.CRITICAL, "segment")


@pytest_asyncio.fixture
async def relance(shop: TestShop) -> AsyncIterator[Served]:
    """Relance on a socket."""
    async with served(shop) as api:
        yield api


@contextmanager
def library(api: Served, **given: Any) -> Iterator[Client]:
    """The library, and what it could not send."""
    failures: list[Any] = []
    client = Client(
        api.write_key,
        host=api.url,
        on_error=lambda error, batch: failures.append((str(error), len(batch))),
        max_queue_size=2 * EVENTS,
        upload_interval=0.05,
        **given,
    )
    yield client
    assert failures == []


async def flushed(client: Client) -> None:
    """Wait until the library has sent everything, then end its thread."""
    await asyncio.to_thread(client.flush)
    await asyncio.to_thread(client.join)


def messages(request: Request) -> list[dict[str, Any]]:
    packed = request.headers.get("content-encoding") == "gzip"
    batch: list[dict[str, Any]] = json.loads(gzip.decompress(request.body) if packed else request.body)["batch"]
    return batch


async def ids(shop: TestShop, table: str) -> list[str]:
    rows = await shop.parts.pool.fetch(f"select message_id from {table} where shop = $1", shop.shop)
    return sorted(row["message_id"] for row in rows)


async def test_10_000_events_over_a_bad_line_are_there_exactly_once(shop: TestShop) -> None:
    mishaps = list(islice(cycle(WEATHER), 120))
    async with served(shop, *mishaps) as api:
        with library(api) as client:
            sent = {told(client, number)["messageId"] for number in range(EVENTS)}
            await flushed(client)
        tries = [message["messageId"] for request in api.weather.requests for message in messages(request)]
        assert api.weather.mishaps == []
    assert len(sent) == EVENTS
    assert len(tries) > EVENTS + len(mishaps)
    assert await ids(shop, "seen") == await ids(shop, "events") == sorted(sent)


def told(client: Client, number: int) -> dict[str, Any]:
    """Tell one of the things that happen at a shop, and give the message that is to be sent."""
    accepted, message = _told(client, number)
    assert accepted
    found: dict[str, Any] = message
    return found


def _told(client: Client, number: int) -> Any:
    person = f"u-{number % 500}"
    if number % 10 == 0:
        properties = {**ITEM, "cart_id": f"c-{number % 500}", "currency": "EUR"}
        return client.track(person, "Product Added", properties)
    if number % 10 == 1:
        return client.identify(person, {"firstName": "Ann", "visits": number})
    return client.page(person, name=f"Page {number}")


@pytest.mark.parametrize("given", [{}, {"gzip": True}, {"sync_mode": True}], ids=["queued", "packed", "at once"])
async def test_every_call_of_the_library_is_understood(relance: Served, shop: TestShop, given: dict[str, Any]) -> None:
    device = {"locale": "pt-BR", "timezone": "America/Sao_Paulo", "ip": "203.0.113.7"}
    happened = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)

    def tell(client: Client) -> None:
        client.page(anonymous_id="device-9", name="Tents", context=device)
        client.screen(anonymous_id="device-9", name="Tents")
        client.alias("device-9", "ann")
        client.identify("ann", {"email": "ann@example.com", "consent": {"email": True}})
        client.group("ann", "club-7", {"name": "Hikers"})
        client.track("ann", "Product Added", {**ITEM, "cart_id": "c-1", "currency": "EUR"}, timestamp=happened)

    with library(relance, **given) as client:
        await asyncio.to_thread(tell, client)
        if not client.sync_mode:
            await flushed(client)
    rows = await shop.parts.pool.fetch("select kind, customer_id, at, content from events")
    by_kind = {row["kind"]: row for row in rows}
    assert by_kind.keys() == set(KINDS)
    assert (by_kind["page"]["content"]["locale"], by_kind["page"]["content"]["timezone"]) == (
        "pt-BR",
        "America/Sao_Paulo",
    )
    assert by_kind["alias"]["content"]["previous_id"] == "device-9"
    assert by_kind["group"]["content"]["group_id"] == "club-7"
    assert timedelta(0) <= by_kind["track"]["at"] - happened < timedelta(minutes=1)
    journey = await shop.journey()
    assert (journey.customer_id, journey.key) == ("ann", "c-1")


async def test_a_wrong_write_key_is_told_to_the_library_and_nothing_is_taken(relance: Served, shop: TestShop) -> None:
    client = Client("write_wrong", host=relance.url, sync_mode=True)
    with pytest.raises(APIError, match="No valid write key"):
        await asyncio.to_thread(client.page, "ann")
    assert await ids(shop, "events") == []


async def test_a_clock_that_is_a_year_behind_is_set_right(
    relance: Served, shop: TestShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Behind(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Behind:
            return super().now(tz) - timedelta(days=365)

    monkeypatch.setattr("segment.analytics.client.datetime", Behind)
    monkeypatch.setattr("segment.analytics.request.datetime", Behind)
    before = datetime.now(UTC)
    with library(relance, sync_mode=True) as client:
        await asyncio.to_thread(client.page, "ann")
    at = await shop.parts.pool.fetchval("select at from events")
    assert before - timedelta(seconds=1) <= at <= datetime.now(UTC)


# What the page shows


EXAMPLES = dict(re.findall(r"^```(python|js)\n(.*?)^```$", EVENTS_PAGE.read_text(), re.MULTILINE | re.DOTALL)[:2])
PROGRAMS = {"python": (sys.executable, "-c"), "js": ("node", "--input-type=module", "-e")}


@pytest.mark.parametrize("language", EXAMPLES)
async def test_the_examples_of_the_page_run(relance: Served, shop: TestShop, language: str, tmp_path: Path) -> None:
    if language == "js":
        await the_library_for_node(tmp_path)
    process = await asyncio.create_subprocess_exec(
        *PROGRAMS[language],
        EXAMPLES[language],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "API": relance.url, "WRITE_KEY": relance.write_key},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    rows = await shop.parts.pool.fetch("select name, customer_id, cart_id from events")
    assert [tuple(row) for row in rows] == [("Cart Viewed", "u-1", "c-1")]


async def the_library_for_node(folder: Path) -> None:
    """Have what the example imports beside it, where this machine has it."""
    installed = os.environ.get("NODE_PATH")
    if not installed or not (Path(installed) / "@segment" / "analytics-node").is_dir() or not shutil.which("node"):
        pytest.skip("Node with @segment/analytics-node in its NODE_PATH is not here")
    (folder / "node_modules").symlink_to(installed)
