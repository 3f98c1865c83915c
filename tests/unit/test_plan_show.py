"""A plan in words and as a flowchart, and what changed between two."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from journeys import plan_diff, plan_show
from journeys.plan import Plan
from journeys.steps import _KINDS as KINDS
from journeys.steps import walk
from relance import plan_files
from tests.support import cart_recovery, plan_file
from tests.workflows.gated import STEPS

NODE = re.compile(r'  (n\d+)(\(\[|\[|\{)"([^"]*)"(\]\)|\]|\})')
ARROW = re.compile(r'  (n\d+) -->(?:\|"([^"]+)"\|)? (n\d+)')
SPECIAL = re.compile(r"[\"<>`\\%{}\[\]()|*_~]|#(?!\d+;)|(?<!\d);")
"""Signs in which Mermaid would read something, unless they are written as the number of a character."""


def plan(*steps: dict[str, Any]) -> Plan:
    return cart_recovery(steps=STEPS.validate_python(list(steps)))


CONDITION = (
    "  if ((the cart is worth less than 100 EUR / 90 GBP / 100 CHF / 110 USD / 600 BRL)"
    " or (the cart has Fashion or Mode or Moda in it))"
    " and not (the cart has Travel or Voyages or Viaggi or Viagens in it):"
)


def test_a_plan_is_told_step_by_step_with_its_ways() -> None:
    told = plan_show.text(plan_file().plan)
    assert told[told.index("") + 1 :] == [
        "leaves: wait until the person has been idle for 2h",
        "how-soon: take the first way that fits",
        CONDITION,
        "    soon: go the customer's own way",
        "      after-2h, 100 %: go on",
        "      after-4h, 0 %:",
        "        a-little-later: wait until the person has been idle for 4h",
        "  otherwise:",
        "    with-thought: go the customer's own way",
        "      after-12h, 100 %:",
        "        thinks-longer: wait until the person has been idle for 12h",
        "      after-6h, 0 %:",
        "        thinks-less: wait until the person has been idle for 6h",
        "first: send 'first' by app push, else web push, else on site, else sms, else email",
        "a-day-later: wait 24h",
        "second: send 'second' by on site, else email, else sms, with an offer to prospect and customer, good for 24h",
        "offer-lives: wait 24h",
    ]


def test_conditions_and_channels_are_told_in_words() -> None:
    asked = {"segment": ["serial_abandoner"], "customer": {"country": ["FR", "IT"]}, "cart_category": ["tents"]}
    one = plan(
        {"id": "who", "branch": [{"if": asked, "then": [{"id": "gone", "exit": "enough"}]}]},
        {"id": "all", "send": {"message": "first", "channels": {"all": ["sms", "email"]}, "deadline": "6h"}},
        {"id": "push", "send": {"message": "first", "channels": {"until_delivered": ["app_push", "sms"]}}},
    )
    told = "\n".join(plan_show.text(one))
    assert "if the person is a serial abandoner and the cart has tents in it and the country is FR or IT:" in told
    assert "gone: leave: enough" in told
    assert "all: send 'first' by sms and email, within 6h" in told
    assert "push: send 'first' by app push, then sms until one has arrived within 1h" in told


SMS = {"first": ["sms"]}
ASKED = {"message": "why", "channels": SMS, "expects": "text", "within": "2d"}
TASK = {"title": "Ring them", "within": "2d"}
STEPS_AND_WORDS: list[tuple[str, Any, str]] = [
    ("wait", "24h", "wait 24h"),
    ("wait_until_idle", "2h", "wait until the person has been idle for 2h"),
    ("wait_until", {"time": "18:30"}, "wait until 18:30 where the person lives"),
    (
        "wait_until",
        {"time": "09:00", "on": ["mon", "fri"]},
        "wait until 09:00 where the person lives on mon or fri",
    ),
    ("wait_until", {"moment": "order.expected"}, "wait until the order is expected"),
    ("wait_until", {"moment": "order.payment_due", "before": "12h"}, "wait until 12h before the payment is due"),
    ("wait_until", {"moment": "order.shipped", "after": "3d"}, "wait until 3d after the order was shipped"),
    (
        "wait_until",
        {"moment": "order.delivered", "before": "1h", "after": "3h"},
        "wait until 2h after the order was delivered",
    ),
    ("wait_for", {"event": "Cart Viewed", "within": "3d"}, "wait for Cart Viewed, at most 3d"),
    ("branch", [{"if": {"open_cart": True}}], "take the first way that fits"),
    ("split", [{"variant": "a", "share": 0}, {"variant": "b", "share": 100}], "go the customer's own way"),
    ("send", {"message": "first", "channels": SMS, "answers": "why"}, "send 'first' by sms, in answer to 'why'"),
    ("ask", ASKED, "ask 'why' by sms, and wait 2d for any answer"),
    ("ask", {**ASKED, "expects": "score"}, "ask 'why' by sms, and wait 2d for a score from 0 to 10"),
    ("ask", {**ASKED, "expects": "yes_no"}, "ask 'why' by sms, and wait 2d for a yes or a no"),
    (
        "ask",
        {**ASKED, "expects": "choice", "options": ["price", "size"], "words": {"price": ["dear"]}, "again": "once"},
        "ask 'why' by sms, and wait 2d for a choice of price or size; what is not understood is asked again by 'once'",
    ),
    (
        "ask",
        {**ASKED, "answers": "before", "deadline": "6h"},
        "ask 'why' by sms, in answer to 'before', within 6h, and wait 2d for any answer",
    ),
    ("task", TASK, "have a person do 'Ring them', at most 2d"),
    (
        "task",
        {**TASK, "escalate_after": "4h", "draft": "letter"},
        "have a person do 'Ring them', from the draft 'letter', at most 2d; others are told after 4h",
    ),
    ("start", "nps", "start nps"),
    ("set", {"tier": "gold", "seen": ""}, "set the label 'tier' to gold, set the label 'seen' to nothing"),
    ("exit", "enough", "leave: enough"),
]


@pytest.mark.parametrize(("kind", "said", "told"), STEPS_AND_WORDS)
def test_every_kind_of_step_is_told_in_words(kind: str, said: Any, told: str) -> None:
    [step] = STEPS.validate_python([{"id": "s", kind: said}])
    assert plan_show.words(step) == told


def test_no_kind_of_step_is_left_without_words() -> None:
    assert {kind for kind, _, _ in STEPS_AND_WORDS} == set(KINDS)


@pytest.mark.parametrize(
    ("goal", "exits", "told"),
    [
        ("Order Completed", ["Order Cancelled"], "ends with: Order Completed, Order Cancelled; after 3d at the latest"),
        ("Order Completed", [], "ends with: Order Completed; after 3d at the latest"),
        (None, ["cart_emptied"], "ends with: cart emptied; after 3d at the latest"),
        (None, [], "ends: after 3d at the latest"),
    ],
)
def test_a_plan_tells_what_ends_it_and_when_at_the_latest(goal: str | None, exits: list[str], told: str) -> None:
    assert plan_show.text(cart_recovery(goal=goal, exits_on=exits))[3] == told


def test_what_is_waited_for_and_before_what_a_message_goes_out_are_told() -> None:
    told = "\n".join(plan_show.text(plan_files.read("order-updates").plan))
    assert "ships: wait for Order Shipped or Order Delivered, at most 30d" in told
    told = "\n".join(plan_show.text(plan_files.read("payment-pending").plan))
    assert "reminder: send 'reminder' by sms, else email, within 11h, before the payment is due" in told


def test_a_kind_of_step_that_has_no_words_yet_is_told_by_its_fields() -> None:
    class Dance(BaseModel):
        id: str
        dance: str

    assert plan_show.words(Dance(id="x", dance="tango")) == "dance: tango"


texts = st.text(min_size=1, max_size=30)
trees = st.recursive(
    st.one_of(st.just({"wait": "1h"}), st.builds(lambda why: {"exit": why}, texts)),
    lambda inner: st.builds(
        lambda asked, then, otherwise: {
            "branch": [{"if": {"cart_category": [asked]}, "then": then}],
            "otherwise": otherwise,
        },
        texts,
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3),
    ),
    max_leaves=10,
)


def numbered(value: Any, count: list[int]) -> Any:
    """Give each step an id."""
    if isinstance(value, list):
        return [numbered(one, count) for one in value]
    if isinstance(value, dict) and value.keys() & {"wait", "exit", "branch"}:
        count.append(0)
        return {"id": f"end{len(count)}", **{name: numbered(inner, count) for name, inner in value.items()}}
    return {name: numbered(inner, count) for name, inner in value.items()} if isinstance(value, dict) else value


@given(st.lists(trees, min_size=1, max_size=4))
def test_a_flowchart_is_one_of_nodes_and_arrows_whatever_the_plan_says(steps: list[dict[str, Any]]) -> None:
    """Flowcharts of this form were given to Mermaid's own parser, which needs a browser's DOM and takes a minute."""
    drawn = plan(*numbered(steps, []))
    first, *lines = plan_show.mermaid(drawn).splitlines()
    assert first == "flowchart TD"
    nodes = {match[1]: match[3] for line in lines if (match := NODE.fullmatch(line))}
    arrows = [match for line in lines if (match := ARROW.fullmatch(line))]
    assert len(nodes) + len(arrows) == len(lines)
    assert len(nodes) == len(list(walk(drawn.steps))) + 2
    assert {end for match in arrows for end in (match[1], match[3])} <= set(nodes)
    labels = [*nodes.values(), *(match[2] for match in arrows if match[2])]
    assert not [label for label in labels if SPECIAL.search(label)]


def test_every_way_of_a_branch_is_an_arrow_with_its_condition() -> None:
    drawn = plan_show.mermaid(plan_file().plan)
    assert '  n2 -->|"otherwise"| n5\n' in drawn
    assert '  n2 -->|"if #40;#40;the cart is worth less than 100 EUR' in drawn


BEFORE: list[dict[str, Any]] = [
    {"id": "leaves", "wait_until_idle": "2h"},
    {"id": "first", "send": {"message": "first", "channels": {"first": ["sms"]}}},
    {"id": "later", "wait": "24h"},
    {"id": "gone", "exit": "enough"},
]


def changes(after: list[dict[str, Any]], words: dict[str, Any] | None = None, **header: Any) -> list[str]:
    old = plan(*BEFORE)
    new = plan(*after).model_copy(update=header)
    said = {"en": {"first": {"sms": {"text": "Hello"}}}}
    return [plan_diff.sentence(one) for one in plan_diff.changes(old, new, said, words or said)]


def test_what_is_the_same_has_no_changes() -> None:
    assert changes(BEFORE) == []


def test_changes_of_header_steps_and_messages_are_told_by_field() -> None:
    leaves, first, later, gone = BEFORE
    longer = {**later, "wait": "48h"}
    assert changes([leaves, first, longer, gone], priority=2) == [
        "header: priority: 3 → 2",
        "step later: wait: 24h → 2d",
    ]
    assert changes([leaves, first, {"id": "new", "wait": "1h"}, later]) == ["step new: added", "step gone: removed"]
    assert changes([leaves, later, first, gone]) in (
        ["step first: moved after later"],
        ["step later: moved after leaves"],
    )
    spoken = {"en": {"first": {"sms": {"text": "Bye"}}}, "fr": {"first": {}}}
    assert changes(BEFORE, spoken) == ["message first in en: sms.text: Hello → Bye", "message first in fr: added"]


def test_a_step_that_went_onto_a_way_of_a_branch_has_moved_and_the_branch_is_new() -> None:
    leaves, first, later, gone = BEFORE
    around = {"id": "who", "branch": [{"if": {"segment": ["prospect"]}, "then": [first]}], "otherwise": []}
    assert changes([leaves, around, later, gone]) == [
        "step who: added",
        "step first: moved to the beginning, on way 1 of who",
    ]
