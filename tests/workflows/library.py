"""The plans of the library, published without their holdout, and what their journeys say."""

from __future__ import annotations

from datetime import timedelta

from journeys.plan import Plan
from relance import plan_files
from storage import plans, sent
from storage.journeys import Journey
from tests.integration.segmenting import buy, count_all, work_off
from tests.support import MINUTE, TestShop
from tests.workflows.keyed import DAY, journeys_of

SURVEY, BROWSE, WELCOME, WIN_BACK = "abandonment-survey", "browse-abandonment", "welcome", "win-back"
NPS, REVIEW, ORDERS = "nps", "review-request", "order-updates"


async def publish(shop: TestShop, name: str) -> Plan:
    """Publish a plan of the library, without its holdout."""
    file = plan_files.read(name)
    plan = file.plan.model_copy(update={"holdout": 0})
    await plans.publish(shop.parts.pool, shop.shop, plan, file.messages.model_dump_json())
    return plan


async def only(shop: TestShop, plan: str) -> Journey:
    [journey] = await journeys_of(shop, plan)
    return journey


async def first_delivered(shop: TestShop) -> Journey:
    """Have a first order delivered, and give the journey that will ask how it was."""
    await shop.identify()
    for name in (NPS, REVIEW):
        await publish(shop, name)
    await shop.order(-2 * DAY, cart=None)
    await shop.take(shop.event("Order Delivered", order_id="o-1"))
    return await only(shop, NPS)


def is_about(found: timedelta, wanted: timedelta) -> bool:
    """Tell whether that is when it was due: a worker needs a moment."""
    return timedelta(0) <= found - wanted < MINUTE


async def out(shop: TestShop, journey: Journey) -> list[tuple[str, str]]:
    """What went out: the steps and their channels."""
    rows = await sent.of_journey(shop.parts.pool, journey.id)
    return [(row.step, row.channel) for row in rows if row.state == "accepted"]


async def said(shop: TestShop, journey: Journey) -> str:
    """The text of the message of a journey that went out last."""
    text: str = await shop.parts.pool.fetchval(
        "select body from sandbox_messages join sends using (send_id) where journey = $1 order by kept_at desc limit 1",
        journey.id,
    )
    return text


async def dropped(shop: TestShop) -> Journey:
    """Have Ann, the best of five customers, fall from 555 to 455 because the others come back and she does not."""
    await shop.identify()
    for number, person in enumerate(("bob", "cyd", "dan", "eve", "ann"), start=1):
        for order in range(number):
            ago = timedelta(days=100 - number)
            await buy(shop, -ago + order * MINUTE, f"{person}-{order}", person, total=number * 100)
    await count_all(shop)
    await work_off(shop)
    await publish(shop, WIN_BACK)
    await buy(shop, -MINUTE, "bob-late", "bob", total=1)
    await count_all(shop)
    await work_off(shop)
    return await only(shop, WIN_BACK)
