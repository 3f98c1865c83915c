"""The journey of a cart, played on a Temporal server that skips time, with the real Postgres."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from storage import commands
from tests.support import HOUR, MINUTE, Engine


async def started(engine: Engine, price: float = 40, **traits: Any) -> None:
    await engine.shop.identify(**traits)
    await engine.shop.fill(price=price)
    await engine.deliver()


async def test_a_cart_under_100_euros_is_reminded_after_2_hours_and_again_a_day_later(engine: Engine) -> None:
    await started(engine, price=99.90)
    await engine.forward(2 * HOUR - MINUTE)
    assert await engine.shop.sent() == []
    await engine.forward(2 * MINUTE)
    assert await engine.shop.sent() == [("first", "sms")]
    await engine.forward(24 * HOUR - 5 * MINUTE)
    assert await engine.shop.sent() == [("first", "sms")]
    await engine.forward(10 * MINUTE)
    assert await engine.shop.sent() == [("first", "sms"), ("second", "email")]
    journey = await engine.finish()
    assert (journey.outcome, journey.reason) == ("finished", "plan played to its end")


async def test_a_cart_from_100_euros_is_reminded_after_12_hours(engine: Engine) -> None:
    await started(engine, price=100)
    await engine.forward(12 * HOUR - MINUTE)
    assert await engine.shop.sent() == []
    await engine.forward(2 * MINUTE)
    assert await engine.shop.sent() == [("first", "sms")]


async def test_a_discount_brings_a_cart_below_the_threshold(engine: Engine) -> None:
    await engine.shop.identify()
    products = [{"product_id": "p", "price": 100, "quantity": 1}]
    await engine.shop.take(
        engine.shop.event("Checkout Started", cart_id="c-1", currency="EUR", discount=5, products=products)
    )
    await engine.deliver()
    await engine.forward(2 * HOUR + MINUTE)
    assert await engine.shop.sent() == [("first", "sms")]


async def test_activity_on_any_device_moves_the_first_message(engine: Engine) -> None:
    await started(engine)
    await engine.shop.take(engine.shop.event("page", HOUR))
    await engine.forward(3 * HOUR - MINUTE)
    assert await engine.shop.sent() == []
    await engine.forward(2 * MINUTE)
    assert await engine.shop.sent() == [("first", "sms")]


@pytest.mark.parametrize(
    ("traits", "first", "second"),
    [
        pytest.param({}, "sms", "email", id="both channels"),
        pytest.param({"phone": None}, "email", "email", id="no telephone number"),
        pytest.param({"consent": {"sms": False, "email": True}}, "email", "email", id="no consent to SMS"),
        pytest.param({"email": None}, "sms", None, id="no address, and one SMS at most"),
        pytest.param({"consent": {}}, None, None, id="never asked"),
    ],
)
async def test_each_message_takes_the_first_channel_that_reaches_the_person(
    engine: Engine, traits: dict[str, Any], first: str | None, second: str | None
) -> None:
    await started(engine, **traits)
    await engine.finish()
    expected = [(step, channel) for step, channel in (("first", first), ("second", second)) if channel]
    assert await engine.shop.sent() == expected


async def test_every_refusal_is_kept_with_its_reason(engine: Engine) -> None:
    await started(engine, email=None, consent={"sms": False, "email": True})
    await engine.finish()
    assert await engine.shop.ledger() == [
        ("first", "app_push", "refused", "no consent to marketing by push"),
        ("first", "web_push", "refused", "no consent to marketing by push"),
        ("first", "on_site", "refused", "the person is not on the shop's pages"),
        ("first", "sms", "refused", "no consent to marketing by sms"),
        ("first", "email", "refused", "no address for email"),
        ("second", "on_site", "refused", "the person is not on the shop's pages"),
        ("second", "email", "refused", "no address for email"),
        ("second", "sms", "refused", "no consent to marketing by sms"),
    ]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(HOUR, [], id="in the first window"),
        pytest.param(3 * HOUR, ["first"], id="after the first message"),
        pytest.param(27 * HOUR, ["first", "second"], id="after the second message"),
    ],
)
async def test_nothing_is_sent_after_the_purchase(engine: Engine, after: timedelta, expected: list[str]) -> None:
    await started(engine)
    await engine.forward(after)
    await engine.shop.order(after)
    await engine.deliver()
    journey = await engine.finish()
    assert (journey.outcome, journey.reason) == ("converted", "ordered: o-1")
    assert [step for step, _ in await engine.shop.sent()] == expected


async def test_a_purchase_between_two_windows_of_idleness_ends_the_journey(engine: Engine) -> None:
    await started(engine, price=250)
    await engine.forward(5 * HOUR)
    await engine.shop.order(5 * HOUR)
    await engine.deliver()
    assert (await engine.finish()).outcome == "converted"
    assert await engine.shop.ledger() == []


async def test_pausing_keeps_the_time_that_was_left(engine: Engine) -> None:
    await started(engine)
    journey = await engine.shop.journey()
    begins, pool = engine.shop.begins, engine.shop.parts.pool
    await engine.forward(HOUR)
    assert await commands.pause(pool, journey.id, begins + HOUR)
    await engine.deliver()
    await engine.forward(10 * HOUR)
    assert await engine.shop.ledger() == []
    assert await commands.resume(pool, journey.id, begins + 11 * HOUR)
    await engine.deliver()
    await engine.forward(50 * MINUTE)
    assert await engine.shop.ledger() == []
    await engine.forward(20 * MINUTE)
    assert await engine.shop.sent() == [("first", "sms")]


async def test_cancelling_ends_the_journey_and_keeps_the_reason_out_of_temporal(engine: Engine) -> None:
    await started(engine)
    await engine.forward(HOUR)
    words = "customer jane@example.com called"
    journey = await engine.shop.journey()
    assert await commands.cancel(engine.shop.parts.pool, journey.id, words, engine.shop.begins + HOUR)
    await engine.deliver()
    ended = await engine.finish()
    assert (ended.outcome, ended.reason) == ("cancelled", words)
    history = await (await engine.handle()).fetch_history()
    assert "jane" not in history.to_json()


async def test_a_cart_that_is_empty_when_the_journey_looks_ends_it(engine: Engine) -> None:
    await started(engine)
    await engine.shop.take(engine.shop.event("Product Removed", MINUTE, cart_id="c-1", product_id="p-1"))
    journey = await engine.finish()
    assert (journey.outcome, journey.reason) == ("exited", "cart was emptied")
    assert await engine.shop.ledger() == []


async def test_a_newer_cart_supersedes_an_older_one(engine: Engine) -> None:
    await started(engine)
    await engine.shop.fill("c-2", HOUR)
    await engine.deliver()
    older = await engine.finish("c-1")
    assert (older.outcome, older.reason) == ("exited", "superseded by a newer cart")
    assert (await engine.finish("c-2")).outcome == "finished"
    assert await engine.shop.sent("c-1") == []


async def test_an_order_of_another_cart_ends_the_journey_of_this_one(engine: Engine) -> None:
    await started(engine)
    await engine.forward(HOUR)
    await engine.shop.order(HOUR, "c-unknown")
    await engine.deliver()
    journey = await engine.finish()
    assert (journey.outcome, journey.reason) == ("exited", "ordered another cart")


async def test_a_superseded_journey_whose_cart_is_ordered_later_counts_as_converted(engine: Engine) -> None:
    await started(engine)
    await engine.shop.fill("c-2", HOUR)
    await engine.deliver()
    await engine.finish("c-1")
    await engine.shop.order(30 * HOUR, "c-1")
    assert (await engine.shop.journey("c-1")).outcome == "converted"


async def test_an_order_after_the_attribution_window_changes_nothing(engine: Engine) -> None:
    await started(engine)
    await engine.finish()
    await engine.shop.order(timedelta(days=30))
    assert (await engine.shop.journey()).outcome == "finished"


async def test_the_journey_ends_at_its_longest_life_however_busy_the_person_is(engine: Engine) -> None:
    await started(engine)
    for hours in range(1, 80):
        await engine.shop.take(engine.shop.event("page", hours * HOUR))
    journey = await engine.finish()
    assert (journey.outcome, journey.reason) == ("finished", "longest life of 3d reached")
    assert journey.ended_at is not None
    assert timedelta(days=3) <= journey.ended_at - journey.started_at < timedelta(days=3, hours=1)
    assert await engine.shop.ledger() == []


async def test_a_journey_cancelled_in_the_temporal_ui_is_cancelled_in_postgres_too(engine: Engine) -> None:
    await started(engine)
    await engine.forward(3 * HOUR)
    handle = await engine.handle()
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, CancelledError)
    journey = await engine.shop.journey()
    assert (journey.outcome, journey.reason) == ("cancelled", "cancelled in Temporal")


async def test_an_errors_text_does_not_get_into_the_history_and_the_journey_goes_on_after_it(engine: Engine) -> None:
    await started(engine)
    pool = engine.shop.parts.pool
    await pool.execute(
        "create function fail() returns trigger language plpgsql as $$ begin"
        " raise exception 'Key (email)=(jane@example.com)'; end $$"
    )
    await pool.execute("create trigger fail before insert on journey_log for each row execute function fail()")
    forward = asyncio.create_task(engine.forward(2 * HOUR + MINUTE))
    handle = await engine.handle()
    while "RaiseError" not in (await handle.fetch_history()).to_json():  # noqa: ASYNC110 Temporal sets no events
        await asyncio.sleep(0.05)
    await pool.execute("drop trigger fail on journey_log")
    await forward
    assert await engine.shop.sent() == [("first", "sms")]
    assert "jane" not in (await handle.fetch_history()).to_json()
