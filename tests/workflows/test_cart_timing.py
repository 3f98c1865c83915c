"""When cart-recovery says something, and by what first: by the cart's worth and categories, and by people's devices."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from journeys.plan import Plan
from journeys.steps import Branch
from relance import plan_files
from storage import plans
from tests.support import HOUR, MINUTE, Engine, cart_recovery, plan_file
from tests.workflows.test_push import APP, BROWSER, seen

SOON, WITH_THOUGHT = 2 * HOUR, 12 * HOUR


def _thresholds() -> dict[str, Decimal]:
    [branch] = [step for step in cart_recovery().steps if isinstance(step, Branch)]
    worth = (branch.branch[0].condition.any or [])[0].cart_value
    assert worth is not None
    assert worth.below is not None
    return worth.below


THRESHOLDS = _thresholds()


async def reminded_after(engine: Engine, price: Decimal, **item: Any) -> timedelta:
    """Fill a cart, leave it, and tell after which time the first message went out."""
    await engine.shop.identify()
    await engine.shop.fill(price=float(price), **item)
    await engine.deliver()
    passed = timedelta(0)
    for moment in (SOON, 4 * HOUR, 6 * HOUR, WITH_THOUGHT):
        await engine.forward(moment - MINUTE - passed)
        assert await engine.shop.sent() == []
        await engine.forward(2 * MINUTE)
        passed = moment + MINUTE
        if await engine.shop.sent():
            return moment
    raise AssertionError("nothing was sent in 12 hours")


def test_there_are_five_thresholds_and_that_of_the_euro_is_100() -> None:
    assert sorted(THRESHOLDS) == ["BRL", "CHF", "EUR", "GBP", "USD"]
    assert THRESHOLDS["EUR"] == 100


@pytest.mark.parametrize("currency", THRESHOLDS)
@pytest.mark.parametrize(("less", "after"), [(Decimal("0.10"), SOON), (Decimal(0), WITH_THOUGHT)])
async def test_below_the_threshold_of_a_currency_it_is_soon_and_at_it_12_hours(
    engine: Engine, currency: str, less: Decimal, after: timedelta
) -> None:
    price = THRESHOLDS[currency] - less
    assert await reminded_after(engine, price, currency=currency) == after


async def test_in_a_currency_without_a_threshold_it_is_12_hours(engine: Engine) -> None:
    assert await reminded_after(engine, Decimal(1), currency="JPY") == WITH_THOUGHT


@pytest.mark.parametrize(
    ("category", "price", "after"), [("Mode", 400, SOON), ("Voyages", 40, WITH_THOUGHT), ("Tents", 40, SOON)]
)
async def test_what_is_a_matter_of_taste_is_decided_soon_and_a_voyage_with_thought(
    engine: Engine, category: str, price: int, after: timedelta
) -> None:
    assert await reminded_after(engine, Decimal(price), category=category) == after


@pytest.mark.parametrize(("price", "after"), [(40, 4 * HOUR), (400, 6 * HOUR)])
async def test_a_shop_may_try_the_other_time_of_each_band(engine: Engine, price: int, after: timedelta) -> None:
    tried = cart_recovery().model_dump_json(by_alias=True, exclude_unset=True)
    for own in ('"variant":"after-2h","share":100', '"variant":"after-12h","share":100'):
        assert own in tried
        tried = tried.replace(own, own.replace("100", "0"))
    for other in ('"variant":"after-4h","share":0', '"variant":"after-6h","share":0'):
        assert other in tried
        tried = tried.replace(other, other.replace(":0", ":100"))
    messages = plan_file().messages.model_dump_json()
    shop = engine.shop
    await plans.publish(shop.parts.pool, shop.shop, Plan.model_validate_json(tried), messages)
    assert await reminded_after(engine, Decimal(price)) == after


async def test_whoever_has_a_device_is_pushed_to_first_and_hears_no_sms(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify(consent={"push": True, "sms": True, "email": True})
    await seen(shop, BROWSER, -2 * HOUR)
    await seen(shop, APP, -HOUR)
    await shop.fill()
    await engine.deliver()
    await engine.finish()
    assert await shop.sent() == [("first", "app_push"), ("second", "email")]
    words = await shop.parts.pool.fetchrow("select subject, body from sandbox_messages order by kept_at limit 1")
    assert words is not None
    assert words["subject"] == "Votre panier est toujours là"
    assert "Teapot" in words["body"]


def test_no_variant_is_on_by_itself_and_one_in_ten_is_held_out() -> None:
    own = plan_files.read("cart-recovery").plan
    shown = own.model_dump(mode="json")
    splits = str(shown).count("'share': 100"), str(shown).count("'share': 0")
    assert (splits, own.holdout) == ((2, 2), 10)
