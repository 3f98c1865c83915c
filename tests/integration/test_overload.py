"""More events at once than can be taken: those too many are told when to come again, and none is lost."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from api import app, doors, taking
from api.metrics import REGISTRY
from storage import shops
from tests.integration.served import Served, served
from tests.support import TestShop, until, without_temporal

MOST = 6
CALLS = 40


def page(number: int) -> dict[str, Any]:
    return {"type": "page", "userId": f"u-{number}", "messageId": f"m-{number}"}


def turned_away() -> float:
    return REGISTRY.get_sample_value("relance_requests_turned_away_total") or 0


async def test_those_too_many_at_once_come_again_and_none_is_lost(shop: TestShop) -> None:
    before = turned_away()
    answers: list[httpx.Response] = []
    async with served(shop, most_at_once=MOST) as api, caller(api) as client:

        async def tell(number: int) -> None:
            while True:
                answer = await client.post("/v1/page", json=page(number))
                answers.append(answer)
                if answer.status_code == 200:
                    return
                await freed.wait()

        freed = asyncio.Event()
        async with shop.parts.pool.acquire() as db, asyncio.TaskGroup() as calls:
            async with db.transaction():
                await db.execute("lock table seen in access exclusive mode")
                for number in range(CALLS):
                    calls.create_task(tell(number))
                await until(lambda: _are(answers, CALLS - MOST))
            freed.set()
        assert await shop.parts.pool.fetchval("select count(distinct message_id) from events") == CALLS
    refused = [answer for answer in answers if answer.status_code != 200]
    assert {answer.status_code for answer in refused} == {429}
    assert {answer.headers["Retry-After"] for answer in refused} == {str(doors.RETRY_AFTER)}
    assert refused[0].headers["Content-Type"] == "application/problem+json"
    # A page may read the answer, too.
    assert refused[0].headers["Access-Control-Allow-Origin"] == "*"
    assert "same messageIds" in refused[0].json()["detail"]
    assert turned_away() - before == len(refused) >= CALLS - MOST


async def _are(answers: list[httpx.Response], number: int) -> bool:
    return len(answers) >= number


def caller(api: Served) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=CALLS)
    url = f"http://127.0.0.1:{api.weather.api_port}"
    page = {"Origin": "https://shop.example.com"}
    return httpx.AsyncClient(base_url=url, auth=(api.write_key, ""), headers=page, limits=limits, timeout=30)


class Line:
    """A connection to the API, byte by byte."""

    def __init__(self, api: Served, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._api, self._path, self._reader, self._writer = api, path, reader, writer

    async def say(self, words: bytes) -> None:
        self._writer.write(words)
        await self._writer.drain()

    async def head(self, length: int) -> None:
        """Begin a call with a body of so many bytes."""
        key = base64.b64encode(f"{self._api.write_key}:".encode()).decode()
        lines = (
            f"POST {self._path} HTTP/1.1",
            "Host: relance",
            f"Authorization: Basic {key}",
            f"Content-Length: {length}",
        )
        await self.say("\r\n".join([*lines, "", ""]).encode())

    async def call(self, body: bytes) -> int:
        await self.head(len(body))
        await self.say(body)
        return await self.status()

    async def status(self) -> int:
        """Read an answer."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        await self._reader.readexactly(int(head.partition("content-length: ")[2].partition("\r\n")[0]))
        return int(head.split()[1])

    def close(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def line(api: Served, path: str = "/v1/page") -> AsyncIterator[Line]:
    made = Line(api, path, *await asyncio.open_connection("127.0.0.1", api.weather.api_port))
    try:
        yield made
    finally:
        made.close()


BODY = json.dumps(page(1)).encode()


@asynccontextmanager
async def at_work(shop: TestShop, line: Line) -> AsyncIterator[None]:
    """Have a call wait for the database."""
    async with shop.parts.pool.acquire() as db, db.transaction():
        await db.execute("lock table seen in access exclusive mode")
        await line.head(len(BODY))
        await line.say(BODY)
        await until(lambda: db.fetchval("select exists (select from pg_locks where not granted)"))
        yield


async def test_one_too_many_is_answered_before_its_body_is_read(shop: TestShop) -> None:
    async with served(shop, most_at_once=1) as api, line(api) as first, line(api) as second:
        async with at_work(shop, first):
            await second.head(400_000)
            assert await second.status() == 429
            # What it sends all the same is read past, and the connection is good for the next call.
            await second.say(b"x" * 400_000)
        assert await first.status() == 200
        assert await second.call(BODY) == 200


async def _is_full(other: Line) -> bool:
    return await _answers(other, BODY, 429)


async def test_who_goes_away_leaves_the_place_to_others(shop: TestShop) -> None:
    async with served(shop, most_at_once=1) as api, line(api) as first, line(api) as second:
        async with at_work(shop, first):
            assert await _is_full(second)
            first.close()
        await until(lambda: _is_taken(second))


async def test_pages_that_ask_what_to_show_take_no_place_of_an_event(shop: TestShop) -> None:
    async with (
        served(shop, most_at_once=1) as api,
        line(api, "/v1/on-site") as page,
        line(api) as shop_line,
        shop.parts.pool.acquire() as db,
    ):
        question = json.dumps({"writeKey": api.write_key, "anonymousId": "1" * 20}).encode()
        async with db.transaction():
            await db.execute("lock table on_site_messages in access exclusive mode")
            await page.head(len(question))
            await page.say(question)
            await until(lambda: db.fetchval("select exists (select from pg_locks where not granted)"))
            assert await shop_line.call(BODY) == 200
        assert await page.status() == 200


async def _is_taken(other: Line) -> bool:
    return await _answers(other, BODY, 200)


async def test_those_whose_bodies_do_not_come_keep_nobody_out(shop: TestShop) -> None:
    async with served(shop, most_at_once=1) as api, AsyncExitStack() as lines, line(api) as other:
        for _ in range(20):
            slow = await lines.enter_async_context(line(api))
            await slow.head(len(BODY))
            await slow.say(BODY[:5])
        assert await other.call(BODY) == 200


async def test_a_body_that_is_whole_when_all_places_are_taken_is_one_too_many(shop: TestShop) -> None:
    async with served(shop, most_at_once=1) as api, line(api) as first, line(api) as second, line(api) as third:
        await second.head(len(BODY))
        await second.say(BODY[:5])
        async with at_work(shop, first):
            assert await _is_full(third)
            await second.say(BODY[5:])
            assert await second.status() == 429
        assert await first.status() == 200


@pytest.mark.parametrize(("path", "otherwise"), [("/v1/page", 422), ("/v1/hooks/nobody/standard", 401)])
async def test_bodies_take_up_no_more_memory_than_was_set(
    shop: TestShop, monkeypatch: pytest.MonkeyPatch, path: str, otherwise: int
) -> None:
    monkeypatch.setattr(doors, "MOST_BYTES", 1_000)
    body = json.dumps({"type": "x" * 500}).encode()
    async with served(shop) as api, line(api, path) as first, line(api, path) as second:
        await first.head(len(body))
        await first.say(body[:-1])
        await until(lambda: _answers(second, body, 429))
        first.close()
        await until(lambda: _answers(second, body, otherwise))


async def _answers(line: Line, body: bytes, status: int) -> bool:
    return await line.call(body) == status


async def test_a_body_that_does_not_come_is_given_up(shop: TestShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "BODY_WITHIN", 0.05)
    async with served(shop, most_at_once=1) as api, line(api) as first:
        await first.head(len(BODY))
        assert await first.status() == 408


async def test_a_body_that_breaks_off_is_the_callers_mistake(shop: TestShop) -> None:
    heard: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        heard.append(message)

    key = await shops.create_key(shop.parts.pool, shop.shop, "write", "test")
    authorization = b"Basic " + base64.b64encode(f"{key}:".encode())
    scope = {"type": "http", "method": "POST", "path": "/v1/page", "query_string": b"", "scheme": "http"}
    headers = {"headers": [(b"authorization", authorization)], "http_version": "1.1"}
    await app.build(without_temporal(shop.parts))(scope | headers, receive, send)
    assert [message["status"] for message in heard if "status" in message] == [400]
