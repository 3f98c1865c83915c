"""What a plan asks of its own steps, or of what it is about, and nothing can ever tell. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from journeys.conditions import Condition, ReplyIs
from journeys.paths import passed_before
from journeys.plan import Key, Plan, answers_to
from journeys.saying import Expects, Question
from journeys.steps import Ask, Branch, Split

_OF_STEPS = ("variant", "reply", "task", "sent")
"""The fields of a condition that name steps."""
_FIELDS = {
    "at_least": Expects.SCORE,
    "at_most": Expects.SCORE,
    "choice": Expects.CHOICE,
    "yes": Expects.YES_NO,
}
"""To which questions the fields of a reply are an answer."""

_OF_KEY = {"cart_value": Key.CART, "cart_category": Key.CART, "order_value": Key.ORDER}
"""What is known in journeys about one kind of thing alone."""


def asked_in_vain(plan: Plan) -> Iterator[str]:
    """Tell what is asked for that can never be, each in a sentence that names the step."""
    if plan.audience is not None:
        yield from (f"audience: {problem}" for problem in _of_another_key(plan, plan.audience))
    for step, passed in passed_before(plan.steps):
        question = answers_to(step)
        if question is not None and question not in passed:
            yield f"step {step.id}: answers: no journey comes to {question} before"
        if isinstance(step, Branch):
            for number, arm in enumerate(step.branch, start=1):
                for problem in [*_of_another_key(plan, arm.condition), *_in_vain(plan, arm.condition, passed)]:
                    yield f"step {step.id}: arm {number}: {problem}"


def _of_another_key(plan: Plan, condition: Condition) -> Iterator[str]:
    for field, key in _OF_KEY.items():
        if field in condition.asks_for and plan.key is not key:
            whose = f"{field} is known where a plan's key is '{key}', and this one's is '{plan.key}'"
            yield f"{whose}: take it out, or ask for it in a plan with that key"


def _in_vain(plan: Plan, condition: Condition, passed: frozenset[str]) -> Iterator[str]:
    for field in _OF_STEPS:
        for name in getattr(condition, field) or ():
            if name not in passed:
                yield f"{field}: no journey comes to {name} before"
    for name, wanted in (condition.reply or {}).items():
        if isinstance(step := plan.by_id[name], Ask):
            yield from _unanswerable(name, step.ask, wanted)
    for name, variants in (condition.variant or {}).items():
        if isinstance(step := plan.by_id[name], Split):
            yield from _unknown("variant", name, variants, [variant.variant for variant in step.split])
    for inner in condition.inner:
        yield from _in_vain(plan, inner, passed)


def _unanswerable(name: str, question: Question, wanted: ReplyIs) -> Iterator[str]:
    for field, expects in _FIELDS.items():
        if getattr(wanted, field) is not None and question.expects is not expects:
            yield f"reply: {name} expects {question.expects}, and {field} is for {expects}"
    if question.expects is Expects.CHOICE:
        yield from _unknown("choice", name, wanted.choice or [], question.options)


def _unknown(what: str, name: str, asked: list[str], known: list[str]) -> Iterator[str]:
    for one in asked:
        if one not in known:
            yield f"{what}: {name} has no '{one}'; it has {', '.join(known)}"
