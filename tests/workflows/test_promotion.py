"""The promotion of the library: loyal customers hear of it at its moment, in the app where they have it."""

from __future__ import annotations

from journeys.entry import Once
from messages.judging import judge
from relance import plan_files
from storage import plans
from tests.integration.segmenting import buy, count_all
from tests.support import HOUR, MINUTE, Engine, TestShop
from tests.workflows.entering import Desk, SetClock
from tests.workflows.keyed import DAY, finished, journeys_of
from tests.workflows.library import out, said
from tests.workflows.test_push import APP

PROMOTION = "promotion"


async def publish(shop: TestShop) -> None:
    """Publish it without its holdout, for a moment that has just come."""
    file = plan_files.read(PROMOTION)
    plan = file.plan.model_copy(update={"holdout": 0, "entry": Once(at=shop.begins - MINUTE)})
    await plans.publish(shop.parts.pool, shop.shop, plan, file.messages.model_dump_json())
    await shop.parts.pool.execute("update plan_versions set published_at = $1", shop.begins - HOUR)


async def make_loyal(shop: TestShop, person: str, **traits: object) -> None:
    await shop.identify(person, **traits)
    for number in range(3):
        await buy(shop, -(20 + number) * DAY, f"{person}-{number}", person, total=50)


async def let_in(shop: TestShop) -> list[str]:
    desk = Desk(shop, SetClock(shop.begins))
    await desk.open()
    await desk.let_in()
    return sorted(journey.key for journey in await journeys_of(shop, PROMOTION))


async def test_loyal_customers_hear_of_it_in_the_app_else_by_mail_and_nobody_else_does(engine: Engine) -> None:
    shop = engine.shop
    await publish(shop)
    await make_loyal(shop, "has-the-app", consent={"push": True, "email": True})
    seen = shop.event("Product Viewed", -HOUR, person="has-the-app")
    await shop.take(seen.model_copy(update={"device": APP}))
    await make_loyal(shop, "reads-mails", consent={"email": True}, firstName="Zoé")
    await make_loyal(shop, "agreed-to-sms-only", consent={"sms": True, "email": False})
    await shop.identify("bought-once", consent={"email": True})
    await buy(shop, -DAY, "b-1", "bought-once", total=50)
    await count_all(shop)
    assert await let_in(shop) == ["has-the-app", "reads-mails"]
    by_key = {journey.key: await finished(engine, journey) for journey in await journeys_of(shop, PROMOTION)}
    assert await out(shop, by_key["has-the-app"]) == [("news", "app_push")]
    assert await out(shop, by_key["reads-mails"]) == [("news", "email")]
    text = await said(shop, by_key["reads-mails"])
    assert "Bonjour Zoé" in text
    assert text.count("https://") >= 4
    assert "Ne plus en recevoir" in text


async def test_an_order_within_the_attribution_is_what_it_was_for(engine: Engine) -> None:
    shop = engine.shop
    await publish(shop)
    await make_loyal(shop, "ann", consent={"email": True})
    await count_all(shop)
    assert await let_in(shop) == ["ann"]
    [journey] = await journeys_of(shop, PROMOTION)
    ended = await finished(engine, journey)
    assert ended.ended_at is not None
    await buy(shop, ended.ended_at - shop.begins + 4 * DAY, "late", "ann", total=50)
    [after] = await journeys_of(shop, PROMOTION)
    assert (ended.outcome, after.outcome) == ("finished", "converted")


def test_nothing_is_wrong_with_it_and_nothing_could_be_said_better() -> None:
    file = plan_files.read(PROMOTION)
    assert judge(file.messages, file.plan) == []
    assert file.plan.holdout == 10
