"""Plans that ask for what there is not: they say what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from journeys.plan import Plan
from tests.workflows.keyed import OF_ORDERS, OF_PEOPLE, SMS

NOTHING: dict[str, Any] = {"valid_for": "1h", "by_segment": {}}


@pytest.mark.parametrize(
    ("header", "step", "problem"),
    [
        (OF_ORDERS, {"split": [{"variant": "a", "share": 40}, {"variant": "b", "share": 50}]}, "add up to 90"),
        (OF_PEOPLE, {"wait_until": {"moment": "order.shipped"}}, "order.shipped is known of an order"),
        (OF_ORDERS, {"wait_until": {"time": 1080}}, "in quotes"),
        (OF_ORDERS, {"start": "p"}, "cannot start itself"),
        (OF_ORDERS, {"send": {"message": "m", "channels": SMS, "offer": NOTHING}}, "an offer is bound to a cart"),
        (OF_ORDERS, {"branch": [{"if": {"reply": {"nps": {}}}}]}, "no step 'nps' asks something"),
        (
            OF_ORDERS,
            {"ask": {"message": "m", "channels": {"first": ["email"]}, "expects": "text"}},
            "nobody can answer",
        ),
        (OF_ORDERS, {"ask": {"message": "m", "channels": SMS, "expects": "choice"}}, "give options"),
        ({**OF_ORDERS, "exits_on": ["cart_emptied"]}, {"wait": "1h"}, "ends journeys about carts alone"),
        ({**OF_ORDERS, "key": "cart"}, {"wait": "1h"}, "goal: is missing"),
        ({**OF_PEOPLE, "audience": {"event": {"name": "X"}}}, {"wait": "1h"}, "within which time"),
        ({**OF_PEOPLE, "audience": {"sent": ["s"]}}, {"wait": "1h"}, "no step was done yet"),
        (
            OF_PEOPLE,
            {"branch": [{"if": {"unless": {"newly_consented": ["sms"]}}, "then": []}]},
            "asks what changed when the person entered: ask it in audience",
        ),
    ],
)
def test_a_plan_that_asks_for_what_there_is_not_says_so(header: dict[str, Any], step: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Plan.model_validate({**header, "steps": [{"id": "s", **step}]})
