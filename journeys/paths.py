"""The ways through a plan: where a step parts them, and when each step is reached at the earliest.

A kind of step that parts ways, waits or ends has a line in the function that asks about it; any other goes straight on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from journeys.conditions import Condition
from journeys.steps import Ask, Branch, Exit, Split, Step, Task, Wait, WaitFor, WaitUntilIdle, walk


@dataclass(frozen=True)
class Way:
    """One way out of a step.

    Attributes:
        name: what it is called, or the condition that leads to it.
        steps: those on it.
        after: how long nothing must have happened until it is taken.

    """

    name: str | Condition
    steps: list[Step]
    after: timedelta = timedelta(0)


def ways(step: Step) -> list[Way]:
    """Give the ways that part at a step; one of them is always taken. None where the step just goes on."""
    match step:
        case Branch():
            arms = [Way(arm.condition, arm.then) for arm in step.branch]
            return [*arms, Way("otherwise", step.otherwise)]
        case Split():
            return [Way(f"{variant.variant}, {variant.share} %", variant.then) for variant in step.split]
        case WaitFor():
            return [Way("in time", []), Way("otherwise", step.otherwise, step.wait_for.within)]
        case Task():
            return [Way("done", []), Way("otherwise", step.otherwise, step.task.within)]
        case _:
            return []


def leaves(step: Step) -> bool:
    """Tell whether no journey ever comes past a step."""
    if isinstance(step, Exit):
        return True
    parted = ways(step)
    return bool(parted) and all(any(leaves(inner) for inner in way.steps) for way in parted)


def lists(steps: list[Step]) -> Iterator[list[Step]]:
    """Give every list of steps, those inside other steps included, in reading order."""
    yield steps
    for step in steps:
        for way in ways(step):
            yield from lists(way.steps)


def passed_before(steps: Sequence[Step], passed: frozenset[str] = frozenset()) -> Iterator[tuple[Step, frozenset[str]]]:
    """Give each step with the ids of those that a journey may have passed when it comes to it, in reading order."""
    for step in steps:
        yield step, passed
        passed |= {step.id}
        beyond = passed
        for way in ways(step):
            yield from passed_before(way.steps, passed)
            if not any(leaves(inner) for inner in way.steps):
                beyond |= {inner.id for inner in walk(way.steps)}
        passed = beyond


def patience(step: Step) -> timedelta | None:
    """Tell how long a step waits for what others do; None where it waits for nobody."""
    match step:
        case WaitFor():
            return step.wait_for.within
        case Task():
            return step.task.within
        case Ask():
            return step.ask.within
        case _:
            return None


@dataclass(frozen=True)
class Reached:
    """When a journey comes to a step at the earliest, and when it goes on from there, since its beginning."""

    step: Step
    at: timedelta
    on: timedelta


def earliest(steps: Sequence[Step], at: timedelta = timedelta(0)) -> Iterator[Reached]:
    """Tell when each step is reached at the earliest, in reading order; what follows an exit is left out."""
    for step in steps:
        inner: list[Reached] = []
        ends: list[timedelta] = []
        for way in ways(step):
            on_it = list(earliest(way.steps, at + way.after))
            inner += on_it
            if not any(leaves(one) for one in way.steps):
                ends.append(_end(way.steps, on_it, at + way.after))
        on = min(ends, default=_past(step, at))
        yield Reached(step, at, on)
        yield from inner
        if leaves(step):
            return
        at = on


def _end(steps: Sequence[Step], reached: list[Reached], at: timedelta) -> timedelta:
    """Tell when a way is over: when its own last step is."""
    return next((one.on for one in reversed(reached) if one.step is steps[-1]), at) if steps else at


def _past(step: Step, at: timedelta) -> timedelta:
    """Tell when a step that is reached at a moment is over at the earliest."""
    match step:
        case Wait():
            return at + step.wait
        case WaitUntilIdle():
            # It counts from the last activity, which was the beginning at the earliest.
            return max(at, step.wait_until_idle)
        case _:
            return at
