"""Each field of a condition has a sentence, in words that people use."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given

from journeys import plan_show
from journeys.condition_words import SENTENCES, sentence
from journeys.conditions import Condition
from journeys.facts import Moment, Segment
from journeys.plan import Plan
from relance import plan_files
from tests.random_plans import plans

OF_CODE = re.compile(r"[<{\[]|\b(?:True|False|None)\b")
"""What a program writes, and nobody says."""

EXAMPLES: dict[str, tuple[Any, str]] = {
    "segment": (["serial_abandoner", "loyal"], "the person is a serial abandoner or loyal"),
    "rfm": (
        {"r": {"at_most": 4}, "f": {"at_least": 4}, "m": {"at_least": 2, "at_most": 3}},
        "the person's RFM score is at most 4 for recency, at least 4 for frequency and 2 to 3 for spending",
    ),
    "cart_value": (
        {"at_least": {"EUR": 100, "BRL": "6E+2"}, "below": {"EUR": "300.50"}},
        "the cart is worth at least 100 EUR / 600 BRL and less than 300.50 EUR",
    ),
    "cart_category": (["Tents", "Tentes"], "the cart has Tents or Tentes in it"),
    "customer": ({"country": ["FR", "IT"], "language": ["fr"]}, "the country is FR or IT and the language is fr"),
    "order_value": ({"at_least": {"EUR": 80}}, "the order came to at least 80 EUR"),
    "orders": ({"at_least": 2}, "the person has completed 2 orders or more"),
    "event": (
        {"name": "Product Viewed", "at_least": 3, "same": "product_id", "within": "24h"},
        "Product Viewed of one product came 3 times or more within the last 24h",
    ),
    "label": ({"review": ["thanked", "later"]}, "the label 'review' is thanked or later"),
    "variant": ({"how-soon": ["at-once"]}, "the customer's own way at 'how-soon' is at-once"),
    "reply": ({"why": {"choice": ["price", "size"]}}, "the answer to 'why' is price or size"),
    "task": ({"help": ["open", "expired"]}, "the task 'help' is open or expired"),
    "sent": (["thanks", "reminder"], "'thanks' or 'reminder' went out"),
    "open_cart": (True, "the person has a cart with something in it"),
    "running": (["cart-recovery", "nps"], "a journey of cart-recovery or nps runs for the person"),
    "consented": (["sms", "email"], "the person agrees to marketing by sms or email"),
    "newly_consented": (["sms"], "the person agrees to marketing by sms, and did not until now"),
    "agreed": (
        {"transactional": ["sms", "whatsapp"], "marketing": ["sms"]},
        "the person has said yes to transactional sms or transactional whatsapp or marketing sms",
    ),
    "known": (
        ["order.payment_due", "order.shipped"],
        "it is known when the payment is due or when the order was shipped",
    ),
    "any": (
        [{"open_cart": True}, {"segment": ["loyal"]}],
        "(the person has a cart with something in it) or (the person is loyal)",
    ),
    "unless": ({"running": ["nps"]}, "not (a journey of nps runs for the person)"),
}


def said(**asked: Any) -> str:
    return sentence(Condition.model_validate(asked))


@pytest.mark.parametrize("field", Condition.model_fields)
def test_every_field_has_its_sentence(field: str) -> None:
    asked, told = EXAMPLES[field]
    assert said(**{field: asked}) == told


def test_no_sentence_is_about_a_field_that_is_none() -> None:
    assert list(SENTENCES) == list(Condition.model_fields)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"orders": {"at_most": 0}}, "the person has completed no orders"),
        ({"orders": {"at_most": 1}}, "the person has completed 1 order at most"),
        ({"orders": {"at_most": 2}}, "the person has completed 2 orders at most"),
        ({"orders": {"at_least": 1}}, "the person has completed 1 order or more"),
        ({"orders": {"at_least": 0}}, "the person has completed any number of orders"),
        ({"orders": {"at_least": 1, "at_most": 1}}, "the person has completed exactly 1 order"),
        ({"orders": {"at_least": 1, "at_most": 3}}, "the person has completed 1 to 3 orders"),
        ({"orders": {"at_least": 2, "at_most": 4}}, "the person has completed 2 to 4 orders"),
        ({"event": {"name": "X"}}, "X came once or more since the journey began"),
        ({"event": {"name": "X", "at_least": 0}}, "X came any number of times since the journey began"),
        ({"event": {"name": "X", "at_least": 0, "at_most": 0}}, "X never came since the journey began"),
        ({"event": {"name": "X", "at_least": 0, "at_most": 1}}, "X came once at most since the journey began"),
        ({"event": {"name": "X", "at_most": 1}}, "X came exactly once since the journey began"),
        ({"event": {"name": "X", "at_most": 3}}, "X came 1 to 3 times since the journey began"),
        ({"event": {"name": "X", "at_least": 3, "at_most": 3}}, "X came exactly 3 times since the journey began"),
        (
            {"event": {"name": "X", "same": "category", "where": {"a": ["1", "2"], "b": ["3"]}, "within": "3d"}},
            "X of one category where a is 1 or 2 and b is 3 came once or more within the last 3d",
        ),
        ({"reply": {"y": {}}}, "the answer to 'y' was understood"),
        ({"reply": {"y": {"yes": True}}}, "the answer to 'y' is yes"),
        ({"reply": {"y": {"yes": False}}}, "the answer to 'y' is no"),
        ({"reply": {"y": {"at_least": 9}}}, "the answer to 'y' is 9 or more"),
        ({"reply": {"y": {"at_most": 6}}}, "the answer to 'y' is 6 or less"),
        ({"reply": {"y": {"at_least": 7, "at_most": 8}}}, "the answer to 'y' is 7 to 8"),
        ({"reply": {"y": {"at_least": 0, "at_most": 0}}}, "the answer to 'y' is 0"),
        ({"rfm": {"m": {"at_least": 5}}}, "the person's RFM score is 5 for spending"),
        ({"rfm": {"r": {"at_least": 1}}}, "the person's RFM score is 1 to 5 for recency"),
        ({"rfm": {"r": None}}, "the person has an RFM score"),
        ({"open_cart": False}, "the person has no cart with anything in it"),
        ({"customer": {"country": []}}, "the country is nothing"),
        ({"label": {}}, "always"),
        ({"segment": None}, "always"),
    ],
)
def test_how_often_how_many_and_what_was_answered_are_said_as_people_say_it(asked: dict[str, Any], told: str) -> None:
    assert said(**asked) == told


def test_all_fields_of_a_condition_are_said_and_whatever_is_enough_stands_apart() -> None:
    either = [{"segment": ["loyal"]}, {"open_cart": True}]
    assert said(orders={"at_most": 0}, any=either) == (
        "the person has completed no orders and ((the person is loyal) or (the person has a cart with something in it))"
    )
    assert sentence(None) == "everybody"


@pytest.mark.parametrize("segment", Segment)
def test_every_segment_is_said_in_words(segment: Segment) -> None:
    assert "_" not in said(segment=[segment])


@pytest.mark.parametrize("moment", Moment)
def test_every_moment_is_said_in_words(moment: Moment) -> None:
    assert re.fullmatch(r"it is known when the [a-z ]+", said(known=[moment]))


@given(plans())
def test_no_plan_is_told_in_the_words_of_a_program(plan: Plan) -> None:
    assert not [line for line in plan_show.text(plan) if OF_CODE.search(line)]


@pytest.mark.parametrize("name", [*plan_files.names(), *plan_files.library()])
def test_no_plan_that_comes_along_is_told_in_the_words_of_a_program(name: str) -> None:
    assert not [line for line in plan_show.text(plan_files.read(name).plan) if OF_CODE.search(line)]
