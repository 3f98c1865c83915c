"""A question that went out to somebody by SMS, without an engine: its journey waits for the answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.contracts import SendInput
from journeys.facts import Channel
from journeys.play import first_stage
from storage.journeys import Journey
from tests.support import TestShop
from tests.workflows.keyed import OF_ORDERS, SMS, journeys_of, order, publish
from tests.workflows.providers import sending

QUESTION: dict[str, Any] = {"message": "question", "channels": SMS, "within": "2d"}


async def asking(shop: TestShop, *more: dict[str, Any], **question: Any) -> Journey:
    """Have a journey of a new order stand at a question that has not gone out yet; more steps may follow it."""
    await publish(shop, OF_ORDERS, {"id": "question", "ask": QUESTION | question}, *more)
    await shop.identify()
    await order(shop)
    [journey] = await journeys_of(shop)
    return journey


async def ask(shop: TestShop, journey: Journey, after: timedelta = timedelta(0)) -> None:
    """Send the question at which a journey stands."""
    version = await shop.parts.plans.version(shop.parts.pool, shop.shop, journey.plan, journey.plan_version)
    at = shop.begins + after
    order = SendInput(
        journey=journey.id, stage=first_stage(version.plan, shop.begins), at=at, channel=Channel.SMS, send="question"
    )
    sent = await ActivityEnvironment().run(sending(shop).send, order)
    assert sent.outcome == "sent"
