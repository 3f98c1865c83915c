"""Plans that an earlier program took: each is read for ever, for journeys run by it, and none is published anew."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from journeys import plan_check, plan_show
from journeys.out_of_bounds import DEEPEST, out_of_bounds, too_deep
from journeys.plan import Plan
from messages import judging
from tests.random_plans import once_valid, words

HEADER: dict[str, Any] = {
    "name": "p",
    "sticking_point": "It was published long ago",
    "purpose": "service",
    "longest_life": "30d",
    "key": "customer",
    "entry": {"events": ["Product Viewed"], "within": "12h"},
}
SMS = {"first": ["sms"]}
NPS = {"id": "nps", "ask": {"message": "score", "channels": SMS, "expects": "score"}}
WHY = {"message": "why", "channels": SMS, "expects": "choice", "options": ["price", "size"]}
SAY = {"id": "say", "send": {"message": "first", "channels": SMS}}
LIFE = "longest_life: a journey lives 1m at least and 366d at most"
ESCALATED = "step it: escalate_after must be shorter than within: from then on the task is over"
ANSWERED = "step it: answers: what somebody wrote is answered by one message, and by no call"
NO_COUNT = "step it: arm 2: event: nothing happens at least 1 times and at most 0"


def one(**step: Any) -> dict[str, Any]:
    return {"steps": [NPS, {"id": "it", **step}]}


def asking(**asked: Any) -> dict[str, Any]:
    return one(branch=[{"if": {"open_cart": True}, "then": [SAY]}, {"if": asked, "then": [{"id": "x", "exit": "x"}]}])


def task(escalate_after: str) -> dict[str, Any]:
    return one(task={"title": "Write", "within": "2d", "escalate_after": escalate_after})


def answering(**channels: Any) -> dict[str, Any]:
    return one(send={"message": "thanks", "channels": channels, "answers": "nps"})


CORPUS: list[tuple[dict[str, Any], str]] = [
    ({"longest_life": "0s", "steps": [SAY]}, LIFE),
    ({"longest_life": "59s", "steps": [SAY]}, LIFE),
    ({"longest_life": "400d", "steps": [SAY]}, LIFE),
    ({"longest_life": "99999d", "steps": [SAY]}, LIFE),
    (task("2d"), ESCALATED),
    (task("3d"), ESCALATED),
    (one(ask=WHY | {"options": ["price", "size", "price"]}), "step it: two options have one name"),
    (
        one(ask=WHY | {"words": {"price": ["dear", "да"]}}),
        "step it: words: 'да' for price: write a word in it: a letter or a digit",
    ),
    (answering(all=["sms", "email"]), ANSWERED),
    (answering(first=["sms", "voice"]), ANSWERED),
    (answering(until_delivered=["voice", "sms"]), ANSWERED),
    (
        asking(event={"name": "X", "at_least": 5, "at_most": 2}),
        "step it: arm 2: event: nothing happens at least 5 times and at most 2",
    ),
    (
        asking(event={"name": "X", "at_most": 0}),
        f"{NO_COUNT}; at_least is 1 unless you write at_least: 0",
    ),
    (
        asking(any=[{"open_cart": False}, {"unless": {"event": {"name": "X", "at_least": 3, "at_most": 2}}}]),
        "step it: arm 2: event: nothing happens at least 3 times and at most 2",
    ),
    (
        asking(reply={"nps": {"at_least": 9, "at_most": 6}}),
        "step it: arm 2: reply: nps: no score is at least 9 and at most 6",
    ),
    # No program took the next two; they stand beside the other ranges.
    (asking(orders={"at_least": 2, "at_most": 1}), "step it: arm 2: orders: nothing is at least 2 and at most 1"),
    (asking(rfm={"m": {"at_least": 4, "at_most": 3}}), "step it: arm 2: rfm: m: nothing is at least 4 and at most 3"),
    (
        {"audience": {"event": {"name": "X", "within": "9d", "at_least": 5, "at_most": 2}}, "steps": [SAY]},
        "audience: event: nothing happens at least 5 times and at most 2",
    ),
]


@pytest.mark.parametrize(("said", "problem"), CORPUS, ids=[problem for _, problem in CORPUS])
def test_what_was_published_before_a_rule_was_there_is_read_shown_and_not_published_again(
    said: dict[str, Any], problem: str
) -> None:
    plan = Plan.model_validate({**HEADER, **said})
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan
    assert plan_show.text(plan)
    assert plan_show.mermaid(plan)
    assert problem in [found.sentence for found in plan_check.check(plan) if found.level == "error"]
    assert problem in [found.sentence for found in judging.judge(words(), plan) if found.level == "error"]


@pytest.mark.parametrize(
    "said",
    [
        {"longest_life": "1m", "steps": [{"id": "x", "exit": "x"}]},
        {"longest_life": "366d", "steps": [SAY]},
        task("47h"),
        one(ask=WHY | {"words": {"price": ["dear", "1"]}}),
        answering(first=["sms", "whatsapp"]),
        asking(event={"name": "X", "at_least": 0, "at_most": 0}),
        asking(event={"name": "X", "at_most": 1}),
        asking(reply={"nps": {"at_least": 9, "at_most": 9}}),
        asking(orders={"at_least": 2, "at_most": 2}),
        asking(rfm={"m": {"at_least": 3, "at_most": 3}}),
    ],
)
def test_what_lies_just_within_the_bounds_is_published(said: dict[str, Any]) -> None:
    assert [
        found for found in plan_check.check(Plan.model_validate({**HEADER, **said})) if found.level == "error"
    ] == []


@given(plan=once_valid())
def test_whatever_the_check_finds_what_is_read_is_read_again(plan: Plan) -> None:
    found = plan_check.check(plan)
    assert {error.sentence for error in found if error.level == "error"} >= {*out_of_bounds(plan)}
    again = Plan.model_validate_json(plan.model_dump_json(by_alias=True))
    assert (again, plan_check.check(again)) == (plan, found)


# What stands in one another


def nested(depth: int, kind: str = "branch") -> dict[str, Any]:
    """A plan whose steps stand in one another."""
    steps: list[dict[str, Any]] = [{"id": "innermost", "wait": "1h"}]
    for number in range(depth - 1):
        if kind == "branch":
            step: dict[str, Any] = {"branch": [{"if": {"open_cart": True}, "then": steps}]}
        else:
            step = {"task": {"title": "Write", "within": "1h"}, "otherwise": steps}
        steps = [{"id": f"b-{number}", **step}]
    return {**HEADER, "steps": steps}


def of_conditions(depth: int) -> dict[str, Any]:
    asked: dict[str, Any] = {"open_cart": True}
    for _ in range(depth - 1):
        asked = {"unless": asked}
    return {**HEADER, "audience": asked, "steps": [SAY]}


TOO_DEEP = f"steps: {DEEPEST + 1} stand in one another, and {DEEPEST} may; start another plan for some"


def test_ten_may_stand_in_one_another_and_eleven_may_not() -> None:
    assert [*too_deep(Plan.model_validate(nested(DEEPEST)))] == []
    assert [*too_deep(Plan.model_validate(of_conditions(DEEPEST)))] == []
    assert [*too_deep(Plan.model_validate(nested(DEEPEST + 1)))] == [TOO_DEEP]
    assert [*too_deep(Plan.model_validate(of_conditions(DEEPEST + 1)))] == [
        f"{DEEPEST + 1} conditions stand in one another, and {DEEPEST} may"
    ]
    [in_steps] = nested(DEEPEST + 1, "task")["steps"]
    assert [*too_deep(Plan.model_validate({**HEADER, "steps": [in_steps]}))] == [TOO_DEEP]


@pytest.mark.parametrize(
    "said",
    [nested(DEEPEST), nested(DEEPEST + 1), nested(49), nested(98, "task"), of_conditions(DEEPEST), of_conditions(190)],
    ids=["branches", "more", "as many as JSON has room for", "tasks", "conditions", "more conditions"],
)
def test_what_was_published_as_deep_as_json_can_be_read_is_read(said: dict[str, Any]) -> None:
    plan = Plan.model_validate(said)
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan
    assert plan_show.text(plan)


@pytest.mark.parametrize("depth", [DEEPEST + 1, 49, 52, 100, 240, 250, 300, 1_000, 5_000])
@pytest.mark.parametrize("made", [nested, of_conditions, lambda depth: nested(depth, "task")])
def test_what_is_too_deep_is_refused_however_deep_it_is(made: Any, depth: int) -> None:
    try:
        plan = Plan.model_validate(made(depth))
    except ValueError:
        assert depth > 200  # pydantic's own limit
        return
    found = judging.judge(words(), plan)
    assert [one.level for one in found] == ["error"]
    assert "stand in one another" in found[0].sentence
    assert plan_check.check(plan) == found
