"""What of a plan a worksheet can say: its sends, with their people, times and channels; and what it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from journeys.conditions import Condition
from journeys.facts import Segment
from journeys.offers import Incentive
from journeys.plan import Plan
from journeys.saying import All, First
from journeys.steps import Branch, Send, Step, Wait, WaitUntilIdle
from journeys.worksheet_arms import in_order
from journeys.worksheet_cells import CellError
from journeys.worksheet_offers import incentives, policy, show_incentives
from journeys.worksheet_times import When

_FEW = timedelta(minutes=5)
"""Where a plan says something at once, which a sheet cannot."""


@dataclass(frozen=True)
class Spoken:
    """A send, as a row of a sheet tells it."""

    step: Send
    who: tuple[Segment, ...]
    time: When
    by: First | All
    offered: tuple[Incentive, ...]


def spoken(plan: Plan) -> tuple[list[Spoken], list[str]]:
    """Give the rows of a plan, and what it says besides, of each thing one sentence."""
    notes: list[str] = []
    rows = [row for who, steps in _ways(plan.steps, notes) for row in _rows(who, steps, notes)]
    return rows, list(dict.fromkeys(notes))


def differences(plan: Plan, again: Plan) -> list[str]:
    """Tell what is otherwise in the plan that a sheet makes."""
    said, other = (each.model_dump(mode="json", by_alias=True) for each in (plan, again))
    steps = ["steps: they get other names"] if said.pop("steps") != other.pop("steps") else []
    return [
        f"{name}: {_shown(said[name])} (a sheet gives {_shown(other[name])})"
        for name in said
        if said[name] != other[name]
    ] + steps


def _shown(value: object) -> str:
    return "nothing" if value in (None, {}, []) else str(value)


def _ways(steps: list[Step], notes: list[str]) -> Iterator[tuple[tuple[Segment, ...], list[Step]]]:
    """Give each segment's way through the steps; a branch that asks something else is left out."""
    for at, step in enumerate(steps):
        if not isinstance(step, Branch):
            continue
        if not all(_asks_segment_only(arm.condition) for arm in step.branch):
            notes.append(f"step {step.id}: branches on more than the segment; it is left out with the steps inside")
            continue
        before, after = steps[:at], steps[at + 1 :]
        groups = [tuple(s for s in Segment if s in (arm.condition.segment or ())) for arm in step.branch]
        if in_order(groups) != groups:
            notes.append(f"step {step.id}: its arms change places; a sheet puts those for prospects and customers last")
        for who, arm in zip(groups, step.branch, strict=True):
            yield who, [*before, *arm.then, *after]
        yield (), [*before, *step.otherwise, *after]
        return
    yield (), steps


def _asks_segment_only(condition: Condition) -> bool:
    return condition.segment is not None and condition.model_dump(exclude_none=True).keys() == {"segment"}


def _rows(who: tuple[Segment, ...], steps: list[Step], notes: list[str]) -> Iterator[Spoken]:
    waited, before, last = timedelta(0), False, None
    for step in steps:
        match step:
            case Wait():
                waited += step.wait
            case WaitUntilIdle():
                waited = max(waited, step.wait_until_idle)
                if before:
                    notes.append(f"step {step.id}: waits until the person is idle, not from the message before")
            case Send():
                length = waited or _FEW
                if not waited:
                    notes.append(f"step {step.id}: is sent at once; the sheet says {_FEW.seconds // 60} min")
                yield Spoken(step, who, When(length, later=before), _by(step, notes), _offered(step, who, notes))
                waited, before = timedelta(0), True
            case Branch():
                if all(_asks_segment_only(arm.condition) for arm in step.branch):
                    notes.append(f"step {step.id}: is a second branch; it is left out with the steps inside")
            case _:
                notes.append(f"step {step.id}: is of a kind that a sheet has no words for; it is left out")
        last = step
    if before and isinstance(last, Wait | WaitUntilIdle):
        notes.append(f"step {last.id}: waits behind the last message; it is left out")


def _by(step: Send, notes: list[str]) -> First | All:
    if step.send.deadline is not None or step.send.before:
        notes.append(f"step {step.id}: its deadline is left out")
    if isinstance(step.send.channels, First | All):
        return step.send.channels
    notes.append(
        f"step {step.id}: that it goes on until one is delivered is left out; the sheet says the first that fits"
    )
    return First(first=step.send.named)


def _offered(step: Send, who: tuple[Segment, ...], notes: list[str]) -> tuple[Incentive, ...]:
    offer = step.send.offer
    if offer is None:
        return ()
    offered = tuple(next(iter(offer.by_segment.values()), ()))
    try:
        sayable = policy(offered, who) == offer and incentives(show_incentives(offered, "en"), "en") == offered
    except CellError:
        sayable = False
    if sayable:
        return offered
    notes.append(f"step {step.id}: its offer is more than a row can say; it is left out")
    return ()
