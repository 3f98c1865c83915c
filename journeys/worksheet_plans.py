"""The plans that a worksheet's rows make: those of one sticking point are one plan, those of a segment one arm."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from journeys.durations import show
from journeys.facts import UNASKED, Medium
from journeys.out_of_bounds import LONGEST_LIFE
from journeys.plan import Key, Plan
from journeys.worksheet_arms import Who, in_order, overlapping, unreached
from journeys.worksheet_cells import named
from journeys.worksheet_offers import policy
from journeys.worksheet_rows import Heading, Row, Sheet, SheetProblem
from journeys.worksheet_words import EVERYBODY, LANGUAGES, Place, bare, defaults, fold

_SLACK = timedelta(days=2)
"""A journey waits longer than its plan says while the person is there, and in quiet hours."""
_DAY = timedelta(days=1)
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class Said:
    """A message of a plan: the rows that say it, one for each language.

    Attributes:
        name: the message's, and its step's.
        at: when it is due, counted from when the person left.
        rows: by language; of a sheet that tells none, under the one that it is in.

    """

    name: str
    at: timedelta
    rows: dict[str, Row]

    @property
    def row(self) -> Row:
        """The first row that says it."""
        return next(iter(self.rows.values()))


@dataclass(frozen=True)
class Drawn:
    """A plan, and the rows that its messages come from."""

    plan: Plan
    messages: list[Said]


@dataclass
class _Arm:
    """What is said to one segment, in order."""

    who: Who
    said: list[dict[str, Row]] = field(default_factory=list)
    counted: dict[tuple[object, ...], int] = field(default_factory=dict)
    places: dict[tuple[object, ...], int] = field(default_factory=dict)

    def add(self, row: Row, language: str) -> None:
        """Put a row beside those that say the same in other languages, else behind all."""
        moment: tuple[object, ...] = (row.time.length, row.time.later)
        turn = self.counted[(*moment, language)] = self.counted.get((*moment, language), 0) + 1
        place = self.places.setdefault((*moment, turn), len(self.said))
        if place == len(self.said):
            self.said.append({})
        self.said[place][language] = row


def draw(sheet: Sheet, only: str | None) -> tuple[list[Drawn], list[SheetProblem]]:
    """Draw up the plans of a sheet; none, where something is wrong between its rows or in one of them.

    Args:
        sheet: as it was read.
        only: the one language that the sheet is in, which everybody is written to in.

    """
    heading, problems = sheet.heading, list[SheetProblem]()
    if heading is None or not sheet.rows:
        return [], []
    if only is None and "language" not in heading.columns:
        add = f"add one, with a row for each of {', '.join(LANGUAGES)}, or say --only {heading.language}"
        problems.append(SheetProblem(heading.row, 1, "", f"no column tells the language of each text: {add}"))
    points: dict[str, list[Row]] = {}
    for row in sheet.rows:
        points.setdefault(bare(row.sticking_point), []).append(row)
    sketches = [_sketch(heading, rows, only, problems) for rows in points.values()]
    problems += _taken_twice(heading, sketches)
    # Where rows are missing that could not be read, nobody knows what the rest lacks.
    if not sheet.problems:
        problems += [problem for sketch in sketches for problem in _not_alike(heading, sketch, only)]
    if problems or sheet.problems:
        return [], problems
    return [_plan(sketch) for sketch in sketches], []


@dataclass(frozen=True)
class _Sketch:
    """A plan to be.

    Attributes:
        name: None where none could be made.
        first: the first row of its sticking point.

    """

    name: str | None
    first: Row
    messages: dict[Who, list[Said]]


def _taken_twice(heading: Heading, sketches: list[_Sketch]) -> Iterator[SheetProblem]:
    taken: dict[str, Row] = {}
    for sketch in sketches:
        if sketch.name and (other := taken.setdefault(sketch.name, sketch.first)) is not sketch.first:
            sentence = (
                f"becomes the plan '{sketch.name}', as row {other.number} does; name one of them in a column Plan"
            )
            yield heading.problem(sketch.first.number, "sticking_point", sentence)


def name_of(sticking_point: str) -> str:
    """Make a plan's name of where people get stuck; what is left may be no name."""
    return re.sub(r"[^a-z0-9]+", "-", fold(sticking_point)).strip("-")[:40].rstrip("-")


def _name(heading: Heading, rows: list[Row], problems: list[SheetProblem]) -> str | None:
    told = {row.plan: row for row in reversed(rows) if row.plan}
    if len(told) > 1:
        first, *others = sorted(told.values(), key=lambda row: row.number)
        problems += [
            heading.problem(
                row.number, "plan", f"row {first.number} names the plan of this sticking point '{first.plan}'"
            )
            for row in others
        ]
        return None
    name = next(iter(told), None) or name_of(rows[0].sticking_point)
    if _NAME.fullmatch(name):
        return name
    at, where = (told[name].number, "plan") if name in told else (rows[0].number, "sticking_point")
    wanted = "small letters, digits and hyphens, a letter first, at most 40"
    problems.append(heading.problem(at, where, f"makes no name of a plan; give one in a column Plan: {wanted}"))
    return None


def _sketch(heading: Heading, rows: list[Row], only: str | None, problems: list[SheetProblem]) -> _Sketch:
    arms: dict[Who, _Arm] = {}
    for row in rows:
        if only and row.language and row.language != only:
            problems.append(heading.problem(row.number, "language", f"is {row.language}, and --only {only} was said"))
        arms.setdefault(row.who, _Arm(row.who)).add(row, row.language or only or heading.language)
    problems += _nobody_left(heading, arms)
    return _Sketch(
        _name(heading, rows, problems), rows[0], {who: _timed(heading, arm, problems) for who, arm in arms.items()}
    )


def _plan(sketch: _Sketch) -> Drawn:
    by_name = {said.name: said for arm in sketch.messages.values() for said in arm}
    longest = max(said.at for said in by_name.values()) + _SLACK
    header = {**defaults().header, **defaults().places[sketch.first.place]}
    if "audience" in header:
        header["audience"] = {**header["audience"], **_consent(by_name.values())}
    own = {
        "name": sketch.name,
        "sticking_point": sketch.first.sticking_point,
        "longest_life": -(-longest // _DAY) * _DAY,
        "steps": steps(sketch.messages),
    }
    plan = Plan.model_validate({**header, **own})
    return Drawn(plan, [by_name[step.send.message] for step in plan.sends])


def _consent(messages: Iterable[Said]) -> dict[str, list[Medium]]:
    """Give what a person must have agreed to one of; nothing, where a message needs no yes."""
    said = {channel.medium for message in messages for channel in named(message.row.by)}
    return {} if said & UNASKED else {"consented": [medium for medium in Medium if medium in said]}


def key_of(place: Place) -> Key:
    """Tell what a journey is about whose people get stuck there."""
    return Key(defaults().places[place]["key"])


def _timed(heading: Heading, arm: _Arm, problems: list[SheetProblem]) -> list[Said]:
    name = str(arm.who[0]).replace("_", "-") + ("-and-others" if arm.who[1:] else "") if arm.who else EVERYBODY
    timed: list[Said] = []
    for number, rows in enumerate(arm.said, 1):
        row = next(iter(rows.values()))
        before = timed[-1].at if timed else timedelta(0)
        at = row.time.length + (before if row.time.later else timedelta(0))
        if at <= before:
            sentence = f"is not after row {timed[-1].row.number}, which the same people get before"
            problems.append(heading.problem(row.number, "when", sentence))
        if at + _SLACK > LONGEST_LIFE:
            last = f"a journey says its last {show(LONGEST_LIFE - _SLACK)} after it at the latest"
            sentence = f"is {show(at)} after the beginning, and {last}"
            problems.append(heading.problem(row.number, "when", sentence))
        timed.append(Said(f"{name}-{number}", at, rows))
    return timed


def _nobody_left(heading: Heading, arms: dict[Who, _Arm]) -> Iterator[SheetProblem]:
    """Tell at each of their rows of people who go two ways, and of whom nobody is left."""
    found = list(overlapping(list(arms))) or list(unreached(arms, heading.language))
    for who, sentence in found:
        for said in arms[who].said:
            yield from (heading.problem(row.number, "segment", sentence) for row in said.values())


def _not_alike(heading: Heading, sketch: _Sketch, only: str | None) -> Iterator[SheetProblem]:
    """Tell which languages messages lack, and what one language says otherwise than another."""
    for said in (said for arm in sketch.messages.values() for said in arm):
        for row in said.rows.values():
            for what, same in (("channels", row.by == said.row.by), ("offer", row.offered == said.row.offered)):
                if not same:
                    sentence = f"is not what row {said.row.number} says, the same message in another language"
                    yield heading.problem(row.number, what, sentence)
        missing = [language for language in LANGUAGES if language not in said.rows]
        if missing and not only and "language" in heading.columns:
            sentence = f"is said in {', '.join(said.rows)}, not in {', '.join(missing)}; add a row for each, the other"
            yield heading.problem(said.row.number, "says", f"{sentence} columns alike, or say --only LANGUAGE")


def steps(messages: dict[Who, list[Said]]) -> list[dict[str, Any]]:
    """Lay out the steps: wait until people have left, then go each segment's way."""
    least = min(arm[0].at for arm in messages.values())
    leaves = {"id": "leaves", "wait_until_idle": least}
    everybody = _arm(messages.get((), []), least)
    groups = in_order(messages)
    if not groups:
        return [leaves, *everybody]
    arms = [{"if": {"segment": list(who)}, "then": _arm(messages[who], least)} for who in groups]
    return [leaves, {"id": "by-segment", "branch": arms, "otherwise": everybody}]


def _arm(messages: list[Said], since: timedelta) -> list[dict[str, Any]]:
    laid: list[dict[str, Any]] = []
    for said in messages:
        if not laid and said.at > since:
            laid.append({"id": f"{said.name}-wait", "wait_until_idle": said.at})
        elif laid:
            laid.append({"id": f"{said.name}-wait", "wait": said.at - since})
        row, since = said.row, said.at
        send = {"message": said.name, "channels": row.by, "offer": policy(row.offered, row.who)}
        laid.append({"id": said.name, "send": {key: value for key, value in send.items() if value is not None}})
    return laid
