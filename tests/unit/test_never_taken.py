"""Arms of branches that no journey takes, and what holds for nobody: each is named with why."""

from __future__ import annotations

from typing import Any

import pytest

from journeys.never_taken import never_taken
from tests.unit.test_plan_in_vain import COMING, NPS, SAY, TELL, WAYS, WHY, plan, task

OF_CART = {"key": "cart", "goal": "Order Completed", "attribution": "1d"}
LOYAL: dict[str, Any] = {"segment": ["loyal"]}
FRENCH: dict[str, Any] = {"customer": {"country": ["FR"]}}
STEPS: list[dict[str, Any]] = [NPS, WHY, COMING, TELL, WAYS, task("1h")]


def branch(*asked: dict[str, Any], otherwise: Any = ()) -> dict[str, Any]:
    return {"id": "who", "branch": [{"if": one, "then": []} for one in asked], "otherwise": list(otherwise)}


def found(*asked: dict[str, Any], **changes: Any) -> list[str]:
    """Give what is said of a branch with arms that ask this."""
    return list(never_taken(plan(*STEPS, branch(*asked), **changes)))


def reply(step: str, **asked: Any) -> dict[str, Any]:
    return {"reply": {step: asked}}


def worth(field: str, **bounds: int) -> dict[str, Any]:
    return {field: {bound: {"EUR": amount} for bound, amount in bounds.items()}}


WIDE_FIRST: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (LOYAL, LOYAL),
    ({"segment": ["loyal", "buyer"]}, LOYAL),
    (LOYAL, LOYAL | FRENCH),
    ({"segment": ["customer"]}, LOYAL),
    ({"segment": ["customer", "buyer"]}, {"segment": ["loyal", "lapsing"]}),
    ({"segment": ["prospect", "customer"]}, {"segment": ["comparing", "browser"]}),
    ({"unless": LOYAL}, {"unless": {"segment": ["customer"]}}),
    ({"customer": {"country": ["FR", "IT"]}}, {"customer": {"country": ["FR"], "language": ["fr"]}}),
    (worth("cart_value", below=100), worth("cart_value", at_least=5, below=50)),
    (worth("cart_value", at_least=0), worth("cart_value", below=50)),
    (worth("order_value", at_least=10), worth("order_value", at_least=20)),
    ({"cart_category": ["tents", "boats"]}, {"cart_category": ["boats"]}),
    (reply("nps", at_least=7), reply("nps", at_least=9)),
    (reply("nps", at_most=10), reply("nps", at_least=9)),
    (reply("nps"), reply("nps", at_most=6)),
    (reply("why", choice=["price", "size"]), reply("why", choice=["size"])),
    (reply("coming", yes=True), reply("coming", yes=True) | LOYAL),
    ({"rfm": {"r": {"at_least": 3}}}, {"rfm": {"r": {"at_least": 4}, "f": {"at_most": 2}}}),
    ({"rfm": {"r": {"at_least": 1}}}, {"rfm": {"m": {"at_least": 4}}}),
    ({"orders": {"at_least": 2}}, {"orders": {"at_least": 3, "at_most": 4}}),
    ({"orders": {"at_least": 0}}, LOYAL),
    ({"event": {"name": "X"}}, {"event": {"name": "X", "at_least": 3}}),
    ({"consented": ["sms", "email"]}, {"consented": ["sms"]}),
    ({"agreed": {"marketing": ["sms", "email"]}}, {"agreed": {"marketing": ["sms"]}}),
    ({"sent": ["say", "nps"]}, {"sent": ["say"]}),
    ({"running": ["nps", "win-back"]}, {"running": ["nps"]}),
    ({"known": ["order.shipped", "order.expected"]}, {"known": ["order.shipped"]}),
    ({"task": {"it": ["done", "open"]}}, {"task": {"it": ["done"]}}),
    ({"label": {"tier": ["gold", "plain"]}}, {"label": {"tier": ["gold"]}}),
    ({"variant": {"ways": ["a", "b"]}}, {"variant": {"ways": ["a"]}}),
    ({"open_cart": True}, {"open_cart": True, **LOYAL}),
    ({"any": [LOYAL, FRENCH]}, LOYAL),
    ({"segment": ["loyal", "buyer"]}, {"any": [LOYAL, {"segment": ["buyer"]}]}),
    ({"unless": LOYAL}, {"unless": {"segment": ["loyal", "buyer"]}}),
]


@pytest.mark.parametrize(("wide", "narrow"), WIDE_FIRST)
def test_an_arm_behind_a_wider_one_is_never_taken(wide: dict[str, Any], narrow: dict[str, Any]) -> None:
    of = {"key": "order"} if "known" in wide else {}
    assert found(wide, narrow, **of) == ["step who: arm 2 is never taken: whoever fits it fits arm 1"]
    if wide != narrow:
        assert found(narrow, wide, **of) == []


@pytest.mark.parametrize(
    ("asked", "otherwise"),
    [
        (worth("cart_value", below=50), {"cart_value": {"below": {"GBP": 40}}}),
        (LOYAL | FRENCH, LOYAL),
        ({"segment": ["customer"]}, {"segment": ["loyal", "comparing"]}),
        ({"segment": ["loyal", "comparing"]}, {"segment": ["customer"]}),
        ({"segment": ["buyer"]}, {"segment": ["serial_abandoner"]}),
        ({"event": {"name": "X"}}, {"event": {"name": "X", "at_least": 3, "within": "1d"}}),
        ({"event": {"name": "X"}}, {"event": {"name": "Y"}}),
        ({"any": [LOYAL, FRENCH], "open_cart": True}, LOYAL),
        ({"segment": ["loyal"], "unless": FRENCH}, LOYAL),
        ({"agreed": {"marketing": ["sms"]}}, {"agreed": {"service": ["sms"]}}),
    ],
)
def test_an_arm_that_may_be_taken_is_not_named(asked: dict[str, Any], otherwise: dict[str, Any]) -> None:
    assert found(asked, otherwise) == []


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (worth("cart_value", at_least=50, below=50), "cart_value: nothing is at_least so much and below that"),
        (worth("order_value", at_least=10, below=5), "order_value: nothing is at_least so much and below that"),
        (
            {"cart_value": {"at_least": {"EUR": 5}, "below": {"GBP": 50}}},
            "cart_value: nothing is at_least so much and below that",
        ),
        (
            LOYAL | worth("cart_value", at_least=10, below=5),
            "cart_value: nothing is at_least so much and below that",
        ),
        ({"customer": {"country": []}}, "customer: no value is named"),
        ({"label": {"tier": []}}, "label: no value is named"),
        (LOYAL | {"unless": {"segment": ["customer"]}}, "unless: it holds whenever the rest does"),
        (LOYAL | {"unless": LOYAL}, "unless: it holds whenever the rest does"),
        (LOYAL | {"unless": {"segment": ["loyal", "buyer"]}}, "unless: it holds whenever the rest does"),
        (LOYAL | {"unless": {"any": [FRENCH, LOYAL]}}, "unless: it holds whenever the rest does"),
        (
            {"any": [worth("cart_value", at_least=10, below=5), LOYAL | {"unless": LOYAL}]},
            "any: none of its conditions can hold",
        ),
    ],
)
def test_what_holds_for_nobody_is_never_taken_and_lets_nobody_in(asked: dict[str, Any], why: str) -> None:
    assert found(asked, **OF_CART) == [f"step who: arm 1 is never taken: {why}"]
    assert list(never_taken(plan(SAY, audience=asked, **OF_CART))) == [f"audience: nobody fits it: {why}"]
    beside = {"any": [FRENCH, asked]}
    assert found(beside, **OF_CART) == [f"step who: arm 1: condition 2 of its any never holds: {why}"]
    assert found(FRENCH | {"unless": asked}, **OF_CART) == [f"step who: arm 1: its unless never holds: {why}"]


TOGETHER = "step who: arm {} is never taken: every answer fits one of the arms before"


@pytest.mark.parametrize(
    "arms",
    [
        [reply("coming", yes=True), reply("coming", yes=False), reply("coming")],
        [reply("why", choice=["price"]), reply("why", choice=["size"]), reply("why")],
        [reply("why", choice=["price"]), reply("why", choice=["size"]), reply("why", choice=["price", "size"])],
        [reply("nps", at_most=6), reply("nps", at_least=9), reply("nps", at_least=7), reply("nps")],
        [reply("coming", yes=True), reply("coming", yes=False) | LOYAL, reply("coming") | LOYAL],
        [reply("nps", at_least=0), reply("nps")],
    ],
)
def test_an_arm_behind_those_that_take_every_answer_is_never_taken(arms: list[dict[str, Any]]) -> None:
    assert found(*arms) == [TOGETHER.format(len(arms))]
    assert found(*arms[1:]) == []


def test_an_arm_behind_those_for_every_segment_is_never_taken_and_no_otherwise_either() -> None:
    everybody = [{"segment": ["prospect"]}, {"segment": ["customer"]}]
    assert found(*everybody, FRENCH) == ["step who: arm 3 is never taken: everybody fits one of the arms before"]
    never = ["step who: otherwise is never taken: everybody fits one of the arms"]
    assert list(never_taken(plan(branch(*everybody, otherwise=[SAY])))) == never
    assert list(never_taken(plan(branch({"orders": {"at_least": 0}}, otherwise=[SAY])))) == never
    assert list(never_taken(plan(branch(everybody[0], otherwise=[SAY])))) == []
