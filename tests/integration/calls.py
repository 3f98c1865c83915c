"""Calls that the tests of the API make."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from api import app
from journeys.events import KINDS
from storage import shops
from tests.support import ITEM, TestShop, without_temporal


class Keys(httpx.Auth):
    """The write key for events, the API key for everything else."""

    def __init__(self, write: str, api: str) -> None:
        self.write, self.api = httpx.BasicAuth(write, ""), api

    def auth_flow(self, request: httpx.Request) -> Any:
        if request.url.path.removeprefix("/v1/") in {*KINDS, "batch"}:
            yield from self.write.auth_flow(request)
            return
        request.headers["Authorization"] = f"Bearer {self.api}"
        yield request


@asynccontextmanager
async def with_api_key(shop: TestShop, base_url: str = "http://relance") -> AsyncIterator[httpx.AsyncClient]:
    """The API without Temporal, called with the shop's API key where a call brings no other."""
    key = await shops.create_key(shop.parts.pool, shop.shop, "api", "test")
    transport = httpx.ASGITransport(app.build(without_temporal(shop.parts)))
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers) as api:
        yield api


def added(cart: str = "c-1", **more: Any) -> dict[str, Any]:
    return {
        "userId": "ann",
        "event": "Product Added",
        "properties": {**ITEM, "cart_id": cart, "currency": "EUR"},
    } | more


async def start(api: httpx.AsyncClient, cart: str = "c-1") -> str:
    assert (await api.post("/v1/track", json=added(cart))).status_code == 200
    items = (await api.get("/v1/journeys", params={"key": cart})).json()["items"]
    return str(items[0]["id"])
