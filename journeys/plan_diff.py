"""What changed from one version of a plan to another: fields of the header, steps, messages. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from journeys.paths import ways
from journeys.plan import Plan
from journeys.steps import Step


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was.

    Attributes:
        part: of what: the header, a step, a message.
        name: the step's id, or the message's name and language; empty for the header.
        what: what happened to it.
        field: which of its fields, as a path; None where it is about all of it.
        before: the value that it had, as JSON; None where there was none.
        after: the value that it has.

    """

    part: Literal["header", "step", "message"]
    name: str
    what: Literal["added", "removed", "moved", "changed"]
    field: str | None = None
    before: Any = None
    after: Any = None


Words = dict[str, dict[str, Any]]
"""The messages of a plan as JSON: by language, then by name."""


def changes(before: Plan, after: Plan, words_before: Words, words_after: Words) -> list[Change]:
    """Tell what changed, in the order of the later plan."""
    return [
        *_of_fields("header", "", _header(before), _header(after)),
        *_of_steps(before, after),
        *_of_messages(words_before, words_after),
    ]


def sentence(change: Change) -> str:
    """Say a change in one line."""
    about = " ".join(word for word in (change.part, change.name) if word)
    if change.field is None:
        return f"{about}: {change.what}" + (f" {change.after}" if change.what == "moved" else "")
    return f"{about}: {change.field}: {_shown(change.before)} → {_shown(change.after)}"


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)


def _header(plan: Plan) -> dict[str, Any]:
    return plan.model_dump(mode="json", by_alias=True, exclude={"steps"})


@dataclass(frozen=True)
class _Place:
    """A step with where it stands: after which step, on which way of which other step."""

    step: Step
    inside: str
    after: str | None


def _of_steps(before: Plan, after: Plan) -> Iterator[Change]:
    old = {place.step.id: place for place in _places(before.steps, "")}
    new = {place.step.id: place for place in _places(after.steps, "")}
    stayed = _stayed(old, new)
    for step, place in new.items():
        if step not in old:
            yield Change("step", step, "added", after=_content(place.step))
            continue
        if step not in stayed:
            yield Change("step", step, "moved", before=_where(old[step]), after=_where(place))
        yield from _of_fields("step", step, _content(old[step].step), _content(place.step))
    for step, place in old.items():
        if step not in new:
            yield Change("step", step, "removed", before=_content(place.step))


def _places(steps: list[Step], inside: str) -> Iterator[_Place]:
    last: str | None = None
    for step in steps:
        yield _Place(step, inside, last)
        for number, way in enumerate(ways(step), start=1):
            yield from _places(way.steps, f"{way.name if isinstance(way.name, str) else number} of {step.id}")
        last = step.id


def _stayed(old: dict[str, _Place], new: dict[str, _Place]) -> set[str]:
    """Name the steps of both that stand where they stood, as seen from the others."""
    left = [(step, place.inside) for step, place in old.items() if step in new]
    right = [(step, place.inside) for step, place in new.items() if step in old]
    blocks = SequenceMatcher(a=left, b=right, autojunk=False).get_matching_blocks()
    return {step for block in blocks for step, _ in left[block.a : block.a + block.size]}


def _where(place: _Place) -> str:
    inside = f", on way {place.inside}" if place.inside else ""
    return (f"after {place.after}" if place.after else "to the beginning") + inside


def _content(step: Step) -> dict[str, Any]:
    """Give what a step says itself, without the steps that stand in it."""
    said: dict[str, Any] = _without_steps(step.model_dump(mode="json", by_alias=True, exclude={"id"}))
    return said


def _without_steps(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_steps(part) for name, part in value.items() if not _are_steps(part)}
    return [_without_steps(part) for part in value] if isinstance(value, list) else value


def _are_steps(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) and "id" in one for one in value)


def _of_messages(before: Words, after: Words) -> Iterator[Change]:
    for language in dict.fromkeys((*before, *after)):
        old, new = before.get(language, {}), after.get(language, {})
        for name in dict.fromkeys((*old, *new)):
            where = f"{name} in {language}"
            if name not in old:
                yield Change("message", where, "added", after=new[name])
            elif name not in new:
                yield Change("message", where, "removed", before=old[name])
            else:
                yield from _of_fields("message", where, old[name], new[name])


def _of_fields(part: Literal["header", "step", "message"], name: str, before: Any, after: Any) -> Iterator[Change]:
    old, new = dict(_flat(before, "")), dict(_flat(after, ""))
    for path in dict.fromkeys((*old, *new)):
        if old.get(path) != new.get(path):
            yield Change(part, name, "changed", path, old.get(path), new.get(path))


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Give the fields of a JSON value by their paths; one that is null is not there."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{number}]")
    elif value is not None:
        yield path, ", ".join(map(str, value)) if isinstance(value, list) else value
