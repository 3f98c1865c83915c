"""Plans about orders and about people, what starts them, and their journeys, moved on."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest_asyncio
from temporalio.service import RPCError

from journeys.plan import Plan
from messages import catalog
from storage import journeys, plans, sent
from storage.journeys import Journey
from tests.support import Engine, TestShop

DAY = timedelta(days=1)
HEADER: dict[str, Any] = {
    "name": "p",
    "sticking_point": "It has to be told",
    "purpose": "transactional",
    "longest_life": "30d",
}
OF_ORDERS = {**HEADER, "key": "order", "entry": {"events": ["Order Completed"], "within": "12h"}}
OF_PEOPLE = {**HEADER, "key": "customer", "entry": {"events": ["Product Viewed"], "within": "12h"}}
WORDS = """
first: {sms: {text: "order {{ order.id }} of {{ order.value }}, {{ order.items[0].name }} {{ order.tracking }}"}}
question: {sms: {text: "How was it, from 0 to 10?"}}
again: {sms: {text: "Please answer with a number"}}
personal: {sms: {text: "{{ task.text }}"}}
"""
SAY: dict[str, Any] = {"id": "say", "send": {"message": "first", "channels": {"first": ["sms"]}}}
SMS = {"first": ["sms"]}


async def publish(shop: TestShop, header: dict[str, Any], *steps: dict[str, Any], **more: Any) -> Plan:
    """Publish a plan beside the one that comes along."""
    plan = Plan.model_validate({**header, **more, "steps": list(steps)})
    files = {f"{language}.yaml": WORDS for language in ("fr", "it", "pt", "en")}
    await plans.publish(shop.parts.pool, shop.shop, plan, catalog.load(files).model_dump_json())
    return plan


async def journeys_of(shop: TestShop, plan: str = "p") -> list[Journey]:
    """The journeys of a plan, oldest first."""
    found = await journeys.page(
        shop.parts.pool, shop.shop, plan=plan, customer=None, key=None, status=None, before=None, limit=100
    )
    return found[::-1]


@pytest_asyncio.fixture
async def told(engine: Engine) -> Engine:
    """An engine whose shop knows somebody who takes SMS of all purposes."""
    await engine.shop.identify()
    return engine


async def order(shop: TestShop, order_id: str = "o-1", after: timedelta = timedelta(0), **more: Any) -> None:
    item = {"product_id": "p-1", "name": "Teapot", "price": 40, "quantity": 1}
    said = {"order_id": order_id, "total": 40, "currency": "EUR", "products": [item], **more}
    await backend(shop, "Order Completed", after, **said)


async def backend(shop: TestShop, what: str, after: timedelta = timedelta(0), **said: Any) -> None:
    """Have the shop's backend tell an event."""
    await shop.take(shop.event(what, after, **said).model_copy(update={"from_backend": True}))


async def finished(engine: Engine, journey: Journey) -> Journey:
    """Let a journey run to its end."""
    await engine.deliver()
    handle = engine.client.get_workflow_handle(journey.id)
    # It may have ended already: then there is no time left to skip.
    with contextlib.suppress(RPCError):
        await engine.env.fast_forward(handle)
    await handle.result()
    return await journeys.get(engine.shop.parts.pool, journey.id)


async def forward(engine: Engine, journey: Journey, length: timedelta) -> None:
    await engine.deliver()
    await engine.env.fast_forward(engine.client.get_workflow_handle(journey.id), length)


async def sent_for(shop: TestShop, journey: Journey) -> list[tuple[str, str]]:
    return [(row.step, row.state) for row in await sent.of_journey(shop.parts.pool, journey.id)]


async def reply(shop: TestShop, journey: Journey, text: str, after: timedelta) -> None:
    await backend(shop, "Message Replied", after, channel="sms", text=text, journey=journey.id)
