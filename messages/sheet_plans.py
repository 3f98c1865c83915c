"""A worksheet made into plans with their messages, and a plan made into a worksheet. No files: those are elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

from journeys import yamlfile
from journeys.plan import Key, Plan
from journeys.worksheet_cells import named, show_channels, show_segments
from journeys.worksheet_export import Spoken, differences, spoken
from journeys.worksheet_offers import show_incentives
from journeys.worksheet_plans import Drawn, draw, key_of, name_of
from journeys.worksheet_rows import Line, Row, Sheet, SheetProblem, read
from journeys.worksheet_times import show_when
from journeys.worksheet_words import LANGUAGES, NEEDED, vocabulary
from messages import catalog, worksheet
from messages.catalog import Catalog, PlanFile
from messages.words import Message
from messages.worksheet import Cell


@dataclass(frozen=True)
class Made:
    """What came of a sheet: plans, or all that is wrong with it."""

    plans: list[PlanFile]
    problems: list[SheetProblem]


def of_sheet(lines: list[Line], only: str | None) -> Made:
    """Make plans of a sheet.

    Args:
        lines: its rows, the names of the columns first.
        only: the language that everybody is written to in; None where the sheet has a row for each language.

    """
    sheet = read(lines)
    drawn, problems = draw(sheet, only)
    problems = sorted({*sheet.problems, *problems, *_of_messages(sheet, only)})
    if problems:
        return Made([], problems)
    return Made([PlanFile(each.plan, _catalog(each, only)) for each in drawn], [])


def _of_messages(sheet: Sheet, only: str | None) -> Iterator[SheetProblem]:
    for row in sheet.rows:
        language = row.language or only or "en"
        offers = bool(row.offered)
        about = key_of(row.place)
        for field, sentence in worksheet.problems(_cell(row), named(row.by), language, about, offers=offers):
            if sheet.heading:
                yield sheet.heading.problem(row.number, "title" if field == "title" else "says", sentence)


def _cell(row: Row) -> Cell:
    return Cell(row.text, row.title)


def _catalog(drawn: Drawn, only: str | None) -> Catalog:
    languages: dict[str, dict[str, Message]] = {language: {} for language in LANGUAGES}
    for said in drawn.messages:
        for language in LANGUAGES:
            row = said.rows[only or language]
            languages[language][said.name] = worksheet.compose(
                _cell(row), named(row.by), only or language, drawn.plan.key, offers=bool(row.offered)
            )
    return Catalog(languages=languages)


def texts(file: PlanFile) -> dict[str, str]:
    """Write a plan and its messages as files: the path of each, from the folder of plans, and its text."""
    plan = file.plan.model_dump(mode="json", by_alias=True, exclude_unset=True)
    written = {f"{file.plan.name}.yaml": "# Made of a worksheet by relance plan import.\n" + _yaml(plan)}
    for language, messages in file.messages.languages.items():
        said = {name: message.model_dump(mode="json", exclude_none=True) for name, message in messages.items()}
        written[f"messages/{file.plan.name}/{language}.yaml"] = _yaml(said)
    return written


def read_back(file: PlanFile) -> bool:
    """Tell whether what would be written says the same when it is read, and has nothing that a plan must not have."""
    (name, plan), *messages = texts(file).items()
    said = catalog.load(dict(messages))
    return (yamlfile.parse(Plan, plan, name), said, catalog.check(said, file.plan)) == (file.plan, file.messages, [])


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)


@dataclass(frozen=True)
class Written:
    """A plan as a sheet.

    Attributes:
        rows: the names of the columns first.
        notes: what the plan says and the sheet cannot, each in a sentence.
        only: the one language that the sheet is in; None where it has a row for each.
        guessed: whether its words might be of another language as well.

    """

    rows: list[list[str]]
    notes: list[str]
    only: str | None
    guessed: bool


def to_sheet(file: PlanFile, language: str) -> Written:
    """Write a plan as a sheet.

    Args:
        file: the plan.
        language: of the names of columns, segments and channels, and of the texts, where nothing tells otherwise.

    """
    told, notes = spoken(file.plan)
    alone = _alone(file, told)
    only = language if language in alone else next(iter(alone), None)
    rows: list[dict[str, str]] = []
    for each in told:
        for tongue in [only] if only else LANGUAGES:
            cell = _said(file, each, tongue, notes)
            rows.append(_row(file, each, cell, tongue, language))
    named = [field for field in vocabulary(language).columns if field in NEEDED or any(row[field] for row in rows)]
    columns = [field for field in named if not (only and field == "language")]
    sheet = [[vocabulary(language).columns[field][0] for field in columns]]
    sheet += [[row[field] for field in columns] for row in rows]
    return Written(sheet, notes + _not_the_same(file, sheet, only, notes), only, guessed=len(alone) > 1)


def _alone(file: PlanFile, told: list[Spoken]) -> Sequence[str]:
    """Tell in which language everybody is written to, where it is one: all that it may be.

    What is added to a text tells: in its own language most of a message was added, and least is left for the cells.
    """
    first, *others = (file.messages.languages.get(language, {}) for language in LANGUAGES)
    if any(other != first for other in others):
        return ()
    left: dict[str, int] = {}
    for language in LANGUAGES:
        cells = [_exact(first, each, language, file.plan.key) for each in told]
        if all(cells):
            left[language] = sum(_length(cell) for cell in cells if cell)
    return [language for language in left if left[language] == min(left.values())] or LANGUAGES


def _exact(messages: dict[str, Message], each: Spoken, language: str, about: Key) -> Cell | None:
    message = messages.get(each.step.send.message)
    if message is None:
        return None
    return worksheet.cell_of(message, named(each.by), language, about, offers=bool(each.offered))


def _said(file: PlanFile, each: Spoken, language: str, notes: list[str]) -> Cell:
    """Find the cell that a message was made of; where none can say it, that of its first channel."""
    known = file.messages.languages.get(language, {})
    if cell := _exact(known, each, language, file.plan.key):
        return cell
    name, channels = each.step.send.message, named(each.by)
    notes.append(f"message '{name}' in {language}: only its words by {channels[0]} are in the sheet")
    message = known.get(name)
    cells = worksheet.cells_of(message, channels[:1], language, file.plan.key) if message else []
    return min(cells, key=_length, default=Cell("-"))


def _length(cell: Cell) -> int:
    return len(cell.text)


def _row(file: PlanFile, each: Spoken, cell: Cell, tongue: str, language: str) -> dict[str, str]:
    plan = file.plan
    return {
        "sticking_point": plan.sticking_point,
        "segment": show_segments(each.who, language),
        "says": cell.text,
        "when": show_when(each.time, language),
        "channels": show_channels(each.by, language),
        "title": cell.title,
        "offer": show_incentives(each.offered, language),
        "language": tongue,
        "plan": "" if name_of(plan.sticking_point) == plan.name else plan.name,
    }


def _not_the_same(file: PlanFile, sheet: list[list[str]], only: str | None, notes: list[str]) -> list[str]:
    """Read the sheet again, and tell what is not in it."""
    lines: list[Line] = [Line(number, list(row)) for number, row in enumerate(sheet, 1)]
    made = of_sheet(lines, only)
    if made.problems:
        return [f"the sheet must be mended before it is imported: {problem}" for problem in made.problems]
    [again] = made.plans
    found = differences(file.plan, again.plan)
    if not found and again.messages != file.messages and not notes:
        found = ["messages that no step sends are left out"]
    return found
