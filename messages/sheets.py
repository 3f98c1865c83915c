"""Spreadsheets, CSV and XLSX, read into rows and written again. Nothing in them is ever evaluated."""

from __future__ import annotations

import codecs
import csv
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import openpyxl
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from journeys.csv_records import records
from journeys.worksheet_rows import Line, Unreadable

LARGEST = 2 * 1024 * 1024
LARGEST_UNPACKED = 32 * 1024 * 1024
"""Bytes of a sheet, and of what is packed in it."""
MOST_ROWS = 1000
LAST_ROW, LAST_LINE = 10_000, 50_000
"""The last row that is read, empty ones counted, and the last line of a text, whose rows may have several."""
_LAST_COLUMN = 100
"""The last column that is looked at."""
MOST_TAGS = 200_000
"""Of all parts of an XLSX together. A worksheet has 80 for a row, and a format takes 40 us to read."""
_FORMULA = Unreadable("holds a formula, and none is evaluated; paste its value, or write ' before it if it is text")
_FORMULA_STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
"""What makes a formula of a cell: OWASP, CSV Injection; the last four are the same signs in full width."""
_QUOTED = re.compile(f"'+[{re.escape(_FORMULA_STARTS)}]")
_SEPARATOR = re.compile(r'"?sep=(?P<separator>[;,\t|])"?[;,\t|]*(?:\r\n?|\n|$)', re.IGNORECASE)
"""A first line by which Excel is told what stands between cells, and which it does not show as a row."""
_DAMAGED = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    EOFError,
    OSError,
)
_NOT_EXCEL = (SyntaxError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, ArithmeticError)
"""How the library says that a file is not what it should be. XML parsers tell syntax errors, defusedxml values."""
_OTHER_FILES = {
    b"\xd0\xcf\x11\xe0": "is an old Excel file, or one with a password; save it as .xlsx without a password",
    b"%PDF": "is a PDF; save the sheet as .xlsx",
    b"\x1f\x8b": "is packed with gzip; unpack it first",
}
_SAVE = "save it as .xlsx, or as CSV"
_DELETE = "the last that is read; delete what is empty below your rows"


class SheetError(Exception):
    """What was given cannot be read as a sheet; the message says what it is and what would help: ``is a PDF; …``."""


def check_size(size: int) -> None:
    """Refuse a sheet of more bytes than any worksheet has.

    Raises:
        SheetError: it is one.

    """
    if size > LARGEST:
        raise SheetError(f"has {size / 1024**2:.1f} MB; a worksheet has {LARGEST // 1024**2} MB at most")


def read(content: bytes) -> list[Line]:
    """Read the first sheet, of whichever kind it is; rows without content are left out.

    Raises:
        SheetError: it cannot be read.

    """
    check_size(len(content))
    for start, problem in _OTHER_FILES.items():
        if content.startswith(start):
            raise SheetError(problem)
    lines = []
    for line in _xlsx(content) if content.startswith(b"PK\x03\x04") else _csv(content):
        if any(isinstance(cell, Unreadable) or cell.strip() for cell in line.cells):
            lines.append(line)
        if len(lines) > MOST_ROWS + 1:
            raise SheetError(f"has more than {MOST_ROWS:,} rows; write several worksheets")
    return lines


def _csv(content: bytes) -> Iterator[Line]:
    text = _text(content)
    told = _SEPARATOR.match(text)
    text = text[told.end() :] if told else text
    lines = text.splitlines()
    if len(lines) > LAST_LINE:
        raise SheetError(f"goes on behind line {LAST_LINE:,}, {_DELETE}")
    first = next((line for line in lines if line.strip()), "")
    delimiter = told["separator"] if told else max(";,\t", key=first.count)
    row, end = 0, 0
    for record in records(io.StringIO(text, newline=""), delimiter):
        # A record is a row, however many lines it has; an empty line between two is one as well.
        row += record.number - end
        end = record.end
        if record.problem:
            line = record.number + 1 if told else record.number
            raise SheetError(f"in row {row} (line {line}) {record.problem}")
        yield Line(row, [_of_text(field) for field in record.fields[:_LAST_COLUMN]])


def _text(content: bytes) -> str:
    """Decode a text: UTF-8, UTF-16 where it says so, else what Excel writes in Western Europe."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SheetError(f"is neither UTF-8 nor Windows-1252 text; {_SAVE} UTF-8")


def _of_text(field: str) -> str | Unreadable:
    if field.startswith("="):
        return _FORMULA
    return field[1:] if _QUOTED.match(field) else field


def _xlsx(content: bytes) -> Iterator[Line]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            _check_parts(packed)
        reader = _Reader(io.BytesIO(content), read_only=True, keep_links=False)
        reader.read()
        if not reader.wb.worksheets:
            raise SheetError("has no sheet with cells")
        yield from _cells(reader.wb.worksheets[0])
    except _DAMAGED as error:
        raise SheetError(
            f"is damaged ({str(error) or 'it ends too soon'}); open it in a spreadsheet and save it anew"
        ) from None
    except _NOT_EXCEL as error:
        raise SheetError(f"is not an Excel file that can be read ({type(error).__name__}); {_SAVE}") from None


class _Reader(ExcelReader):
    """Reads sheets with cells, and passes over those that are charts: the library stumbles on one without a drawing."""

    def read_chartsheet(self, *_: object) -> None:
        """Leave a chart alone."""


def _check_parts(packed: zipfile.ZipFile) -> None:
    names = set(packed.namelist())
    unpacked = sum(part.file_size for part in packed.infolist())
    if unpacked > LARGEST_UNPACKED:
        raise SheetError(
            f"unpacks to {unpacked / 1024**2:,.0f} MB; a worksheet has {LARGEST_UNPACKED // 1024**2} MB at most"
        )
    if any(name.endswith("vbaProject.bin") for name in names):
        raise SheetError("holds macros; save it as .xlsx, without them")
    if "xl/workbook.bin" in names:
        raise SheetError(f"is a binary Excel file (.xlsb); {_SAVE}")
    if "xl/workbook.xml" not in names:
        kind = "an OpenDocument file (.ods)" if "content.xml" in names else "no Excel file"
        raise SheetError(f"is {kind}; {_SAVE}")
    tags = sum(packed.read(part).count(b"<") for part in packed.infolist())
    if tags > MOST_TAGS:
        raise SheetError(
            f"has {tags:,} XML tags, and {MOST_TAGS:,} at most are read; delete what is empty, or save it as CSV"
        )


def _cells(sheet: Any) -> Iterator[Line]:
    # What a file says of its own size may be wrong.
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(max_row=LAST_ROW + 1, max_col=_LAST_COLUMN), 1):
        if number > LAST_ROW:
            raise SheetError(f"goes on behind row {LAST_ROW:,}, {_DELETE}, or save it as CSV")
        cells = [_of_cell(cell) for cell in row]
        while cells and cells[-1] == "":
            cells.pop()
        yield Line(number, cells)


def _of_cell(cell: Any) -> str | Unreadable:
    if cell.value is None:
        return ""
    if cell.data_type == "f":
        return _FORMULA
    if cell.data_type == "e":
        return Unreadable(f"holds the error {cell.value}; write what it should be")
    if cell.data_type == "s":
        text = str(cell.value)
        return text[1:] if _QUOTED.match(text) else text
    return str(cell.value)


def as_csv(rows: list[list[str]], language: str) -> bytes:
    """Write rows as CSV, the names of the columns first.

    What a spreadsheet would take for a formula gets a ' before it, which reading takes off again.

    Args:
        rows: of the sheet.
        language: of whoever opens it: spreadsheets expect a comma in English, and a semicolon in the others.

    """
    text = io.StringIO(newline="")
    delimiter = "," if language == "en" else ";"
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(_safe(rows))
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(rows: list[list[str]]) -> bytes:
    """Write rows as XLSX, as safe as CSV."""
    book = openpyxl.Workbook()
    fill(book.worksheets[0], _safe(rows))
    return packed(book)


def _safe(rows: list[list[str]]) -> list[list[str]]:
    return [[neutral(cell) for cell in row] for row in rows]


def neutral(text: str) -> str:
    """Keep a text from being taken for a formula."""
    return f"'{text}" if text.startswith(tuple(_FORMULA_STARTS)) or _QUOTED.match(text) else text


def fill(sheet: Worksheet, rows: list[list[str]]) -> None:
    """Write rows into a sheet, as text, wide enough to be read."""
    for number, row in enumerate(rows, 1):
        for at, text in enumerate(row, 1):
            cell = sheet.cell(number, at)
            cell.value = text
            cell.data_type = "s"
            cell.font = Font(bold=number == 1)
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    for at, width in enumerate((28, 22, 60, 18, 24, 24, 28, 10, 20), 1):
        sheet.column_dimensions[get_column_letter(at)].width = width
    sheet.freeze_panes = "A2"


def packed(book: openpyxl.Workbook) -> bytes:
    """Give a workbook as the bytes of its file."""
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
