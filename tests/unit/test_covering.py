"""What conditions say of one another: never more than is so, whoever is asked about."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.conditions import Condition
from journeys.covering import covers, covers_every_answer, is_for_everybody, why_never
from journeys.demands import READ, demands
from journeys.facts import Answered, Facts, Medium, Out, Segment
from journeys.plan import Key
from journeys.saying import Expects, Question
from journeys.wider_segments import wider
from tests.examples import examples
from tests.random_facts import BEGINS, WORLD
from tests.random_plans import OPTIONS, Made, possible, some

STEPS = Made(Key.ORDER, [{"id": kind, kind: {}} for kind in ("split", "ask", "task", "send")])


def _ranges(least: int, most: int) -> st.SearchStrategy[dict[str, int]]:
    """Ranges of whole numbers, both ends included."""
    number = st.integers(least, most)
    both = st.lists(number, min_size=2, max_size=2).map(sorted)
    one = st.sampled_from(["at_least", "at_most"])
    return both.map(lambda ends: {"at_least": ends[0], "at_most": ends[1]}) | st.builds(
        lambda end, at: {end: at}, one, number
    )


amounts = st.dictionaries(st.sampled_from(["EUR", "GBP"]), st.integers(0, 90), min_size=1)
worths = st.one_of(
    st.fixed_dictionaries({"at_least": amounts}, optional={"below": amounts}),
    st.fixed_dictionaries({"below": amounts}),
)
answers: st.SearchStrategy[dict[str, Any]] = (
    _ranges(0, 10) | some(OPTIONS).map(lambda options: {"choice": options}) | st.builds(dict, yes=st.booleans())
)
FIELDS: dict[str, st.SearchStrategy[Any]] = possible(STEPS) | {
    "rfm": st.dictionaries(st.sampled_from("rfm"), _ranges(1, 5), min_size=1),
    "orders": _ranges(0, 4),
    "cart_value": worths,
    "order_value": worths,
    "event": st.builds(lambda range_: {"name": "Order Shipped", "at_least": 0, **range_}, _ranges(0, 4)),
    "label": st.dictionaries(st.sampled_from(["tier", "seen"]), st.lists(st.sampled_from(["gold", "yes"]), max_size=2)),
    "reply": st.dictionaries(st.just("ask"), st.just({}) | answers, min_size=1),
    "newly_consented": some(Medium),
}
"""What may be asked in each field, so that of two conditions one often covers the other."""


@cache
def _of(names: tuple[str, ...], depth: int = 1) -> st.SearchStrategy[dict[str, Any]]:
    """Conditions that ask for no fields but these."""
    asked = {name: FIELDS[name] for name in names}
    if depth:
        inner = _of(names, depth - 1)
        asked |= {"any": st.lists(inner, min_size=2, max_size=3), "unless": inner}
    others = {name: {other: asked[other] for other in asked if other != name} for name in asked}
    return st.one_of([st.fixed_dictionaries({name: asked[name]}, optional=others[name]) for name in asked])


said = (
    st.builds(Answered, score=st.integers(0, 10))
    | st.builds(Answered, choice=st.sampled_from(OPTIONS))
    | st.builds(Answered, yes=st.booleans())
    | st.sampled_from([Answered(), Answered(unclear=True)])
)


def _in_all(named: list[Segment]) -> tuple[Segment, ...]:
    """Give the segments of somebody who is in these, as far as one may be: with those that these lie within."""
    found = {wide for one in named for wide in wider(one)} - {Segment.PROSPECT}
    return tuple(found if Segment.CUSTOMER in found else found | {Segment.PROSPECT})


KNOWN = WORLD | {
    "segments": st.lists(st.sampled_from(Segment)).map(_in_all),
    "currency": st.sampled_from(["EUR", "GBP", None]),
    "order_currency": st.sampled_from(["EUR", "GBP", None]),
    "consented_before": st.lists(st.sampled_from(Medium)).map(tuple),
    "events": st.dictionaries(st.just("Order Shipped"), st.integers(0, 5)),
    "variants": st.dictionaries(st.just("split"), st.sampled_from(["a", "b"])),
    "replies": st.dictionaries(st.just("ask"), said),
    "tasks": st.dictionaries(st.just("task"), st.sampled_from(["open", "done", "expired"])),
    "out": st.dictionaries(st.sampled_from(["send", "ask"]), st.just({"sms": Out(at=BEGINS, delivered=True)})),
}
TOLD_BY = {
    "segment": ["segments"],
    "rfm": ["rfm"],
    "cart_value": ["cart_value", "currency"],
    "cart_category": ["cart_categories"],
    "customer": ["customer"],
    "order_value": ["order_value", "order_currency"],
    "orders": ["orders"],
    "event": ["events"],
    "label": ["labels"],
    "variant": ["variants"],
    "reply": ["replies"],
    "task": ["tasks"],
    "sent": ["out"],
    "open_cart": ["open_cart"],
    "running": ["running"],
    "consented": ["consented"],
    "newly_consented": ["consented", "consented_before"],
    "agreed": ["agreed"],
    "known": ["moments"],
}
"""Which facts tell of each field."""


@cache
def people(names: tuple[str, ...]) -> st.SearchStrategy[Facts]:
    """Facts that tell of some fields, and of nothing else."""
    told = {fact: KNOWN[fact] for name in names for fact in TOLD_BY[name]}
    return st.fixed_dictionaries(told).map(lambda facts: Facts(shop_time=BEGINS, last_activity=BEGINS, **facts))


fields = st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=2, unique=True).map(tuple)
"""Few, so that what is asked and what is known are about the same."""


def some_of(draw: Any, names: tuple[str, ...], count: int) -> tuple[list[Condition], list[Facts]]:
    """Draw some conditions that ask for these fields, and some people."""
    asked = [Condition.model_validate(draw(_of(names))) for _ in range(count)]
    return asked, draw(st.lists(people(names), min_size=1, max_size=4))


@settings(max_examples=examples(500))
@given(data=st.data(), names=fields)
def test_a_condition_that_covers_another_holds_whenever_that_does(data: st.DataObject, names: tuple[str, ...]) -> None:
    (wide, narrow), persons = some_of(data.draw, names, 2)
    if covers(demands(wide), demands(narrow)):
        assert all(wide.holds(person) for person in persons if narrow.holds(person))


@settings(max_examples=examples(300))
@given(data=st.data(), names=fields)
def test_a_condition_that_never_holds_holds_for_nobody(data: st.DataObject, names: tuple[str, ...]) -> None:
    [condition], persons = some_of(data.draw, names, 1)
    if why_never(demands(condition)):
        assert not any(condition.holds(person) for person in persons)


@given(data=st.data(), names=st.sampled_from([("segment",), ("orders",), ("segment", "orders")]))
def test_conditions_for_everybody_leave_nobody_out(data: st.DataObject, names: tuple[str, ...]) -> None:
    asked, persons = some_of(data.draw, names, 3)
    if is_for_everybody(list(map(demands, asked))):
        assert all(any(one.holds(person) for one in asked) for person in persons)


ANSWERS = {
    Expects.SCORE: st.integers(0, 10).map(lambda score: Answered(score=score)),
    Expects.CHOICE: st.sampled_from(OPTIONS).map(lambda option: Answered(choice=option)),
    Expects.YES_NO: st.booleans().map(lambda yes: Answered(yes=yes)),
    Expects.TEXT: st.just(Answered()),
}


@settings(max_examples=examples(300))
@given(data=st.data(), expects=st.sampled_from(Expects))
def test_conditions_that_cover_every_answer_leave_none_out(data: st.DataObject, expects: Expects) -> None:
    asked, [person, *_] = some_of(data.draw, ("reply",), 4)
    options = {"options": OPTIONS} if expects is Expects.CHOICE else {}
    question = Question.model_validate({"message": "m", "channels": {"first": ["sms"]}, "expects": expects, **options})
    told = person.model_copy(update={"replies": {"ask": data.draw(ANSWERS[expects])}})
    *earlier, narrow = map(demands, asked)
    if covers_every_answer(earlier, narrow, {"ask": question}) and asked[-1].holds(told):
        assert any(one.holds(told) for one in asked[:-1])


@given(data=st.data(), names=fields)
def test_a_condition_covers_itself(data: st.DataObject, names: tuple[str, ...]) -> None:
    [condition], _ = some_of(data.draw, names, 1)
    assert covers(demands(condition), demands(condition))


def test_of_each_field_something_covers_something_else_and_something_does_not() -> None:
    seen: set[tuple[str, bool]] = set()

    @settings(max_examples=examples(1_000), database=None)
    @given(name=st.sampled_from(sorted(FIELDS)), data=st.data())
    def look(name: str, data: st.DataObject) -> None:
        wide, narrow = (Condition.model_validate(data.draw(_of((name,), 0))) for _ in range(2))
        if wide != narrow:
            seen.add((name, covers(demands(wide), demands(narrow))))

    look()
    assert {name for name, covered in seen if not covered} == FIELDS.keys()
    # Two values that differ cover nothing of one another.
    assert FIELDS.keys() - {name for name, covered in seen if covered} == {"open_cart"}


def test_every_field_of_a_condition_is_read() -> None:
    assert READ.keys() | {"any", "unless"} == Condition.model_fields.keys()
    assert FIELDS.keys() == TOLD_BY.keys() == READ.keys()
