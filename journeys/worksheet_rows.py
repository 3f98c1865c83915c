"""The rows of a worksheet, read: each cell is understood, or told with its place and what would be right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from journeys.facts import Segment
from journeys.offers import Incentive
from journeys.saying import All, First
from journeys.worksheet_cells import CellError, channels, language_of, segments, stuck_at
from journeys.worksheet_offers import incentives
from journeys.worksheet_times import When, when
from journeys.worksheet_words import LANGUAGES, NEEDED, OPTIONAL, Place, fold, vocabulary

Value = TypeVar("Value")
LONGEST_TEXT = 10_000
LONGEST_TITLE = 500
LONGEST_CELL = 200
"""Characters of what is said, of its title, and of every other cell."""
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Unreadable:
    """A cell that holds no text, such as a formula, and why."""

    problem: str


@dataclass(frozen=True)
class Line:
    """A row as it stands in the file; ``number`` counts from 1, as a spreadsheet shows it."""

    number: int
    cells: list[str | Unreadable]


@dataclass(frozen=True, order=True)
class SheetProblem:
    """Something wrong in a sheet.

    Attributes:
        row: from 1.
        column: from 1.
        name: the column's name, as the sheet has it.
        sentence: what is wrong and what would be right.

    """

    row: int
    column: int
    name: str
    sentence: str

    @property
    def cell(self) -> str:
        """Name the cell as a spreadsheet does, such as C7."""
        letters, left = "", self.column
        while left:
            left, letter = divmod(left - 1, 26)
            letters = chr(ord("A") + letter) + letters
        return f"{letters}{self.row}"

    def __str__(self) -> str:
        """Say it in one line, the cell first."""
        return f"{self.cell}: {self.name + ': ' if self.name else ''}{self.sentence}"


@dataclass(frozen=True)
class Row:
    """What a row says.

    Attributes:
        number: in the sheet, from 1.
        place: where the sticking point is.
        who: whom it is for; nobody in particular means all whom no other row of the plan is for.
        language: of the text; None where the sheet does not tell.
        plan: the plan's name, where the sheet tells one.

    """

    number: int
    sticking_point: str
    place: Place
    who: tuple[Segment, ...]
    text: str
    time: When
    by: First | All
    title: str = ""
    offered: tuple[Incentive, ...] = ()
    language: str | None = None
    plan: str | None = None


@dataclass(frozen=True)
class Heading:
    """The row of the columns' names.

    Attributes:
        row: its number.
        language: in which most of them are written.
        columns: of each field, the column from 1 and its name.
        named: the columns that have a name, known or not.

    """

    row: int
    language: str
    columns: dict[str, tuple[int, str]]
    named: frozenset[int]

    def problem(self, row: int, field: str, sentence: str) -> SheetProblem:
        """Tell what is wrong in a field of a row; a column that is not there is told of at the heading."""
        if field in self.columns:
            column, name = self.columns[field]
            return SheetProblem(row, column, name, sentence)
        return SheetProblem(row, 1, "", f"{vocabulary(self.language).columns[field][0]}: {sentence}")


@dataclass(frozen=True)
class Sheet:
    """A worksheet that was read: its rows, and all that is wrong with it."""

    heading: Heading | None
    rows: list[Row]
    problems: list[SheetProblem]


def read(lines: list[Line]) -> Sheet:
    """Read a sheet; its first line names the columns."""
    if not lines:
        return Sheet(None, [], [SheetProblem(1, 1, "", f"the sheet is empty; its first row names {_wanted('en')}")])
    heading, problems = _heading(lines[0])
    if not lines[1:] and not problems:
        problems.append(SheetProblem(lines[0].number + 1, 1, "", "no row follows the names of the columns"))
    if heading is None or not heading.columns.keys() >= NEEDED_SET:
        return Sheet(heading, [], problems)
    rows = []
    for line in lines[1:]:
        row, wrong = _row(heading, line)
        problems += wrong
        rows += [row] if row else []
    return Sheet(heading, rows, problems)


NEEDED_SET = frozenset(NEEDED)


def _wanted(language: str) -> str:
    return ", ".join(vocabulary(language).columns[field][0] for field in NEEDED)


def _heading(line: Line) -> tuple[Heading | None, list[SheetProblem]]:
    named = [(at, cell.strip()) for at, cell in enumerate(map(_plain, line.cells), 1) if cell.strip()]
    language = _language_of([name for _, name in named])
    known = {
        fold(name): field for each in LANGUAGES for field, ways in vocabulary(each).columns.items() for name in ways
    }
    columns: dict[str, tuple[int, str]] = {}
    problems = []
    for at, name in named:
        field = known.get(fold(name).rstrip(" ?:."))
        if field is None:
            problems.append(SheetProblem(line.number, at, "", _not_a_column(name, language)))
        elif field in columns:
            problems.append(SheetProblem(line.number, at, "", f"'{name}' is the column {columns[field][1]} again"))
        else:
            columns[field] = (at, name)
    missing = [vocabulary(language).columns[field][0] for field in NEEDED if field not in columns]
    if missing:
        problems.append(
            SheetProblem(line.number, max((at for at, _ in named), default=0) + 1, "", f"lacks {', '.join(missing)}")
        )
    return Heading(line.number, language, columns, frozenset(at for at, _ in named)), problems


def _plain(cell: str | Unreadable) -> str:
    return cell if isinstance(cell, str) else "(formula)"


def _language_of(names: list[str]) -> str:
    """Tell in which language most of the names are; English where none is more likely than it."""
    folded = {fold(name) for name in names}

    def known(language: str) -> int:
        return sum(any(fold(way) in folded for way in ways) for ways in vocabulary(language).columns.values())

    return max(("en", *LANGUAGES), key=known)


def _not_a_column(name: str, language: str) -> str:
    ways = {fold(way): way for each in LANGUAGES for ways in vocabulary(each).columns.values() for way in ways}
    close = difflib.get_close_matches(fold(name), ways, n=1, cutoff=0.75)
    optional = ", ".join(vocabulary(language).columns[field][0] for field in OPTIONAL)
    meant = f"did you mean '{ways[close[0]]}'?" if close else f"there are {_wanted(language)}, and may be {optional}"
    return f"'{name[:40]}' is not a column of the worksheet; {meant}"


class _Cells:
    """The cells of a row, and what was wrong with those that were read so far."""

    def __init__(self, heading: Heading, line: Line) -> None:
        self._heading, self._line = heading, line
        self.problems = [
            SheetProblem(line.number, at, "", "stands in a column without a name")
            for at, cell in enumerate(line.cells, 1)
            if (not isinstance(cell, str) or cell.strip()) and at not in heading.named
        ]

    def text(self, field: str, longest: int = LONGEST_CELL) -> str:
        """Give a cell's text, without the space around it; empty where there is no such column."""
        at = self._heading.columns[field][0] if field in self._heading.columns else 0
        cell = self._line.cells[at - 1] if 0 < at <= len(self._line.cells) else ""
        if isinstance(cell, Unreadable):
            self.tell(field, cell.problem)
            return ""
        text = re.sub(r"\r\n?", "\n", cell).strip()
        if len(text) > longest:
            self.tell(field, f"has {len(text):,} characters; at most {longest:,} fit")
        elif _UNWRITABLE.search(text):
            self.tell(field, "holds a character that cannot be written, such as NUL; type the text anew")
        return text

    def needed(self, field: str, longest: int = LONGEST_CELL) -> str:
        """Give a cell's text, which must be there."""
        before = len(self.problems)
        text = self.text(field, longest)
        if not text and len(self.problems) == before:
            self.tell(field, "is empty; of merged cells only the first one counts, so write it in each row")
        return text

    def read(self, field: str, text: str, reader: Callable[[str, str], Value]) -> Value | None:
        """Understand a text; None where it cannot be."""
        if any(problem.column == self._heading.columns[field][0] for problem in self.problems):
            return None
        try:
            return reader(text, self._heading.language)
        except CellError as error:
            self.tell(field, str(error))
            return None

    def tell(self, field: str, sentence: str) -> None:
        """Note what is wrong."""
        self.problems.append(self._heading.problem(self._line.number, field, sentence))


def _row(heading: Heading, line: Line) -> tuple[Row | None, list[SheetProblem]]:
    cells = _Cells(heading, line)
    point = cells.needed("sticking_point")
    place = cells.read("sticking_point", point, lambda text, _: stuck_at(text))
    who = cells.read("segment", cells.needed("segment"), segments)
    text = cells.needed("says", LONGEST_TEXT)
    time = cells.read("when", cells.needed("when"), when)
    by = cells.read("channels", cells.needed("channels"), channels)
    title = cells.text("title", LONGEST_TITLE)
    offered = cells.read("offer", cells.text("offer"), incentives) if "offer" in heading.columns else ()
    if offered and place is Place.BROWSING:
        cells.tell("offer", "is bound to a cart, and this sticking point is before there is one; leave it empty")
    language = None
    if "language" in heading.columns:
        language = cells.read("language", cells.needed("language"), lambda said, _: language_of(said))
    plan = cells.text("plan") or None
    if cells.problems or place is None or who is None or time is None or by is None or offered is None:
        return None, cells.problems
    return Row(line.number, point, place, who, text, time, by, title, offered, language, plan), []
