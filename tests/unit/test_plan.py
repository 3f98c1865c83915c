"""What a plan means where it says nothing."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from journeys.plan import DEEPEST, Plan

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


def nested(depth: int) -> dict[str, Any]:
    """A plan whose branches stand in one another."""
    steps: list[dict[str, Any]] = [{"id": "innermost", "wait": "1h"}]
    for number in range(depth - 1):
        steps = [{"id": f"b-{number}", "branch": [{"if": {"open_cart": True}, "then": steps}]}]
    return {**SAID, "purpose": "service", "steps": steps}


def of_conditions(depth: int) -> dict[str, Any]:
    asked: dict[str, Any] = {"open_cart": True}
    for _ in range(depth - 1):
        asked = {"unless": asked}
    return asked


def test_what_stands_in_one_another_ten_deep_can_be_kept_and_read_again() -> None:
    said = nested(DEEPEST)
    innermost = said["steps"]
    for _ in range(DEEPEST - 2):
        innermost = innermost[0]["branch"][0]["then"]
    innermost[0]["branch"][0]["if"] = of_conditions(DEEPEST)
    plan = Plan.model_validate(said)
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan


@pytest.mark.parametrize("depth", [DEEPEST + 1, 52, 100, 240, 5_000])
def test_what_is_deeper_is_refused(depth: int) -> None:
    with pytest.raises(ValidationError):
        Plan.model_validate(nested(depth))
    with pytest.raises(ValidationError):
        Plan.model_validate({**SAID, "purpose": "service", "audience": of_conditions(depth)})


def test_how_deep_it_is_and_may_be_is_said() -> None:
    with pytest.raises(ValidationError, match="steps: 11 stand in one another, and 10 may"):
        Plan.model_validate(nested(11))


def test_a_variant_is_kept_by_its_share() -> None:
    split = {"id": "s", "split": [{"variant": "a", "share": 30}, {"variant": "b", "share": 70}]}
    plan = Plan.model_validate({**SAID, "purpose": "service", "steps": [split]})
    [step] = plan.steps
    names = [step.variant_of(number).variant for number in range(10_000)]  # type: ignore[union-attr]
    assert names == ["a"] * 3_000 + ["b"] * 7_000
