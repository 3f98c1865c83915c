"""What a plan is refused or advised for: what can never happen, and what hardly was meant so."""

from __future__ import annotations

from typing import Any

import pytest

from journeys import plan_check
from journeys.plan import Plan
from tests.support import cart_recovery, plan_file
from tests.workflows.gated import STEPS
from tests.workflows.test_plans import LEAVES

SMS: dict[str, Any] = {"id": "say", "send": {"message": "first", "channels": {"first": ["sms"]}}}
EXIT = {"id": "gone", "exit": "enough"}


def found(*steps: dict[str, Any], **changes: Any) -> list[tuple[str, str]]:
    """Give what is said of a plan with these steps after its first."""
    plan = cart_recovery(steps=STEPS.validate_python([LEAVES, *steps]), at_most={}, **changes)
    return [(one.level, one.sentence) for one in plan_check.check(plan)]


def send(**more: Any) -> dict[str, Any]:
    return {"id": "say", "send": SMS["send"] | more}


def test_the_plan_that_comes_along_has_nothing_wrong() -> None:
    assert plan_check.check(plan_file().plan) == []


def test_a_step_after_an_exit_is_never_reached() -> None:
    assert found(EXIT, SMS) == [("error", "step say: never reached, for gone always leaves the journey")]


def test_a_step_after_a_branch_all_of_whose_ways_leave_is_never_reached() -> None:
    ways = {"id": "who", "branch": [{"if": {"segment": ["prospect"]}, "then": [EXIT]}]}
    assert found({**ways, "otherwise": [{"id": "too", "exit": "enough"}]}, SMS) == [
        ("error", "step say: never reached, for who always leaves the journey")
    ]
    assert found({**ways, "otherwise": []}, SMS) == []


def test_an_arm_that_is_never_taken_is_an_error() -> None:
    asked = {"if": {"segment": ["prospect"]}, "then": []}
    assert found({"id": "who", "branch": [asked, asked]}) == [
        ("error", "step who: arm 2 is never taken: whoever fits it fits arm 1")
    ]


@pytest.mark.parametrize("wait", ["70h", "3d", "365d"])
def test_a_wait_that_outlasts_the_journey_is_named(wait: str) -> None:
    [(level, said)] = found({"id": "long", "wait": wait}, SMS)
    assert level == "error"
    assert said.startswith("step long: ends ")
    assert said.endswith("after the beginning at the earliest, and the longest life is 3d")


def test_only_the_shortest_way_counts() -> None:
    around = {"id": "who", "branch": [{"if": {"segment": ["prospect"]}, "then": []}]}
    assert found({**around, "otherwise": [{"id": "a-while", "wait": "60h"}]}, {"id": "more", "wait": "20h"}) == []


def test_a_negative_wait_is_no_plan() -> None:
    with pytest.raises(ValueError, match="'-2h' is negative; write how long, such as 2h"):
        STEPS.validate_python([{"id": "back", "wait": "-2h"}])


@pytest.mark.parametrize(
    ("step", "advice"),
    [
        (
            send(offer={"valid_for": "1h", "by_segment": {}}),
            "its offer gives nothing to any segment; name one in by_segment",
        ),
        (
            send(offer={"valid_for": "5d", "by_segment": {"prospect": [{"kind": "free_shipping"}]}}),
            "its offer is good until 122h after the beginning, and the journey ends after 3d",
        ),
        (
            send(deadline="4d"),
            "its deadline lies 98h after the beginning, and the journey ends after 3d",
        ),
        (
            send(channels={"until_delivered": ["app_push", "sms"], "within": "8h"}, deadline="6h"),
            "sms is tried after 8h, and the deadline is 6h: it may never be",
        ),
        (send(channels={"first": ["sms", "sms"]}), "names sms 2 times, and sends by it once"),
        (
            send(channels={"all": ["app_push", "web_push"]}),
            "of app_push and web_push only the better one is sent to a person",
        ),
    ],
)
def test_what_hardly_was_meant_so_is_advised(step: dict[str, Any], advice: str) -> None:
    assert found(step) == [("advice", f"step say: {advice}")]


def test_limits_that_forbid_what_the_plan_sends_are_named() -> None:
    second = {"id": "again", "send": SMS["send"]}
    plan = cart_recovery(steps=STEPS.validate_python([SMS, second]), at_most={"sms": 1, "email": 1})
    assert [one.sentence for one in plan_check.limits(plan)] == [
        "step again: sends by sms only, of which at_most allows 1 for one cart",
        "at_most: no step sends by email",
    ]
    nothing = plan.model_copy(update={"at_most": {"sms": 0}})
    assert [one.sentence for one in plan_check.limits(nothing)] == ["at_most: 0 by sms, so no step ever sends by it"]


def many(steps: int) -> Plan:
    waits = [{"id": f"s-{number}", "wait": "1s"} for number in range(steps)]
    return cart_recovery(steps=STEPS.validate_python(waits), at_most={})


def test_a_thousand_steps_are_fine_and_more_than_a_journey_can_carry_are_refused() -> None:
    assert plan_check.check(many(1_000)) == []
    sends = [{"id": f"s-{number}", "send": SMS["send"]} for number in range(10_000)]
    [first, *_] = plan_check.check(cart_recovery(steps=STEPS.validate_python(sends)))
    assert first.level == "error"
    assert "a journey carries 512 KB at most: make two plans of it" in first.sentence
