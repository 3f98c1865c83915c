"""Other plans that a plan names: what is not there, or is about another thing, never starts by it. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator

from journeys.conditions import Condition
from journeys.plan import Key, Plan
from journeys.plan_check import Finding
from journeys.steps import Branch, Start, walk


def missing(plan: Plan, known: Collection[str]) -> Iterator[Finding]:
    """Advise on plans that it names and that are not there; they may come later, for nothing has an order.

    Args:
        plan: as it is to be.
        known: the names of the plans that are there; its own is known.

    """
    names = {*known, plan.name}
    for where, name in _named(plan):
        if name not in names:
            close = difflib.get_close_matches(name, sorted(names), n=1)
            meant = f"; did you mean '{close[0]}'?" if close else ""
            yield Finding("advice", f"{where}: there is no plan '{name}' yet{meant}")


def started_in_vain(plan: Plan, others: Iterable[Plan]) -> Iterator[Finding]:
    """Tell which plans it starts that can follow none of its journeys; and advise on those that so start it.

    Args:
        plan: as it is to be.
        others: the plans beside it; one of the same name does not count.

    """
    by_name = {other.name: other for other in others if other.name != plan.name}
    for step in _starts(plan):
        if (other := by_name.get(step.start)) and not plan.key.leads_to(other.key):
            why = f"{other.name} is about the {other.key}, and a journey about a {plan.key} has none to follow"
            fit = " or ".join(key for key in Key if plan.key.leads_to(key))
            yield Finding("error", f"step {step.id}: start: {why}; start a plan whose key is {fit}")
    for other in by_name.values():
        for step in _starts(other):
            if step.start == plan.name and not other.key.leads_to(plan.key):
                why = f"a journey about a {other.key} has no {plan.key} to follow"
                yield Finding("advice", f"key: step {step.id} of {other.name} starts this plan in vain: {why}")


def _starts(plan: Plan) -> list[Start]:
    return [step for step in walk(plan.steps) if isinstance(step, Start)]


def _named(plan: Plan) -> Iterator[tuple[str, str]]:
    """Give each plan that it names, and where."""
    if plan.audience is not None:
        yield from (("audience: running", name) for name in _running(plan.audience))
    for step in walk(plan.steps):
        if isinstance(step, Start):
            yield f"step {step.id}: start", step.start
        if isinstance(step, Branch):
            for number, arm in enumerate(step.branch, start=1):
                yield from ((f"step {step.id}: arm {number}: running", name) for name in _running(arm.condition))


def _running(condition: Condition) -> list[str]:
    return [*(condition.running or []), *(name for inner in condition.inner for name in _running(inner))]
