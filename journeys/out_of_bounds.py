"""What a plan says that is out of bounds: too deep, too long, too late, twice, or a range with nothing in it. Pure.

None of it is a rule of the models: a version that was published before its rule was there is read as long as anybody is
in it. ``plan_check`` keeps what is new from being published.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from journeys.conditions import Condition, EventCount, OrderCount, ReplyIs, RfmRange
from journeys.durations import show
from journeys.facts import Channel
from journeys.misheard import misheard
from journeys.plan import Plan
from journeys.saying import All, Question
from journeys.steps import Ask, Branch, Send, Step, Task, depth, walk

DEEPEST = 10
"""So many steps, or conditions, may stand in one another: what is kept must be read again, whatever reads it."""
SHORTEST_LIFE, LONGEST_LIFE = timedelta(minutes=1), timedelta(days=366)
_HEARD = re.compile("[A-Za-z0-9]")
"""What an answer is read by: a word without any is understood by nobody."""


def too_deep(plan: Plan) -> Iterator[str]:
    """Tell what stands deeper in one another than it may."""
    found = depth(plan.steps)
    if found > DEEPEST:
        yield f"steps: {found} stand in one another, and {DEEPEST} may; start another plan for some"
    asked = [*plan.conditions, *([plan.audience] if plan.audience else [])]
    found = max((condition.depth for condition in asked), default=0)
    if found > DEEPEST:
        yield f"{found} conditions stand in one another, and {DEEPEST} may"


def out_of_bounds(plan: Plan) -> Iterator[str]:
    """Tell what else is out of bounds, each in a sentence that names where."""
    if not SHORTEST_LIFE <= plan.longest_life <= LONGEST_LIFE:
        yield f"longest_life: a journey lives {show(SHORTEST_LIFE)} at least and {show(LONGEST_LIFE)} at most"
    if plan.audience is not None:
        yield from (f"audience: {problem}" for problem in _empty(plan.audience))
    for step in walk(plan.steps):
        yield from (f"step {step.id}: {problem}" for problem in _of_step(step))


def _of_step(step: Step) -> Iterator[str]:
    match step:
        case Branch():
            for number, arm in enumerate(step.branch, start=1):
                yield from (f"arm {number}: {problem}" for problem in _empty(arm.condition))
        case Task() if step.task.escalate_after is not None and step.task.escalate_after >= step.task.within:
            yield "escalate_after must be shorter than within: from then on the task is over"
        case Ask():
            yield from _of_question(step.ask)
        case Send() if step.send.answers and (isinstance(step.send.channels, All) or Channel.VOICE in step.send.named):
            yield "answers: what somebody wrote is answered by one message, and by no call"


def _of_question(question: Question) -> Iterator[str]:
    if len(set(question.options)) < len(question.options):
        yield "two options have one name"
    for option, words in question.words.items():
        for word in words:
            if not _HEARD.search(word):
                yield f"words: '{word}' for {option}: write a word in it: a letter or a digit"
    yield from misheard(question)


# Ranges


def _empty(condition: Condition) -> Iterator[str]:
    """Tell the ranges with nothing in them, those of the conditions that stand in one included."""
    if condition.event is not None:
        yield from _no_count(condition.event)
    if condition.orders is not None:
        yield from _no_orders(condition.orders)
    if condition.rfm is not None:
        yield from _no_scores(condition.rfm)
    for step, wanted in (condition.reply or {}).items():
        yield from _no_answer(step, wanted)
    for inner in condition.inner:
        yield from _empty(inner)


def _no_count(asked: EventCount) -> Iterator[str]:
    if asked.at_most is not None and asked.at_least > asked.at_most:
        hint = "; at_least is 1 unless you write at_least: 0" if asked.at_least == 1 else ""
        yield f"event: nothing happens at least {asked.at_least} times and at most {asked.at_most}{hint}"


def _no_orders(asked: OrderCount) -> Iterator[str]:
    if asked.at_most is not None and asked.at_least > asked.at_most:
        yield f"orders: nothing is at least {asked.at_least} and at most {asked.at_most}"


def _no_scores(asked: RfmRange) -> Iterator[str]:
    for name, scores in asked:
        if scores is not None and scores.at_least > scores.at_most:
            yield f"rfm: {name}: nothing is at least {scores.at_least} and at most {scores.at_most}"


def _no_answer(step: str, asked: ReplyIs) -> Iterator[str]:
    if asked.at_least is not None and asked.at_most is not None and asked.at_least > asked.at_most:
        yield f"reply: {step}: no score is at least {asked.at_least} and at most {asked.at_most}"
