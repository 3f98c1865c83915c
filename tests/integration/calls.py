"""Calls that the tests of the API make."""

from __future__ import annotations

from typing import Any

import httpx

from journeys.events import KINDS
from tests.support import ITEM


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
