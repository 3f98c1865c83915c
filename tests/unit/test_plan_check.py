"""What a plan is refused or advised for: what can never happen, and what hardly was meant so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import plan_check
from journeys.conditions import Condition
from journeys.covering import covers
from journeys.facts import Facts, Segment
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


def branch(*conditions: dict[str, Any], otherwise: Any = ()) -> dict[str, Any]:
    arms = [{"if": condition, "then": []} for condition in conditions]
    return {"id": "who", "branch": arms, "otherwise": list(otherwise)}


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


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        ([{"segment": ["prospect"]}, {"segment": ["prospect"]}], "arm 2 is never taken: whoever fits it fits arm 1"),
        (
            [{"cart_value": {"below": {"EUR": 100}}}, {"cart_value": {"at_least": {"EUR": 5}, "below": {"EUR": 50}}}],
            "arm 2 is never taken: whoever fits it fits arm 1",
        ),
        (
            [{"customer": {"country": ["FR", "IT"]}}, {"customer": {"country": ["FR"], "language": ["fr"]}}],
            "arm 2 is never taken: whoever fits it fits arm 1",
        ),
        (
            [{"segment": ["prospect"]}, {"segment": ["customer"]}, {"cart_category": ["tents"]}],
            "arm 3 is never taken: everybody fits one of the arms before",
        ),
        (
            [{"cart_value": {"at_least": {"EUR": 50}, "below": {"EUR": 50}}}],
            "arm 1 is never taken: no cart is worth at_least so much and below that",
        ),
        ([{"segment": ["prospect"]}, {"segment": ["prospect", "customer"]}], None),
        ([{"cart_value": {"below": {"EUR": 50}}}, {"cart_value": {"below": {"EUR": 100}}}], None),
        ([{"cart_value": {"below": {"EUR": 50}}}, {"cart_value": {"below": {"GBP": 40}}}], None),
    ],
)
def test_an_arm_that_is_never_taken_is_named(conditions: list[dict[str, Any]], why: str | None) -> None:
    assert found(branch(*conditions)) == ([("error", f"step who: {why}")] if why else [])


def test_an_otherwise_that_is_never_taken_is_named() -> None:
    arms = branch({"segment": ["prospect"]}, {"segment": ["customer"]}, otherwise=[SMS])
    assert found(arms) == [("error", "step who: otherwise is never taken: everybody fits one of the arms")]


amounts = st.dictionaries(st.sampled_from(["EUR", "GBP"]), st.integers(0, 4), min_size=1)
ranges = st.fixed_dictionaries({}, optional={"at_least": amounts, "below": amounts}).filter(bool)
conditions = (
    st.fixed_dictionaries(
        {},
        optional={
            "segment": st.lists(st.sampled_from(list(Segment)), min_size=1),
            "cart_value": ranges,
            "cart_category": st.lists(st.sampled_from("abc"), min_size=1),
            "customer": st.dictionaries(
                st.sampled_from(["country", "language"]), st.lists(st.sampled_from("xy"), min_size=1), min_size=1
            ),
        },
    )
    .filter(bool)
    .map(Condition.model_validate)
)
people = st.builds(
    Facts,
    shop_time=st.just("2026-03-10T00:00:00Z"),
    last_activity=st.just("2026-03-10T00:00:00Z"),
    cart_value=st.integers(0, 5),
    currency=st.sampled_from(["EUR", "GBP", None]),
    cart_categories=st.lists(st.sampled_from("abc")).map(tuple),
    segments=st.lists(st.sampled_from(list(Segment))).map(tuple),
    customer=st.dictionaries(st.sampled_from(["country", "language"]), st.sampled_from("xy")),
)


@given(wide=conditions, narrow=conditions, person=people)
def test_a_condition_that_covers_another_holds_whenever_that_does(
    wide: Condition, narrow: Condition, person: Facts
) -> None:
    if covers(wide, narrow) and narrow.holds(person):
        assert wide.holds(person)


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
    with pytest.raises(ValueError, match="write a number and a unit"):
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
