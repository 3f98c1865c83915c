"""The story says in words which way a journey took, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from journeys.choices import choices
from journeys.facts import Answered, Facts, Medium, Purpose
from journeys.play import first_stage
from journeys.rfm import Rfm
from tests.support import cart_recovery
from tests.workflows.gated import STEPS

NOW = datetime(2027, 1, 1, tzinfo=UTC)
SEEN = Facts(
    shop_time=NOW,
    last_activity=NOW,
    rfm=Rfm(r=3, f=5, m=4),
    orders=1,
    agreed={Purpose.TRANSACTIONAL: (Medium.SMS,)},
    replies={"why": Answered(choice="account")},
    variants={"ways": "b"},
)


def told(*steps: dict[str, Any]) -> list[str]:
    plan = cart_recovery(steps=STEPS.validate_python(list(steps)))
    return choices(plan, first_stage(plan, NOW), SEEN, NOW)


def parted(asked: dict[str, Any]) -> dict[str, Any]:
    return {"id": "which", "branch": [{"if": asked}]}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"reply": {"why": {"choice": ["account"]}}}, "the answer to 'why' is account"),
        (
            {"rfm": {"r": {"at_most": 4}, "f": {"at_least": 4}}},
            "the person's RFM score is at most 4 for recency and at least 4 for frequency",
        ),
        ({"orders": {"at_most": 1}}, "the person has completed 1 order at most"),
        (
            {"agreed": {"transactional": ["sms"], "marketing": ["sms"]}},
            "the person has said yes to transactional sms or marketing sms",
        ),
        ({"open_cart": False}, "the person has no cart with anything in it"),
        ({"open_cart": True}, "otherwise"),
    ],
)
def test_a_way_is_told_by_the_sentence_of_its_condition(asked: dict[str, Any], why: str) -> None:
    assert told(parted(asked)) == [f"which: {why}"]


def test_ways_are_told_as_far_as_the_journey_comes() -> None:
    ways = [{"variant": "a", "share": 0}, {"variant": "b", "share": 100}]
    more = parted({"orders": {"at_most": 0}})
    assert told({"id": "ways", "split": ways}, more, {"id": "w", "wait": "1h"}, {**more, "id": "later"}) == [
        "ways: variant b",
        "which: otherwise",
    ]


def test_a_split_of_which_nobody_has_drawn_a_variant_is_told_as_none() -> None:
    ways = [{"variant": "a", "share": 50}, {"variant": "b", "share": 50}]
    assert told({"id": "new", "split": ways}) == ["new: no variant"]
