"""A plan as people read it: a tree of steps in words, and a flowchart in Mermaid's language. Pure.

A new kind of step needs a line in ``words``, and one in ``paths.ways`` where ways part; without, its fields are shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, islice

from pydantic import BaseModel

from journeys.condition_words import either, sentence
from journeys.conditions import Condition
from journeys.durations import show
from journeys.entry import ByEvents, ByMoments, Entry
from journeys.paths import Way, leaves, ways
from journeys.plan import Plan
from journeys.play import when
from journeys.saying import All, Expects, First, Message, Question, UntilDelivered
from journeys.steps import (
    Ask,
    Branch,
    Exit,
    ForPerson,
    Send,
    Set,
    Split,
    Start,
    Step,
    Task,
    Until,
    Wait,
    WaitFor,
    WaitUntilIdle,
)


def text(plan: Plan) -> list[str]:
    """Give a plan's lines: what it is about, then its steps, each deeper where ways part."""
    return [*_header(plan), "", *_tree(plan.steps, "")]


def next_moments(plan: Plan, at: datetime) -> str | None:
    """Say when people enter next; None where no schedule lets them in, or none of its moments is still to come."""
    entry = plan.entry
    if not isinstance(entry, ByMoments):
        return None
    coming = islice(entry.moments(at, at + _FAR), _NEXT)
    return ", ".join(entry.show(moment) for moment in coming) or None


_NEXT = 3
_FAR = timedelta(days=365 * 100)


def mermaid(plan: Plan) -> str:
    """Draw a plan as a flowchart."""
    drawing = _Drawing()
    last = drawing.steps(plan.steps, [_Open(drawing.node(_entry(plan), "([", "])"))])
    drawing.meet(last, drawing.node("the end", "([", "])"))
    return "\n".join(["flowchart TD", *drawing.lines]) + "\n"


def words(step: BaseModel) -> str:
    """Say what a step does; of a kind that is not known here, what its fields say."""
    match step:
        case Wait():
            return f"wait {show(step.wait)}"
        case WaitUntilIdle():
            return f"wait until the person has been idle for {show(step.wait_until_idle)}"
        case Branch():
            return "take the first way that fits"
        case Send():
            return _sending(step.send)
        case Exit():
            return f"leave: {step.exit}"
        case _:
            return _more_words(step)


def _more_words(step: BaseModel) -> str:  # noqa: PLR0911 one sentence for each kind
    match step:
        case Until():
            return f"wait until {when(step)}"
        case WaitFor():
            return f"wait for {step.wait_for}, at most {show(step.wait_for.within)}"
        case Split():
            return "go the customer's own way"
        case Ask():
            return _asking(step.ask)
        case Task():
            return _having_done(step.task)
        case Start():
            return f"start {step.start}"
        case Set():
            return ", ".join(f"set the label '{name}' to {value or 'nothing'}" for name, value in step.set.items())
        case _:
            return _fields(step)


def _sending(send: Message) -> str:
    said = f"send '{send.message}' by {_channels(send)}{_bounds(send)}"
    said += f", before {send.before.words}" if send.before else ""
    if send.offer is None:
        return said
    to = [_spoken(segment) for segment, incentives in send.offer.by_segment.items() if incentives]
    return f"{said}, with an offer to {' and '.join(to) or 'nobody'}, good for {show(send.offer.valid_for)}"


def _asking(asked: Question) -> str:
    said = f"ask '{asked.message}' by {_channels(asked)}{_bounds(asked)}, and wait {show(asked.within)} for"
    answer = f"a choice of {either(asked.options)}" if asked.options else _ANSWERS[asked.expects]
    again = f"; what is not understood is asked again by '{asked.again}'" if asked.again else ""
    return f"{said} {answer}{again}"


_ANSWERS = {Expects.SCORE: "a score from 0 to 10", Expects.YES_NO: "a yes or a no", Expects.TEXT: "any answer"}


def _having_done(task: ForPerson) -> str:
    draft = f", from the draft '{task.draft}'" if task.draft else ""
    told = f"; others are told after {show(task.escalate_after)}" if task.escalate_after is not None else ""
    return f"have a person do '{task.title}'{draft}, at most {show(task.within)}{told}"


def _bounds(send: Message | Question) -> str:
    answers = f", in answer to '{send.answers}'" if send.answers is not None else ""
    deadline = f", within {show(send.deadline)}" if send.deadline is not None else ""
    return answers + deadline


def _channels(send: Message | Question) -> str:
    match send.channels:
        case First():
            return ", else ".join(map(_spoken, send.channels.first))
        case All():
            return " and ".join(map(_spoken, send.channels.all))
        case UntilDelivered():
            then = ", then ".join(map(_spoken, send.channels.until_delivered))
            return f"{then} until one has arrived within {show(send.channels.within)}"


def _spoken(name: str) -> str:
    """Write a name of the code's own as words."""
    return name.replace("_", " ")


def _fields(step: BaseModel) -> str:
    said = step.model_dump(mode="json", by_alias=True, exclude={"id"}, exclude_defaults=True)
    return "; ".join(f"{name}: {value}" for name, value in said.items())


def _header(plan: Plan) -> Iterator[str]:
    yield f"{plan.name}: {plan.sticking_point}"
    yield _starts(plan.entry)
    yield f"for: {sentence(plan.audience)}"
    yield _ends(plan)
    again = "never" if plan.re_entry == "never" else f"{show(plan.re_entry)} after it ended"
    yield f"again: {again}"
    yield f"purpose: {plan.purpose}, priority {plan.priority}, holdout {plan.holdout} %, rollout {plan.rollout} %"
    if plan.at_most:
        yield f"at most: {', '.join(f'{most} by {_spoken(channel)}' for channel, most in plan.at_most.items())}"


def _tree(steps: list[Step], indent: str) -> Iterator[str]:
    for step in steps:
        yield f"{indent}{step.id}: {words(step)}"
        for way in ways(step):
            yield f"{indent}  {_way(way)}:{'' if way.steps else ' go on'}"
            yield from _tree(way.steps, f"{indent}    ")


def _way(way: Way) -> str:
    return f"if {sentence(way.name)}" if isinstance(way.name, Condition) else way.name


def _starts(entry: Entry) -> str:
    if isinstance(entry, ByEvents):
        return f"starts with: {', '.join(entry.events)} (not older than {show(entry.within)})"
    return f"starts at: {entry} (at most {entry.per_hour} people an hour)"


def _ends(plan: Plan) -> str:
    latest = f"after {show(plan.longest_life)} at the latest"
    ends = [*filter(None, [plan.goal]), *map(_spoken, plan.exits_on)]
    return f"ends with: {', '.join(ends)}; {latest}" if ends else f"ends: {latest}"


def _entry(plan: Plan) -> str:
    return either(plan.entry.events) if isinstance(plan.entry, ByEvents) else str(plan.entry)


@dataclass(frozen=True)
class _Open:
    """An arrow that leads on from a node, to what comes next."""

    node: str
    label: str = ""


@dataclass
class _Drawing:
    """Nodes and arrows, as they are drawn. Nodes have numbers: some ids are words of Mermaid's own."""

    lines: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def node(self, label: str, opening: str = "[", closing: str = "]") -> str:
        """Draw a node and give its name."""
        name = f"n{next(self._numbers)}"
        self.lines.append(f'  {name}{opening}"{_quoted(label)}"{closing}')
        return name

    def meet(self, opened: list[_Open], node: str) -> None:
        """Let all arrows lead to a node."""
        for one in opened:
            label = f'|"{_quoted(one.label)}"|' if one.label else ""
            self.lines.append(f"  {one.node} -->{label} {node}")

    def steps(self, steps: list[Step], opened: list[_Open]) -> list[_Open]:
        """Draw steps one after the other; give the arrows that lead on from the last."""
        for step in steps:
            parted = ways(step)
            shape = ("{", "}") if parted else ("([", "])") if leaves(step) else ("[", "]")
            node = self.node(f"{step.id}: {words(step)}", *shape)
            self.meet(opened, node)
            opened = [] if leaves(step) and not parted else [_Open(node)]
            if parted:
                opened = [end for way in parted for end in self.steps(way.steps, [_Open(node, _way(way))])]
        return opened


def _quoted(label: str) -> str:
    """Write a text so that Mermaid reads nothing into it."""
    escaped = "".join(f"#{ord(sign)};" if sign in _SPECIAL else sign for sign in label)
    return " ".join(escaped.split())


_SPECIAL = '"#;&<>`\\%{}[]()|*_~'
