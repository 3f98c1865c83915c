"""Arms of branches that no journey takes, and parts of conditions that never hold. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from journeys.covering import covers, covers_every_answer, is_for_everybody, why_never
from journeys.demands import Demands, demands
from journeys.plan import Plan
from journeys.saying import Question
from journeys.steps import Ask, Branch, walk


def never_taken(plan: Plan) -> Iterator[str]:
    """Tell which arms are never taken, and whose conditions hold for nobody, each in a sentence that names the step."""
    if plan.audience is not None:
        yield from _for_nobody("audience", demands(plan.audience))
    questions = {step.id: step.ask for step in walk(plan.steps) if isinstance(step, Ask)}
    for step in walk(plan.steps):
        if isinstance(step, Branch):
            yield from _of_branch(step, questions)


def _for_nobody(where: str, asked: Demands) -> Iterator[str]:
    if why := why_never(asked):
        yield f"{where}: nobody fits it: {why}"
    else:
        yield from _inside(where, asked)


def _of_branch(step: Branch, questions: Mapping[str, Question]) -> Iterator[str]:
    arms = [demands(arm.condition) for arm in step.branch]
    for number, asked in enumerate(arms, start=1):
        where, earlier = f"step {step.id}: arm {number}", arms[: number - 1]
        if why := why_never(asked) or _taken_before(asked, earlier, questions):
            yield f"{where} is never taken: {why}"
        else:
            yield from _inside(where, asked)
    if step.otherwise and is_for_everybody(arms):
        yield f"step {step.id}: otherwise is never taken: everybody fits one of the arms"


def _taken_before(asked: Demands, earlier: Sequence[Demands], questions: Mapping[str, Question]) -> str | None:
    covering = next((number for number, other in enumerate(earlier, start=1) if covers(other, asked)), None)
    if covering is not None:
        return f"whoever fits it fits arm {covering}"
    if is_for_everybody(earlier):
        return "everybody fits one of the arms before"
    return "every answer fits one of the arms before" if covers_every_answer(earlier, asked, questions) else None


def _inside(where: str, asked: Demands) -> Iterator[str]:
    """Name the conditions in one that may hold that themselves never do: they say nothing."""
    named = [(f"condition {number} of its any", one) for number, one in enumerate(asked.any, start=1)]
    for name, inner in [*named, *(("its unless", one) for one in asked.unless)]:
        if why := why_never(inner):
            yield f"{where}: {name} never holds: {why}"
        else:
            yield from _inside(f"{where}: {name}", inner)
