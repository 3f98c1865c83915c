"""What a plan means where it says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from journeys.plan import Plan

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
