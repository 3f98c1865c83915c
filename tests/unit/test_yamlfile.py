"""What a marketer reads when a plan's file is wrong: file, line, field, and a sentence."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from journeys import conditions, plan, yamlfile
from journeys.conditions import Condition
from journeys.problems import FORMS
from messages.catalog import LanguageFile

ONE_OF = "'sms', 'mms', 'rcs', 'whatsapp', 'email', 'web_push', 'app_push', 'voice' or 'on_site'"
GOOD = (Path(__file__).parent / "samples" / "plan.yaml").read_text()
VALUE = "cart_value: {below: {EUR: 100, GBP: 90, CHF: 100, USD: 110, BRL: 600}}"

WAIT = "  - id: a-day-later\n    wait: 24h\n"
CART_GONE = "9: exits_on: 'cart_gone' ends no journey about a cart; write cart_emptied or ordered_elsewhere"
SEGMENTS = "'prospect', 'customer', 'serial_abandoner', 'buyer', 'browser', 'comparing', 'loyal' or 'lapsing'"
WAYS = ": give its fields: first, or give its fields: all, or give its fields: until_delivered"
KINDS = (
    "a step has an id and one of: wait, wait_until_idle, wait_until, wait_for, branch, split, send, ask, task, start, "
    "set, exit"
)
TWICE = "33: steps[3].branch[0].then[0].id: 'x' is the id in line 33 already"
CURRENCY = "24: steps[1].branch[0].if.cart_value.below.brl: write a currency in three capital letters, such as EUR"
FORM = "write up to 40 small letters, digits and hyphens, a letter first"


class Conditions(BaseModel):
    """A file with several conditions in it."""

    a: conditions.Condition
    b: conditions.Condition
    c: conditions.Condition


def broken(right: str, wrong: str) -> str:
    assert right in GOOD
    return GOOD.replace(right, wrong, 1)


def problems(text: str, model: Any = plan.Plan) -> list[str]:
    """Read a text that is wrong; give the lines of the error, each without the file's name."""
    with pytest.raises(yamlfile.FileError) as error:
        yamlfile.parse(model, text, "plans/p.yaml")
    lines = str(error.value).splitlines()
    assert len(lines) == len(error.value.problems)
    assert all(line.startswith("plans/p.yaml:") for line in lines)
    return [line.removeprefix("plans/p.yaml:") for line in lines]


def test_the_plan_that_is_broken_here_is_right_as_it_is() -> None:
    assert yamlfile.parse(plan.Plan, GOOD, "plans/p.yaml").name == "cart-recovery"


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        # Names of fields
        ("holdout: 10", "holdot: 10", "14: holdot: is not a field here; did you mean 'holdout'?"),
        ("holdout: 10", "weather: fine", "14: weather: is not a field here"),
        ("holdout: 10", "wait: 3h", "14: wait: is not a field here"),
        (
            "cart_value: {",
            "cart_valeu: {",
            "24: steps[1].branch[0].if.cart_valeu: is not a field here; did you mean 'cart_value'?",
        ),
        # A branch knows no `within`, though an entry does: what is proposed fits the place
        (VALUE + "}", VALUE + "}\n        when: x", "25: steps[1].branch[0].when: is not a field here"),
        ("    wait: 24h", "    wait: 24h\n    exit: gone", "35: steps[3].exit: is not a field here, beside id, wait"),
        (
            "    wait: 24h",
            "    exit: gone\n    send: {message: a, channels: {all: [sms]}}",
            "34: steps[3].exit: is not a field here, beside id, send",
        ),
        (
            "kind: free_shipping",
            "kind: free_shipping\n              amount: {EUR: 5}",
            "47: steps[4].send.offer.by_segment.prospect[1].amount: is not a field here, beside kind",
        ),
        ("holdout: 10", "holdout: 10\nholdout: 20", "15: holdout: stands here a second time"),
        ("{sms: 1}", "{sms: 1, sms: 2}", "17: at_most.sms: stands here a second time"),
        # What is missing or empty
        ("goal: Order Completed\n", "", "2: goal: is missing"),
        ("  - id: a-day-later\n    wait", "  - wait", "33: steps[3].id: is missing"),
        ("      message: first\n", "", "30: steps[2].send.message: is missing"),
        (WAIT, "  - id: a-day-later\n", f"33: steps[3]: {KINDS}"),
        ("    wait: 24h", "    wiat: 24h", f"33: steps[3]: {KINDS}"),
        (WAIT, "  - wait 24h\n", f"33: steps[3]: {KINDS}"),
        (WAIT, "  - [wait, 24h]\n", f"33: steps[3]: {KINDS}"),
        (WAIT, "  -\n", "33: steps[3]: is empty"),
        ("goal: Order Completed", "goal:", "8: goal: is empty"),
        ("wait: 24h", 'wait: ""', "34: steps[3].wait: is empty"),
        (VALUE, "segment: []", "24: steps[1].branch[0].if.segment: is empty"),
        (
            VALUE,
            "",
            "24: steps[1].branch[0].if: give at least one of " + ", ".join(Condition.model_fields),
        ),
        # Values
        ("wait: 24h", "wait: tomorrow", "34: steps[3].wait: write a number and a unit: 30m, 2h or 3d"),
        ("wait: 24h", "wait: 24", "34: steps[3].wait: write a number and a unit: 30m, 2h or 3d"),
        ("holdout: 10", "holdout: -1", "14: holdout: input should be at least 0"),
        ("holdout: 10", "holdout: 101", "14: holdout: input should be at most 100"),
        ("holdout: 10", "holdout: 10%", "14: holdout: input should be a whole number"),
        ("holdout: 10", "holdout: 2.5", "14: holdout: input should be a whole number"),
        ("holdout: 10", "holdout: " + "9" * 5000, "14: holdout: input should be a number of few digits"),
        ("key: cart", "key: basket", "7: key: input should be 'cart', 'order' or 'customer'"),
        (
            "purpose: marketing",
            "purpose: fun",
            "12: purpose: input should be 'transactional', 'service' or 'marketing'",
        ),
        ("cart_emptied]", "cart_gone]", CART_GONE),
        ("name: cart-recovery", "name: Cart Recovery", f"2: name: {FORM}"),
        ("id: a-day-later", "id: a day later", f"33: steps[3].id: {FORM}"),
        ("id: a-day-later", "id: first", "33: steps[3].id: 'first' is the id in line 29 already"),
        (WAIT, "  - {id: second, wait: 1h}\n", "34: steps[4].id: 'second' is the id in line 33 already"),
        (WAIT, "  - {id: x, branch: [{if: {segment: [customer]}, then: [{id: x, exit: gone}]}]}\n", TWICE),
        ("id: thinks-longer", "id: leaves", "27: steps[1].otherwise[0].id: 'leaves' is the id in line 20 already"),
        (
            "[Product Added, Cart Viewed, Cart Updated, Checkout Started]",
            "Cart Viewed",
            "5: entry.events: input should be a list, such as [a, b]",
        ),
        ("point: Something", "point: " + "x" * 200, "3: sticking_point: has more than 200 characters"),
        ("sticking_point: Something lies", "sticking_point: [a]\n#", "3: sticking_point: input should be text"),
        ("{sms: 1}", "{smss: 1}", f"17: at_most.smss: input should be {ONE_OF}"),
        ("{sms: 1}", "{sms: -1}", "17: at_most.sms: input should be at least 0"),
        ("{sms: 1}", "sms", "17: at_most: give names, each with a ':' and a value"),
        (
            VALUE,
            "customer: {city: [Paris]}",
            (
                "24: steps[1].branch[0].if.customer: 'city' is not one of the customer fields a branch may ask: "
                "country, language, timezone"
            ),
        ),
        (
            VALUE,
            "customer: {country: FR}",
            "24: steps[1].branch[0].if.customer.country: input should be a list, such as [a, b]",
        ),
        (VALUE, "cart_value: {}", "24: steps[1].branch[0].if.cart_value: give at_least, below, or both"),
        (VALUE, "cart_value: 100", "24: steps[1].branch[0].if.cart_value: give its fields: at_least, below"),
        ("BRL: 600", "BRL: much", "24: steps[1].branch[0].if.cart_value.below.BRL: input should be a number"),
        ("BRL: 600", "BRL: -600", "24: steps[1].branch[0].if.cart_value.below.BRL: input should be at least 0"),
        (
            "BRL: 600",
            "brl: 600",
            CURRENCY,
        ),
        # A field that is wrong in two ways is told of one
        ("BRL: 600", "brl:", CURRENCY),
        (
            "prospect:",
            "stranger:",
            f"42: steps[4].send.offer.by_segment.stranger: input should be {SEGMENTS}",
        ),
        (
            "kind: free_shipping",
            "kind: gift",
            (
                "46: steps[4].send.offer.by_segment.prospect[1]: 'kind' should be one of "
                "'item_amount', 'free_shipping', 'next_order_credit'; 'gift' is none of them"
            ),
        ),
        (
            "- kind: free_shipping",
            "- free_shipping",
            "46: steps[4].send.offer.by_segment.prospect[1]: give names, each with a ':' and a value",
        ),
        (
            "- kind: free_shipping",
            "- amount: {EUR: 5}",
            "46: steps[4].send.offer.by_segment.prospect[1]: 'kind' is missing",
        ),
    ],
)
def test_one_mistake_is_told_once_with_its_line_its_field_and_a_sentence(right: str, wrong: str, told: str) -> None:
    assert problems(broken(right, wrong)) == [told]


@pytest.mark.parametrize(
    ("channels", "told"),
    [
        ("{first: [sms, fax]}", f".first[1]: input should be {ONE_OF}"),
        ("{all: [fax]}", f".all[0]: input should be {ONE_OF}"),
        ("{first: []}", ".first: is empty"),
        ("{first: [sms], all: [email]}", ".all: is not a field here, beside first"),
        ("{}", ".first: is missing"),
        ("[sms, email]", WAYS),
        ("sms", WAYS),
        ("", ": is empty"),
    ],
)
def test_of_two_forms_only_the_one_that_was_meant_is_spoken_of(channels: str, told: str) -> None:
    assert problems(broken("{first: [sms, email]}", channels)) == [f"32: steps[2].send.channels{told}"]


def test_a_value_that_is_like_none_of_the_allowed_forms_is_told_all_of_them() -> None:
    told = "11: re_entry: input should be 'never', or write a number and a unit: 30m, 2h or 3d"
    assert problems(broken("re_entry: never", "re_entry: sometimes")) == [told]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (broken("cart_emptied]", "cart_emptied"), "9: not YAML: the bracket that opens here is not closed"),
        (broken("{sms: 1}", "{sms: 1"), "17: not YAML: the bracket that opens here is not closed"),
        (broken("point: Some", 'point: "Some'), "3: not YAML: the quote that opens here is not closed"),
        (broken("  within: 12h", "\twithin: 12h"), "6: not YAML: a tab stands here; indent with spaces"),
        (broken("holdout: 10", "holdout 10"), "14: not YAML: a field needs a ':' and a value"),
        (
            broken("point: Some", "point: Note: some"),
            "3: not YAML: a second ':' stands here; indent the line as its neighbours, or put the text in quotes",
        ),
        (broken("  within", "   within"), "6: not YAML: the indentation does not fit the lines above"),
        (broken("re_entry: never", "re_entry: ]"), "11: not YAML: a value is missing here"),
        *(
            (
                broken("point: Some", f"point: {sign}"),
                "3: not YAML: a sign that YAML reads stands here; put the text in quotes",
            )
            for sign in ("*some", "**some", "& ", "@some", "%some", "`some", "!some", "> some", "| some")
        ),
        (GOOD + "---\na: b\n", "53: not YAML: a second document begins here; a file holds one"),
        (
            broken("point: Some", "point: \x07Some"),
            "3: not YAML: unacceptable character #x0007: special characters are not allowed",
        ),
        ("", "1: the file is empty"),
        ("# later\n", "1: the file is empty"),
    ],
)
def test_what_is_not_yaml_is_told_where_it_went_wrong(text: str, told: str) -> None:
    assert problems(text) == [told]


@pytest.mark.parametrize("text", ["- name: a\n- key: cart\n", "a plan\n"])
def test_a_file_that_is_no_plan_at_all_is_told_what_one_has(text: str) -> None:
    assert problems(text) == ["1: give its fields: name, sticking_point, entry, key, purpose, longest_life, steps"]


def test_all_mistakes_are_told_in_the_order_of_their_lines() -> None:
    text = broken("holdout: 10", "holdout: ten").replace("name: cart-recovery", "nam: cart-recovery")
    assert problems(text.replace("wait: 24h", "wait: soon")) == [
        "2: nam: is not a field here; did you mean 'name'?",
        "2: name: is missing",
        "14: holdout: input should be a whole number",
        "34: steps[3].wait: write a number and a unit: 30m, 2h or 3d",
        "52: steps[5].wait: write a number and a unit: 30m, 2h or 3d",
    ]


def test_a_field_that_bears_its_steps_name_is_found_in_the_right_step() -> None:
    text = broken("    send:\n      message: first", "    send:\n      send: first")
    assert problems(text) == [
        "30: steps[2].send.message: is missing",
        "31: steps[2].send.send: is not a field here, beside channels",
    ]


def test_messages_are_told_with_their_name_and_channel() -> None:
    text = "first:\n  sms:\n    text: hello\n  mail:\n    text: hello\nsecond:\n  email:\n    text: ''\n"
    assert problems(text, LanguageFile) == [
        "4: first.mail: is not a field here; did you mean 'email'?",
        "7: second.email.subject: is missing",
        "8: second.email.text: is empty",
    ]


@pytest.mark.parametrize("country", ["NO", "no", "on", "1", "12:30", "2026-01-01", "1_0"])
def test_a_word_is_read_as_it_is_written(country: str) -> None:
    text = f"{{customer: {{country: [{country}]}}}}"
    assert yamlfile.parse(conditions.Condition, text, "p.yaml").customer == {"country": [country]}


def test_merged_keys_and_aliases_are_read() -> None:
    text = "a: &a {customer: {country: [FR]}}\nb: {<<: *a}\nc: {<<: *a, customer: {country: [IT]}}\n"
    read = yamlfile.parse(Conditions, text, "p.yaml")
    assert [one.customer for one in (read.b, read.c)] == [{"country": ["FR"]}, {"country": ["IT"]}]


BOMB = "a: &a [x, x]\n" + "".join(
    f"{outer}: &{outer} [{', '.join(['*' + inner] * 9)}]\n" for inner, outer in pairwise("abcdefghijkl")
)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        BOMB,
        "[" * 5000,
        "a: !!python/object:os.system x",
        "? [a, b]\n: c",
        "a: !!int x",
        "? {a: b}\n: c",
        "~: x",
        "1: x",
    ],
    ids=["loop", "bomb", "deep", "code", "list as key", "false tag", "mapping as key", "no key", "number as key"],
)
def test_a_hostile_file_is_refused_as_any_wrong_one(text: str) -> None:
    assert problems(text)


@given(
    at=st.integers(min_value=0, max_value=len(GOOD)),
    taken=st.integers(min_value=0, max_value=30),
    put=st.text(alphabet="ab1 :-#[]{},'\"\n\t*&!|>%?~", max_size=6),
)
def test_however_a_plan_is_mangled_it_is_read_or_its_faults_are_told_in_order(at: int, taken: int, put: str) -> None:
    text = GOOD[:at] + put + GOOD[at + taken :]
    try:
        yamlfile.parse(plan.Plan, text, "plans/p.yaml")
    except yamlfile.FileError as error:
        lines = [problem.line for problem in error.problems]
        assert lines == sorted(lines)
        assert 1 <= lines[0] <= lines[-1] <= len(text.splitlines()) + 1
        fields = [problem.field for problem in error.problems]
        assert len(set(fields)) == len(fields)
        assert not [field for field in fields if re.search(r"\[key\]|function|literal|First|All", field)]


def test_every_pattern_of_a_plan_is_put_in_words() -> None:
    patterns = set(re.findall(r"'pattern': '([^']*)'", str(plan.Plan.model_json_schema())))
    patterns |= set(re.findall(r"'patternProperties': {'([^']*)'", str(plan.Plan.model_json_schema())))
    assert {pattern.replace(r"\\", "\\") for pattern in patterns} == set(FORMS)


@pytest.mark.parametrize("levels", [250, 1_000])
def test_what_is_nested_too_deep_is_told_as_that_with_its_line(levels: int) -> None:
    deep = "\n".join(["name: x", "steps:", *("  " * level + "- a:" for level in range(levels))])
    with pytest.raises(yamlfile.FileError) as error:
        yamlfile.parse(plan.Plan, deep, "x.yaml")
    too_deep = "more than 200 lists and names stand in one another; of steps, and of conditions, 10 may"
    [problem] = error.value.problems
    assert (problem.sentence, 2 < problem.line <= 203) == (too_deep, True)
