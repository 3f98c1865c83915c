"""What a plan waits for, asks or answers and never can: each is refused with what to change."""

from __future__ import annotations

from typing import Any

import pytest

from journeys import plan_check
from journeys.plan import Plan

SMS = {"first": ["sms"]}
SAY = {"id": "say", "send": {"message": "first", "channels": SMS}}
OUT = {"id": "out", "exit": "nobody"}
SCORE: dict[str, Any] = {"message": "score", "channels": SMS, "expects": "score"}
NPS = {"id": "nps", "ask": SCORE}
WHY = {"id": "why", "ask": SCORE | {"expects": "choice", "options": ["price", "size"]}}
COMING = {"id": "coming", "ask": SCORE | {"expects": "yes_no"}}
TELL = {"id": "tell", "ask": SCORE | {"expects": "text"}}
WAYS = {"id": "ways", "split": [{"variant": "a", "share": 50, "then": [SAY]}, {"variant": "b", "share": 50}]}
HEADER: dict[str, Any] = {
    "name": "p",
    "sticking_point": "It has to be told",
    "purpose": "transactional",
    "longest_life": "3d",
    "key": "customer",
    "entry": {"events": ["Product Viewed"], "within": "12h"},
}


def plan(*steps: dict[str, Any], **changes: Any) -> Plan:
    return Plan.model_validate({**HEADER, **changes, "steps": list(steps)})


def found(*steps: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.level, one.sentence) for one in plan_check.check(plan(*steps))]


def branch(**asked: Any) -> dict[str, Any]:
    return {"id": "if", "branch": [{"if": asked, "then": [OUT]}]}


def wait_for(within: str, *otherwise: dict[str, Any]) -> dict[str, Any]:
    return {"id": "it", "wait_for": {"event": "X", "within": within}, "otherwise": list(otherwise)}


def task(within: str, *otherwise: dict[str, Any]) -> dict[str, Any]:
    return {"id": "it", "task": {"title": "Write", "within": within}, "otherwise": list(otherwise)}


def ask(within: str) -> dict[str, Any]:
    return {"id": "it", "ask": SCORE | {"within": within}}


OVER = "step it: its time is over 3d after the beginning at the earliest, and the longest life is 3d"
LATER = {"id": "later", "wait": "1h"}


@pytest.mark.parametrize("waits", [wait_for, task])
def test_an_otherwise_that_comes_after_the_longest_life_is_refused(waits: Any) -> None:
    assert found(waits("3d", OUT)) == [("error", f"{OVER}: its otherwise never happens")]
    assert found(waits("71h", OUT)) == []
    assert found(LATER, waits("70h", OUT)) == []
    [(level, sentence)] = found(LATER, waits("71h", OUT))
    assert (level, sentence.startswith(OVER)) == ("error", True)


@pytest.mark.parametrize("waits", [wait_for, task, ask])
def test_what_follows_where_nobody_says_anything_in_time_and_the_journey_has_ended_is_advised(waits: Any) -> None:
    assert found(waits("3d"), SAY) == [
        ("advice", f"{OVER}: where nothing happens in time, nothing that follows does"),
    ]
    assert found(waits("71h"), SAY) == []
    # Nothing is to come, so nothing is missed.
    assert found(waits("3d")) == []


def test_what_is_done_otherwise_begins_when_the_time_is_over() -> None:
    assert found(wait_for("2d", {"id": "more", "wait": "25h"}, SAY)) == [
        ("error", "step more: ends 73h after the beginning at the earliest, and the longest life is 3d")
    ]
    # In time it may come at once.
    assert found(wait_for("2d", {"id": "more", "wait": "1h"}), {"id": "then", "wait": "70h"}, SAY) == []


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"reply": {"why": {"choice": ["price", "colour"]}}}, "choice: why has no 'colour'; it has price, size"),
        ({"reply": {"why": {"yes": True}}}, "reply: why expects choice, and yes is for yes_no"),
        ({"reply": {"why": {"at_most": 3}}}, "reply: why expects choice, and at_most is for score"),
        ({"reply": {"nps": {"choice": ["price"]}}}, "reply: nps expects score, and choice is for choice"),
        ({"reply": {"coming": {"at_least": 3}}}, "reply: coming expects yes_no, and at_least is for score"),
        ({"reply": {"tell": {"yes": False}}}, "reply: tell expects text, and yes is for yes_no"),
        ({"variant": {"ways": ["a", "c"]}}, "variant: ways has no 'c'; it has a, b"),
        ({"unless": {"variant": {"ways": ["c"]}}}, "variant: ways has no 'c'; it has a, b"),
        ({"any": [{"open_cart": True}, {"variant": {"ways": ["c"]}}]}, "variant: ways has no 'c'; it has a, b"),
        ({"reply": {"why": {"choice": ["size"]}, "nps": {"at_least": 9}, "coming": {"yes": True}}}, None),
        ({"reply": {"tell": {}, "why": {}}, "variant": {"ways": ["b"]}, "sent": ["say", "nps"]}, None),
    ],
)
def test_an_answer_that_no_question_has_is_refused(asked: dict[str, Any], problem: str | None) -> None:
    expected = [("error", f"step if: arm 1: {problem}")] if problem else []
    assert found(NPS, WHY, COMING, TELL, WAYS, branch(**asked)) == expected


@pytest.mark.parametrize(
    ("asked", "last"),
    [
        ({"reply": {"nps": {}}}, NPS),
        ({"variant": {"ways": ["a"]}}, WAYS),
        ({"task": {"it": ["done"]}}, task("1h")),
        ({"sent": ["say"]}, SAY),
    ],
)
def test_what_only_a_later_step_can_tell_is_refused(asked: dict[str, Any], last: dict[str, Any]) -> None:
    [field] = asked
    [name] = asked[field]
    never = [("error", f"step if: arm 1: {field}: no journey comes to {name} before")]
    assert found(branch(**asked), last) == never
    assert found(last, branch(**asked)) == []
    # One of two ways is enough; the other way is not.
    other = {"id": "who", "branch": [{"if": {"open_cart": True}, "then": [last]}], "otherwise": [LATER]}
    assert found(other, branch(**asked)) == []
    assert found({**other, "otherwise": [branch(**asked)]}) == never
    leaves = {"id": "who", "branch": [{"if": {"open_cart": True}, "then": [last, {"id": "gone", "exit": "x"}]}]}
    assert found(leaves, branch(**asked)) == never


OF_CART = {"key": "cart", "goal": "Order Completed", "attribution": "1d"}
OF_ORDER = {"key": "order"}
OF_PERSON = {"key": "customer"}


@pytest.mark.parametrize(
    ("asked", "right", "wrong"),
    [
        ({"cart_value": {"below": {"EUR": 5}}}, OF_CART, OF_ORDER),
        ({"cart_value": {"below": {"EUR": 5}}}, OF_CART, OF_PERSON),
        ({"cart_category": ["tents"]}, OF_CART, OF_PERSON),
        ({"order_value": {"below": {"EUR": 5}}}, OF_ORDER, OF_CART),
        ({"order_value": {"below": {"EUR": 5}}}, OF_ORDER, OF_PERSON),
    ],
)
def test_what_is_known_of_a_cart_or_an_order_alone_is_asked_in_vain_of_others(
    asked: dict[str, Any], right: dict[str, str], wrong: dict[str, str]
) -> None:
    [field] = asked
    never = (
        f"{field} is known where a plan's key is '{right['key']}', and this one's is '{wrong['key']}':"
        " take it out, or ask for it in a plan with that key"
    )
    inside = {"open_cart": True, "unless": asked}
    for condition in (asked, inside):
        [one] = plan_check.check(plan(branch(**condition), **wrong))
        assert (one.level, one.sentence) == ("error", f"step if: arm 1: {never}")
        [one] = plan_check.check(plan(SAY, audience=condition, **wrong))
        assert (one.level, one.sentence) == ("error", f"audience: {never}")
        assert plan_check.check(plan(branch(**condition), audience=condition, **right)) == []


@pytest.mark.parametrize("waits", [wait_for, task, ask])
def test_a_step_that_leaves_no_time_to_wait_is_refused(waits: Any) -> None:
    never = "step it: a within of 0s leaves no time to wait; write how long it is waited for"
    assert found(waits("0s"), SAY) == [("error", never)]
    assert found(waits("1s"), SAY) == []


def test_an_entry_that_is_over_at_once_is_refused() -> None:
    [one] = plan_check.check(plan(SAY, entry={"events": ["X"], "within": "0s"}))
    never = "entry: a within of 0s lets nobody in; write how old an event may be when it comes in"
    assert (one.level, one.sentence) == ("error", never)


@pytest.mark.parametrize("kind", ["send", "ask"])
def test_what_answers_a_later_question_or_itself_is_refused(kind: str) -> None:
    step = SAY if kind == "send" else TELL
    answering: dict[str, Any] = {"id": step["id"], kind: step[kind] | {"answers": "nps"}}  # type: ignore[operator]
    assert found(NPS, answering) == []
    never = f"step {step['id']}: answers: no journey comes to nps before"
    assert found(answering, NPS) == [("error", never)]


def test_a_question_that_answers_itself_is_refused() -> None:
    [(level, sentence)] = found({"id": "nps", "ask": SCORE | {"answers": "nps"}})
    assert (level, sentence) == ("error", "step nps: answers: no journey comes to nps before")


@pytest.mark.parametrize(
    "step",
    [
        {"id": "it", "send": SAY["send"] | {"deadline": "0s"}},  # type: ignore[operator]
        {"id": "it", "ask": SCORE | {"deadline": "0s", "again": "again"}},
    ],
)
def test_a_deadline_that_leaves_no_time_is_refused(step: dict[str, Any]) -> None:
    assert found(step) == [
        ("error", "step it: a deadline of 0s leaves no time to send it; write how long it is worth that")
    ]


COUNTS = "event: a within of 0s counts nothing; write how far back is counted"


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ({"id": "it", "wait": "0s"}, "a wait of 0s waits for nothing; write how long, or leave the step out"),
        (
            {"id": "it", "wait_until_idle": "0s"},
            "a wait_until_idle of 0s waits for nothing; write how long, or leave the step out",
        ),
        (
            {"id": "it", "task": {"title": "Write", "within": "1h", "escalate_after": "0s"}},
            "an escalate_after of 0s is over before anybody can have done it; write how long, or leave it out",
        ),
        (
            {"id": "it", "send": SAY["send"] | {"channels": {"until_delivered": ["sms", "email"], "within": "0s"}}},  # type: ignore[operator]
            "a within of 0s leaves no time to arrive; write how long, or send by all channels",
        ),
        (branch(event={"name": "X", "within": "0s"}) | {"id": "it"}, f"arm 1: {COUNTS}"),
        (branch(open_cart=True, unless={"event": {"name": "X", "within": "0s"}}) | {"id": "it"}, f"arm 1: {COUNTS}"),
    ],
)
def test_a_time_that_leaves_none_is_refused_wherever_it_stands(step: dict[str, Any], problem: str) -> None:
    assert found(step) == [("error", f"step it: {problem}")]


def test_an_audience_that_counts_within_no_time_is_refused() -> None:
    [one] = plan_check.check(plan(SAY, audience={"event": {"name": "X", "within": "0s"}}))
    assert (one.level, one.sentence) == ("error", f"audience: {COUNTS}")


def test_who_may_enter_again_at_once_and_what_counts_for_no_goal_afterwards_is_said_by_0s() -> None:
    assert plan_check.check(plan(SAY, re_entry="0s", attribution="0s")) == []
