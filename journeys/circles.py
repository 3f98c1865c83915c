"""Plans that start each other: none may lead back to itself, or its journeys would never come to an end. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from journeys.plan import Plan
from journeys.plan_check import Finding
from journeys.steps import Start, walk


def circle(plan: Plan, others: Iterable[Plan]) -> list[str] | None:
    """Give the shortest way by which a plan starts itself again, with its name first and last; None where none does.

    Args:
        plan: as it is to be.
        others: the plans beside it; one of the same name does not count.

    """
    starts = {one.name: _starts(one) for one in [*others, plan]}
    seen: set[str] = set()
    ways = deque([[plan.name]])
    while ways:
        way = ways.popleft()
        for name in starts.get(way[-1], []):
            if name == plan.name:
                return [*way, name]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return None


def check(plan: Plan, others: Iterable[Plan]) -> Iterator[Finding]:
    """A plan that starts itself again by way of others."""
    if way := circle(plan, others):
        yield Finding("error", told(way))


def told(way: list[str]) -> str:
    """Say what is wrong with a circle."""
    return f"it starts itself again: {shown(way)}; take one of these starts out"


def shown(way: Iterable[str]) -> str:
    """Write plans that start each other, in their order."""
    return " → ".join(way)


def _starts(plan: Plan) -> list[str]:
    return [step.start for step in walk(plan.steps) if isinstance(step, Start)]
