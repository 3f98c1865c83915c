"""Offers whose codes a shop's own API gives: sends that ask for them, and the runs that take them back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest_asyncio
from temporalio.testing import ActivityEnvironment

from activities.contracts import Revoked, SendInput, SendResult
from journeys.facts import Channel
from journeys.play import first_stage
from storage import commands, offers, story
from tests.integration.loopback import Loopback, serving
from tests.support import HOUR, TestShop
from tests.workflows.gated import plan, publish
from tests.workflows.providers import CREATED, connect_twilio, sending
from tests.workflows.shop_api import ShopApi, offer_api

POLICY = {"valid_for": "24h", "by_segment": {"prospect": [{"kind": "free_shipping"}]}, "codes": "shop"}
DAY = 24 * HOUR


def plan_with(**policy: Any) -> Any:
    send = {"message": "second", "channels": {"first": ["sms"]}, "offer": {**POLICY, **policy}}
    return plan(steps=[{"id": "first", "send": send}])


async def begin(shop: TestShop, cart: str = "c-1", **policy: Any) -> None:
    """Have a person fill a cart, of whom the plan offers free shipping with a code of the shop's own."""
    await publish(shop, plan_with(**policy))
    await shop.identify()
    await shop.fill(cart)


@pytest_asyncio.fixture
async def twilio(shop: TestShop) -> AsyncIterator[Loopback]:
    """A provider, so that the shop is out of sandbox mode."""
    async with serving(CREATED) as twilio:
        await connect_twilio(shop, twilio.url)
        yield twilio


@pytest_asyncio.fixture
async def api(shop: TestShop, twilio: Loopback) -> AsyncIterator[ShopApi]:  # noqa: ARG001 no sandbox
    async with offer_api(shop) as api:
        yield api


async def send(shop: TestShop, after: timedelta = timedelta(0), cart: str = "c-1") -> SendResult:
    """Run the send of a cart's journey once, as a worker does some time after it was due."""
    order = SendInput(
        journey=(await shop.journey(cart)).id,
        stage=first_stage(plan_with(), shop.begins),
        at=shop.begins + after,
        channel=Channel.SMS,
    )
    result: SendResult = await ActivityEnvironment().run(sending(shop).send, order)
    return result


async def made(shop: TestShop) -> list[offers.Made]:
    return await offers.of_journey(shop.parts.pool, (await shop.journey()).id)


async def why_nothing(shop: TestShop, cart: str = "c-1") -> list[str | None]:
    told = await story.tell(shop.parts.pool, await shop.journey(cart))
    return [line.why for line in told if line.what == "first: no offer"]


async def revoke(shop: TestShop, after: timedelta = timedelta(0)) -> Revoked:
    """Run the revocations, as if some time had passed since the last."""
    await shop.parts.pool.execute("update shop_codes set tell_at = tell_at - $1::interval", after)
    found: Revoked = await ActivityEnvironment().run(shop.parts.shop_codes.revoke)
    return found


async def cancel(shop: TestShop) -> None:
    assert await commands.cancel(shop.parts.pool, (await shop.journey()).id, "the shop was called", shop.begins + HOUR)
