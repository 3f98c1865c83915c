"""What conditions say of one another, as far as that can be decided without a person to ask about.

One holds whenever another does where the other demands of the same facts as much, or more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from journeys.conditions import ReplyIs
from journeys.demands import Demand, Demands, Fact, Range, Values, answer_to, of_reply
from journeys.facts import Segment
from journeys.replies import HIGHEST
from journeys.saying import Expects, Question
from journeys.wider_segments import EVERYBODY, wider

_NOTHING = dict.fromkeys(("cart_value", "order_value"), "nothing is at_least so much and below that")
"""What is wrong with a field whose values are none."""
_SEGMENT: Fact = ("segment",)


def covers(wide: Demands, narrow: Demands) -> bool:
    """Tell whether one condition surely holds whenever another does; False where that cannot be known."""
    if narrow.any:
        return all(covers(wide, way) for way in narrow.ways)
    return (
        all(_is_given(demand, narrow) for demand in wide.facts)
        and (not wide.any or any(covers(one, narrow) for one in wide.any))
        and all(any(covers(never, one) for never in narrow.unless) for one in wide.unless)
    )


def covers_every_answer(earlier: Sequence[Demands], narrow: Demands, questions: Mapping[str, Question]) -> bool:
    """Tell whether one of some conditions holds whenever another does, for each answer to a question that it asks for.

    Args:
        earlier: the conditions.
        narrow: the other one.
        questions: by the step that asks them.

    """
    asked = {fact for fact, _ in narrow.facts}
    split = [_by_answer(narrow, step, questions[step]) for step in questions if answer_to(step) in asked]
    return any(cases and all(any(covers(wide, case) for wide in earlier) for case in cases) for cases in split)


def is_for_everybody(conditions: Sequence[Demands]) -> bool:
    """Tell whether one of some conditions holds for each person: it demands nothing, or they name all segments."""
    segments: set[str] = set()
    for one in conditions:
        match one:
            case Demands(facts=(), any=(), unless=()):
                return True
            case Demands(facts=((fact, frozenset() as named),), any=(), unless=()) if fact == _SEGMENT:
                segments |= named
    return segments >= EVERYBODY


def why_never(asked: Demands) -> str | None:
    """Tell why a condition can never hold; None where it may."""
    for (field, *_), values in asked.facts:
        if not values:
            return f"{field}: {_NOTHING.get(field, 'no value is named')}"
    if asked.any and all(map(why_never, asked.ways)):
        return "any: none of its conditions can hold"
    if any(covers(one, replace(asked, unless=())) for one in asked.unless):
        return "unless: it holds whenever the rest does"
    return None


def _is_given(demand: Demand, narrow: Demands) -> bool:
    fact, values = demand
    return any(_is_fact_within(fact, given, values) for other, given in narrow.facts if other == fact)


def _is_fact_within(fact: Fact, narrow: Values, wide: Values) -> bool:
    match narrow, wide:
        case frozenset(), frozenset() if fact == _SEGMENT:
            return wide >= EVERYBODY or all(wider(Segment(one)) & wide for one in narrow)
    return _is_within(narrow, wide)


def _is_within(narrow: Values, wide: Values) -> bool:
    match narrow, wide:
        case frozenset(), frozenset():
            return narrow <= wide
        case Range(), Range():
            return wide.covers(narrow)
        case dict(), dict():
            return all(currency in wide and wide[currency].covers(range_) for currency, range_ in narrow.items())
    return False


def _by_answer(asked: Demands, step: str, question: Question) -> list[Demands]:
    """Split what is demanded by the answers to a question that fit it."""
    answers = [dict(of_reply(step, answer)) for answer in _answers(question)]
    fitting = [
        answer
        for answer in answers
        if all(_is_within(answer[fact], values) for fact, values in asked.facts if fact in answer)
    ]
    return [replace(asked, facts=(*asked.facts, *answer.items())) for answer in fitting]


def _answers(question: Question) -> list[ReplyIs]:
    match question.expects:
        case Expects.SCORE:
            return [ReplyIs(at_least=score, at_most=score) for score in range(HIGHEST + 1)]
        case Expects.CHOICE:
            return [ReplyIs(choice=[option]) for option in question.options]
        case Expects.YES_NO:
            return [ReplyIs(yes=True), ReplyIs(yes=False)]
        case Expects.TEXT:
            return [ReplyIs()]
