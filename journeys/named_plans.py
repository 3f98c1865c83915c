"""Other plans that a plan names: of those that are not there nothing starts, and none runs. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from journeys.conditions import Condition
from journeys.plan import Plan
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
