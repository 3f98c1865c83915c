"""What people answer waits for a person, whoever they are, until somebody has taken care of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest_asyncio

from tests.integration.calls import Keys
from tests.integration.returning import Returning, calling_back
from tests.integration.served import served
from tests.support import TestShop
from tests.workflows.providers import PHONE, send


@pytest_asyncio.fixture
async def returning(shop: TestShop) -> AsyncIterator[Returning]:
    async with calling_back(shop) as providers:
        yield providers


@pytest_asyncio.fixture
async def backend(shop: TestShop) -> AsyncIterator[httpx.AsyncClient]:
    async with served(shop) as api, httpx.AsyncClient(base_url=api.url, auth=Keys(api.api_key, api.api_key)) as client:
        yield client


async def waiting(backend: httpx.AsyncClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await backend.get("/v1/replies")).json()["items"]
    return items


async def test_an_answer_waits_with_the_person_and_the_journey_that_asked(
    returning: Returning, backend: httpx.AsyncClient
) -> None:
    shop = returning.shop
    await shop.identify()
    await shop.fill()
    await send(shop)
    for _ in range(2):
        await returning.says("Where is my tent?\x00")
    [reply] = await waiting(backend)
    assert {name: reply[name] for name in ("medium", "address", "customer_id", "text")} == {
        "medium": "sms",
        "address": PHONE,
        "customer_id": "ann",
        "text": "Where is my tent?",
    }
    assert reply["journey"] == (await shop.journey()).id


async def test_what_a_stranger_answers_waits_as_well_and_what_was_understood_does_not(
    returning: Returning, backend: httpx.AsyncClient
) -> None:
    for number, text in enumerate(("who is this?", "STOP", "HELP", "START", "wrong number")):
        await returning.says(text, f"SM{number}")
    found = await waiting(backend)
    assert [reply["text"] for reply in found] == ["who is this?", "wrong number"]
    assert {reply["customer_id"] for reply in found} == {None}


async def test_what_is_done_waits_no_more_and_another_shops_answer_is_nobodys(
    returning: Returning, backend: httpx.AsyncClient
) -> None:
    await returning.says("who is this?")
    await returning.says("and this?", "SM2")
    first, second = await waiting(backend)
    for _ in range(2):
        assert (await backend.post(f"/v1/replies/{first['reply_id']}/done")).json() == {"reply_id": first["reply_id"]}
    assert await waiting(backend) == [second]
    pool = returning.shop.parts.pool
    await pool.execute("insert into shops (shop, name) values ('another', 'Another')")
    await returning.shop.parts.pool.execute(
        "update replies set shop = 'another' where reply_id = $1", second["reply_id"]
    )
    assert await waiting(backend) == []
    for unknown in (second["reply_id"], 2**62):
        assert (await backend.post(f"/v1/replies/{unknown}/done")).status_code == 404
    for wrong in ("0", "x", str(2**70)):
        assert (await backend.post(f"/v1/replies/{wrong}/done")).status_code == 422
    assert (await returning.api.get("/v1/replies")).status_code == 401


async def test_who_is_recognised_takes_their_answers_along(returning: Returning, backend: httpx.AsyncClient) -> None:
    visitor = {"type": "identify", "anonymousId": "device-1", "traits": {"phone": PHONE}}
    assert (await backend.post("/v1/batch", json={"batch": [visitor]})).status_code == 200
    await returning.says("who is this?")
    assert [reply["customer_id"] for reply in await waiting(backend)] == ["device-1"]
    alias = {"type": "alias", "previousId": "device-1", "userId": "ann"}
    assert (await backend.post("/v1/batch", json={"batch": [alias]})).status_code == 200
    assert [reply["customer_id"] for reply in await waiting(backend)] == ["ann"]
