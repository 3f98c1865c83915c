"""What a plan means where it says nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from journeys.facts import Moment
from journeys.plan import Plan
from journeys.play import DEFER_WITHIN, deadline, first_stage

SAID: dict[str, Any] = {
    "name": "p",
    "sticking_point": "x",
    "longest_life": "3d",
    "entry": {"events": ["X"], "within": "1h"},
    "key": "order",
    "steps": [{"id": "s", "wait": "1h"}],
}


@pytest.mark.parametrize(("purpose", "holdout"), [("marketing", 10), ("service", 0), ("transactional", 0)])
def test_one_in_ten_is_held_out_of_what_advertises_unless_the_plan_says_otherwise(purpose: str, holdout: int) -> None:
    assert Plan.model_validate({**SAID, "purpose": purpose}).holdout == holdout
    assert Plan.model_validate({**SAID, "purpose": purpose, "holdout": 0}).holdout == 0
    # A version that was published keeps what it was published with.
    told = Plan.model_validate({**SAID, "purpose": purpose, "holdout": 3})
    assert Plan.model_validate_json(told.model_dump_json(by_alias=True)).holdout == 3


def test_a_variant_is_kept_by_its_share() -> None:
    split = {"id": "s", "split": [{"variant": "a", "share": 30}, {"variant": "b", "share": 70}]}
    plan = Plan.model_validate({**SAID, "purpose": "service", "steps": [split]})
    [step] = plan.steps
    names = [step.variant_of(number).variant for number in range(10_000)]  # type: ignore[union-attr]
    assert names == ["a"] * 3_000 + ["b"] * 7_000


NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)
IN_TIME: dict[str, Any] = {"message": "m", "channels": {"first": ["sms"]}, "before": "order.payment_due"}


@pytest.mark.parametrize(
    ("said", "due", "last"),
    [
        ({"deadline": "11h"}, timedelta(hours=2), timedelta(hours=2) - timedelta.resolution),
        ({"deadline": "1h"}, timedelta(hours=2), timedelta(hours=1)),
        ({"deadline": "11h"}, -timedelta(hours=2), -timedelta(hours=2) - timedelta.resolution),
        ({}, timedelta(days=3), DEFER_WITHIN),
        ({}, None, DEFER_WITHIN),
    ],
)
def test_a_message_goes_out_before_a_moment_that_is_known_and_before_its_own_deadline(
    said: dict[str, Any], due: timedelta | None, last: timedelta
) -> None:
    plan = Plan.model_validate({**SAID, "purpose": "service", "steps": [{"id": "s", "send": IN_TIME | said}]})
    moments = {} if due is None else {Moment.PAYMENT_DUE: NOW + due}
    assert deadline(first_stage(plan, NOW), plan.sends[0], moments | {Moment.COMPLETED: NOW}) == NOW + last


@pytest.mark.parametrize("key", ["cart", "customer"])
def test_a_moment_before_which_a_message_goes_out_is_one_of_an_order(key: str) -> None:
    said = {**SAID, "purpose": "service", "key": key, "goal": "Order Completed", "attribution": "5d"}
    with pytest.raises(ValidationError, match=f"before: order.payment_due is known of an order; .* key is '{key}'"):
        Plan.model_validate({**said, "steps": [{"id": "s", "send": IN_TIME}]})


@pytest.mark.parametrize("event", ["Order Shipped", ["Order Shipped"], ["Order Shipped", "Order Delivered"]])
def test_a_plan_hears_of_each_event_for_which_it_waits_and_keeps_them_as_they_were_said(event: str | list[str]) -> None:
    waits = {"id": "s", "wait_for": {"event": event, "within": "1d"}}
    plan = Plan.model_validate({**SAID, "purpose": "service", "steps": [waits]})
    assert plan.heeds == plan.counted.keys() == ({event} if isinstance(event, str) else set(event))
    kept = plan.model_dump(mode="json", by_alias=True)
    assert kept["steps"][0]["wait_for"]["event"] == event
    assert Plan.model_validate(kept) == plan


def test_a_wait_for_no_event_at_all_is_refused() -> None:
    waits = {"id": "s", "wait_for": {"event": [], "within": "1d"}}
    with pytest.raises(ValidationError, match="at least 1 item"):
        Plan.model_validate({**SAID, "purpose": "service", "steps": [waits]})
