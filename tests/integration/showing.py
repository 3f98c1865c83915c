"""Somebody on the shop's pages, a message for them there, and the door by which pages ask for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import httpx
from temporalio.testing import ActivityEnvironment

from activities.contracts import SendInput, SendResult
from api import app
from journeys.events import Event
from journeys.facts import Channel
from journeys.play import first_stage
from journeys.policy import Policy
from journeys.question import Mode
from storage import on_site, shops
from tests.support import ITEM, TestShop, without_temporal
from tests.workflows.providers import sending

BROWSER = "3f1c2b1e-8a55-4c0e-9d0b-6a3f0c8e7d21"
OTHER = "12345678901234567890123456789012345678"
"""As capture.js makes it."""


def by(event: Event, browser: str, *, user: str | None = None, backend: bool = False) -> Event:
    """Have an event told by a browser, as capture.js tells it: of nobody else, unless a user is named."""
    return event.model_copy(update={"anonymous_id": browser, "user_id": user, "from_backend": backend})


async def live(shop: TestShop, mode: Mode = Mode.LIVE, **policy: Any) -> None:
    """Let messages really leave, and people be there for ten minutes after what they did."""
    known = await shops.get(shop.parts.pool, shop.shop)
    changed = Policy(quiet_hours=False, **policy)
    await shops.save(shop.parts.pool, replace(known, mode=mode, policy=changed))


async def fill(shop: TestShop, browser: str = BROWSER, cart: str = "c-1", **told: Any) -> None:
    """Put something in a cart, in a browser that looks at a page."""
    item: dict[str, Any] = {**ITEM, "currency": "EUR"}
    await shop.take(by(shop.event("Product Added", cart_id=cart, **item), browser, **told))
    await on_site.look(shop.parts.pool, shop.shop, browser, shop.begins)


async def send(shop: TestShop, step: str = "first", at: datetime | None = None, cart: str = "c-1") -> SendResult:
    """Run the send of a step on the shop's pages, as a worker does."""
    journey = await shop.journey(cart)
    version = await shop.parts.plans.version(shop.parts.pool, shop.shop, journey.plan, journey.plan_version)
    stage = first_stage(version.plan, shop.begins).go(step, shop.begins)
    order = SendInput(journey=journey.id, stage=stage, at=at or shop.begins, channel=Channel.ON_SITE)
    result: SendResult = await ActivityEnvironment().run(sending(shop).send, order)
    return result


@dataclass
class Pages:
    """The shop's pages, as the door hears them."""

    http: httpx.AsyncClient
    write_key: str

    async def post(self, browser: Any = BROWSER, **more: Any) -> httpx.Response:
        """Ask the door, as the script does."""
        body = json.dumps({"writeKey": self.write_key, "anonymousId": browser, **more})
        headers = {"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://shop.example.com"}
        return await self.http.post("/v1/on-site", content=body, headers=headers)

    async def shown(self, browser: str = BROWSER, **more: Any) -> dict[str, Any] | None:
        """Give the message that a page shows in a browser."""
        answer = await self.post(browser, **more)
        assert answer.status_code == 200, answer.text
        message: dict[str, Any] | None = answer.json()["message"]
        return message


@asynccontextmanager
async def pages(shop: TestShop) -> AsyncIterator[Pages]:
    """The door, without a network between."""
    transport = httpx.ASGITransport(app.build(without_temporal(shop.parts)), raise_app_exceptions=False)
    key = await shops.create_key(shop.parts.pool, shop.shop, "write", "pages")
    async with httpx.AsyncClient(transport=transport, base_url="http://relance") as http:
        yield Pages(http, key)
