"""The plan that comes along with other steps, and the rules that a shop sets: what the gate decides of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter
from temporalio.testing import ActivityEnvironment

from activities.contracts import SendInput, SendResult
from journeys.facts import Channel
from journeys.plan import Plan
from journeys.play import first_stage
from journeys.policy import Policy
from journeys.steps import Step
from storage import plans, shops
from tests.support import TestShop, cart_recovery, plan_file
from tests.workflows.providers import sending

STEPS = TypeAdapter(list[Step])
BY_SMS = [{"id": "first", "send": {"message": "first", "channels": {"first": ["sms"]}}}]
AT_ONCE: dict[str, Any] = {"at_most": {}, "one_per_person": None, "exits_on": []}


def plan(name: str = "cart-recovery", steps: list[dict[str, Any]] | None = None, **changes: Any) -> Plan:
    """The plan that comes along, with other steps: it sends its first message at once, by SMS."""
    return cart_recovery(**{**AT_ONCE, "name": name, "steps": STEPS.validate_python(steps or BY_SMS), **changes})


async def publish(shop: TestShop, *published: Plan) -> None:
    for one in published:
        await plans.publish(shop.parts.pool, shop.shop, one, plan_file().messages.model_dump_json())


async def allow(shop: TestShop, **policy: Any) -> None:
    """Set the shop's own rules."""
    known = await shops.get(shop.parts.pool, shop.shop)
    changed = Policy.model_validate({"quiet_hours": False, "browses_for": "0s", **policy})
    await shops.save(shop.parts.pool, replace(known, policy=changed))


async def send_of(shop: TestShop, cart: str) -> SendResult:
    """Run the send of a cart's journey, as a worker does when it is due."""
    journey = await shop.journey(cart)
    version = await shop.parts.plans.version(shop.parts.pool, shop.shop, journey.plan, journey.plan_version)
    stage = first_stage(version.plan, shop.begins)
    order = SendInput(journey=journey.id, stage=stage, at=shop.begins, channel=Channel.SMS)
    result: SendResult = await ActivityEnvironment().run(sending(shop).send, order)
    return result
