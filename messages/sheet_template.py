"""A worksheet to fill in, with choices for segments, times and channels."""

from __future__ import annotations

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from journeys.worksheet_times import examples
from journeys.worksheet_words import example_rows, vocabulary
from messages.sheets import MOST_ROWS, fill, packed

_COLUMNS = ("sticking_point", "segment", "says", "when", "channels", "title", "offer")
_TITLES = {
    "fr": ("Feuille", "Exemples", "Choix"),
    "it": ("Foglio", "Esempi", "Scelte"),
    "pt": ("Folha", "Exemplos", "Escolhas"),
    "en": ("Worksheet", "Examples", "Choices"),
}


def workbook(language: str, *, empty: bool) -> bytes:
    """Make the file of a worksheet.

    Args:
        language: of its words: fr, it, pt or en.
        empty: whether the example rows stand on a sheet of their own, which is not imported.

    """
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    to_fill, of_examples, of_choices = _TITLES[language]
    sheet.title = to_fill
    heading = [vocabulary(language).columns[field][0] for field in _COLUMNS]
    rows = [[row.get(field, "") for field in _COLUMNS] for row in example_rows(language)]
    fill(sheet, [heading] if empty else [heading, *rows])
    if empty:
        fill(book.create_sheet(of_examples), [heading, *rows])
    lists = book.create_sheet(of_choices)
    for at, (field, choices) in enumerate(_choices(language).items(), 1):
        _offer(sheet, lists, at, field, choices)
    return packed(book)


def _choices(language: str) -> dict[str, list[str]]:
    words = vocabulary(language)
    channels = {str(name): ways[0] for name, ways in words.channels.items()}
    together = [f"{channels['sms']}, {channels['email']}", f"{channels['push']}, {channels['email']}"]
    together.append(f"{channels['sms']} + {channels['email']}")
    return {
        "segment": [ways[0] for ways in words.segments.values()],
        "when": examples(language),
        "channels": [*channels.values(), *together],
    }


def _offer(sheet: Worksheet, lists: Worksheet, at: int, field: str, choices: list[str]) -> None:
    """Let a column be filled by choosing; other words may be typed as well, which the import reads or tells of."""
    for number, choice in enumerate(choices, 1):
        lists.cell(number, at, choice)
    letter = get_column_letter(at)
    choosing = DataValidation(
        type="list", formula1=f"'{lists.title}'!${letter}$1:${letter}${len(choices)}", allow_blank=True
    )
    choosing.showErrorMessage = False
    column = get_column_letter(_COLUMNS.index(field) + 1)
    choosing.add(f"{column}2:{column}{MOST_ROWS + 1}")
    sheet.add_data_validation(choosing)
