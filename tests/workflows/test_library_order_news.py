"""The plans of the library that follow orders: when each of their messages goes out, by what, and when none does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from activities import preview
from messages import render
from relance import plan_files
from storage import paused_plans, sent
from storage.journeys import Journey
from tests.support import HOUR, MINUTE, Engine, TestShop
from tests.workflows.keyed import DAY, backend, finished, forward, order, sent_for
from tests.workflows.library import ORDERS, only, out, publish, said

PAYMENT = "payment-pending"
PARIS = ZoneInfo("Europe/Paris")
LINK = "https://pay.example/1"
BY_SMS, BY_MAIL = ("shipped", "delivered"), ("shipped-by-mail", "delivered-by-mail")


async def to_be_paid(shop: TestShop, due: timedelta | str | None) -> Journey:
    """Have an order made that is to be paid by then."""
    await shop.identify()
    await publish(shop, PAYMENT)
    at = (shop.begins + due).isoformat() if isinstance(due, timedelta) else due
    told: dict[str, Any] = {} if at is None else {"payment_due": at}
    await backend(shop, "Payment Pending", order_id="o-1", payment_url=LINK, **told)
    return await only(shop, PAYMENT)


async def reminded(shop: TestShop, journey: Journey) -> timedelta:
    """Tell how long after the order the one reminder went out."""
    [row] = await sent.of_journey(shop.parts.pool, journey.id)
    assert (row.step, row.channel, row.state) == ("reminder", "sms", "accepted")
    return row.decided_at - shop.begins


async def refused(shop: TestShop, journey: Journey) -> set[str | None]:
    """Tell why nothing at all went out."""
    rows = await sent.of_journey(shop.parts.pool, journey.id)
    assert {row.state for row in rows} == {"refused"}
    return {row.reason for row in rows}


# Paid later


@pytest.mark.parametrize(
    ("due", "at"),
    [(3 * DAY, 2.5 * DAY), (12 * HOUR, 15 * MINUTE), (2 * HOUR, 15 * MINUTE), (None, 15 * MINUTE)],
)
async def test_a_payment_is_reminded_of_twelve_hours_before_it_is_due_and_at_once_where_less_is_left(
    engine: Engine, due: timedelta | None, at: timedelta
) -> None:
    shop = engine.shop
    ended = await finished(engine, await to_be_paid(shop, due))
    assert timedelta(0) <= await reminded(shop, ended) - at < MINUTE
    assert ended.outcome == "finished"
    assert LINK in await said(shop, ended)


@pytest.mark.parametrize("write", ["{:%Y-%m-%d}", "{:%Y-%m-%dT23:59:59}"])
async def test_a_payment_that_is_due_on_a_day_is_reminded_of_twelve_hours_before_the_end_of_it_where_the_person_lives(
    engine: Engine, write: str
) -> None:
    shop = engine.shop
    # Of Ann nothing is known but her French telephone number.
    end = (shop.begins + 3 * DAY).astimezone(PARIS).replace(hour=23, minute=59, second=59)
    ended = await finished(engine, await to_be_paid(shop, write.format(end)))
    assert timedelta(0) <= await reminded(shop, ended) - (end - 12 * HOUR - shop.begins) < MINUTE
    assert f"{render.moment(end, (PARIS,), 'fr_FR')} ici" in await said(shop, ended)


async def test_a_payment_that_was_due_on_a_day_that_is_over_is_not_reminded_of(engine: Engine) -> None:
    shop = engine.shop
    ended = await finished(engine, await to_be_paid(shop, f"{shop.begins - 2 * DAY:%Y-%m-%d}"))
    assert await refused(shop, ended) == {"deadline of the step has passed"}


async def test_whoever_pays_within_a_quarter_of_an_hour_is_not_reminded(engine: Engine) -> None:
    shop = engine.shop
    journey = await to_be_paid(shop, 2 * HOUR)
    await forward(engine, journey, 14 * MINUTE)
    await backend(shop, "Payment Received", 14 * MINUTE, order_id="o-1")
    ended = await finished(engine, journey)
    assert (ended.outcome, ended.reason) == ("converted", "Payment Received")
    assert await sent_for(shop, ended) == []


async def test_whoever_pays_while_the_payment_is_not_due_for_long_is_not_reminded(engine: Engine) -> None:
    shop = engine.shop
    journey = await to_be_paid(shop, 3 * DAY)
    await forward(engine, journey, DAY)
    await backend(shop, "Payment Received", DAY, order_id="o-1")
    ended = await finished(engine, journey)
    assert (ended.outcome, ended.ended_at) == ("converted", shop.begins + DAY)
    assert await sent_for(shop, ended) == []


async def test_an_order_that_is_cancelled_need_not_be_paid(engine: Engine) -> None:
    shop = engine.shop
    journey = await to_be_paid(shop, 3 * DAY)
    await backend(shop, "Order Cancelled", HOUR, order_id="o-1")
    ended = await finished(engine, journey)
    assert (ended.outcome, await sent_for(shop, ended)) == ("exited", [])


async def test_a_payment_that_was_due_already_is_not_reminded_of(engine: Engine) -> None:
    shop = engine.shop
    ended = await finished(engine, await to_be_paid(shop, -2 * DAY))
    assert await refused(shop, ended) == {"deadline of the step has passed"}
    assert ended.outcome == "finished"


async def test_a_reminder_that_is_held_back_until_the_payment_is_due_goes_out_no_more(engine: Engine) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    await paused_plans.pause(pool, shop.shop, PAYMENT, shop.begins)
    journey = await to_be_paid(shop, 2 * HOUR)
    await forward(engine, journey, 2.5 * HOUR)
    assert await paused_plans.resume(pool, shop.shop, PAYMENT)
    ended = await finished(engine, journey)
    # An hour later it could still be paid; two hours later it could not.
    assert await refused(shop, ended) == {"plan is paused, which is too late for the step"}


async def test_a_reminder_that_is_held_back_for_an_hour_goes_out_while_it_can_be_paid(engine: Engine) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    await paused_plans.pause(pool, shop.shop, PAYMENT, shop.begins)
    journey = await to_be_paid(shop, 2 * HOUR)
    await forward(engine, journey, HOUR)
    assert await paused_plans.resume(pool, shop.shop, PAYMENT)
    assert timedelta(0) <= await reminded(shop, await finished(engine, journey)) - 1.25 * HOUR < MINUTE


async def test_a_due_that_is_put_off_is_the_one_that_counts(engine: Engine) -> None:
    shop = engine.shop
    journey = await to_be_paid(shop, 2 * HOUR)
    later = shop.begins + 4 * DAY
    await backend(shop, "Payment Pending", MINUTE, order_id="o-1", payment_due=later.isoformat())
    assert timedelta(0) <= await reminded(shop, await finished(engine, journey)) - 3.5 * DAY < MINUTE


async def test_a_preview_tells_that_what_is_held_back_until_the_payment_is_due_goes_out_no_more(engine: Engine) -> None:
    shop, pool = engine.shop, engine.shop.parts.pool
    await to_be_paid(shop, 2 * HOUR)
    await paused_plans.pause(pool, shop.shop, PAYMENT, shop.begins)
    lines = await preview.of_key(pool, shop.shop, plan_files.read(PAYMENT).plan, "o-1", shop.begins + MINUTE)
    assert lines is not None
    assert [line.what for line in lines] == ["waits", "defers", "passes over", "ends"]
    assert {one.reason for one in lines[2].channels} == {"plan is paused, which is too late for the step"}


# On its way


async def bought(engine: Engine, **traits: Any) -> Journey:
    """Have an order made, and its receipt told."""
    shop = engine.shop
    await shop.identify(**traits)
    await publish(shop, ORDERS)
    await order(shop)
    journey = await only(shop, ORDERS)
    await forward(engine, journey, HOUR)
    return journey


async def at(shop: TestShop, journey: Journey) -> dict[str, datetime]:
    """Tell when each step's message went out."""
    return {row.step: row.decided_at for row in await sent.of_journey(shop.parts.pool, journey.id)}


@pytest.mark.parametrize(
    ("consent", "by", "steps"),
    [
        ({"sms": {"granted": True, "purpose": "transactional"}}, "sms", BY_SMS),
        ({"sms": True}, "sms", BY_SMS),
        ({"email": True}, "email", BY_MAIL),
        ({}, "email", BY_MAIL),
    ],
)
async def test_shipment_and_delivery_are_told_at_once_by_sms_to_whoever_said_yes_to_one_else_by_mail(
    engine: Engine, consent: dict[str, Any], by: str, steps: tuple[str, str]
) -> None:
    shop = engine.shop
    journey = await bought(engine, consent=consent)
    await backend(shop, "Order Shipped", 2 * DAY, order_id="o-1", tracking_url="https://post.example/1")
    await forward(engine, journey, HOUR)
    assert (await out(shop, journey))[1:] == [(steps[0], by)]
    assert "https://post.example/1" in await said(shop, journey)
    await backend(shop, "Order Delivered", 4 * DAY, order_id="o-1")
    ended = await finished(engine, journey)
    assert (await out(shop, ended))[1:] == [(step, by) for step in steps]
    went_out = await at(shop, ended)
    assert [went_out[step] for step in steps] == [shop.begins + 2 * DAY, shop.begins + 4 * DAY]
    assert ended.outcome == "finished"


async def test_a_delivery_without_a_shipment_is_told_at_once_and_nothing_of_the_way_there(engine: Engine) -> None:
    shop = engine.shop
    journey = await bought(engine)
    await forward(engine, journey, 3 * DAY)
    await backend(shop, "Order Delivered", 4 * DAY, order_id="o-1")
    ended = await finished(engine, journey)
    assert await out(shop, ended) == [("received", "sms"), ("delivered", "sms")]
    assert (await at(shop, ended))["delivered"] == ended.ended_at == shop.begins + 4 * DAY


@pytest.mark.parametrize(
    ("before", "steps"),
    [
        (["Order Shipped"], ["shipped", "delivered"]),
        (["Order Delivered"], ["delivered"]),
        (["Order Shipped", "Order Delivered"], ["delivered"]),
    ],
)
@pytest.mark.parametrize("earlier", [MINUTE / 60, timedelta(0)])
async def test_an_order_that_is_told_of_late_is_not_said_to_be_awaited_still(
    engine: Engine, before: list[str], steps: list[str], earlier: timedelta
) -> None:
    shop = engine.shop
    await shop.identify()
    await publish(shop, ORDERS)
    for event in before:
        await backend(shop, event, -earlier, order_id="o-1")
    await order(shop)
    journey = await only(shop, ORDERS)
    await forward(engine, journey, HOUR)
    if before == ["Order Shipped"]:
        assert await out(shop, journey) == [("shipped", "sms")]
        await backend(shop, "Order Delivered", DAY, order_id="o-1")
    ended = await finished(engine, journey)
    assert await out(shop, ended) == [(step, "sms") for step in steps]
    assert ended.outcome == "finished"


async def test_an_order_of_which_nothing_more_is_told_is_let_go_after_thirty_days(engine: Engine) -> None:
    shop = engine.shop
    ended = await finished(engine, await bought(engine))
    assert (ended.outcome, ended.reason) == ("exited", "no shipment was told of in 30 days")
    assert await out(shop, ended) == [("received", "sms")]
    assert ended.ended_at is not None
    assert timedelta(0) <= ended.ended_at - shop.begins - 30 * DAY < MINUTE


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([], ["Order Shipped", "Order Delivered"], []),
        (["Order Shipped"], ["Order Delivered"], ["shipped"]),
    ],
)
async def test_of_an_order_that_is_cancelled_nobody_hears_anything_more(
    engine: Engine, before: list[str], after: list[str], told: list[str]
) -> None:
    shop = engine.shop
    journey = await bought(engine)
    for what in before:
        await backend(shop, what, DAY, order_id="o-1")
        await forward(engine, journey, DAY)
    await backend(shop, "Order Cancelled", 2 * DAY, order_id="o-1")
    for number, what in enumerate(after):
        await backend(shop, what, (3 + number) * DAY, order_id="o-1")
    ended = await finished(engine, journey)
    assert (ended.outcome, ended.reason, ended.ended_at) == ("exited", "Order Cancelled", shop.begins + 2 * DAY)
    assert await out(shop, ended) == [("received", "sms"), *((step, "sms") for step in told)]
