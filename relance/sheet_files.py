"""Worksheets as files."""

from __future__ import annotations

from pathlib import Path

from journeys.worksheet_rows import Line
from messages import sheets
from messages.sheets import SheetError
from relance.errors import UsageError


def read(file: Path) -> list[Line]:
    """Read the first sheet of a file, whatever its name ends with; rows without content are left out.

    Raises:
        UsageError: it cannot be read; the message says what would help.

    """
    try:
        sheets.check_size(file.stat().st_size)
        return sheets.read(file.read_bytes())
    except SheetError as error:
        raise UsageError(f"{file} {error}") from None
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None


def write(file: Path, rows: list[list[str]], language: str) -> None:
    """Write rows.

    Args:
        file: its name says which kind: ``.csv`` or ``.xlsx``.
        rows: the names of the columns first.
        language: of whoever opens it.

    Raises:
        UsageError: the name ends otherwise, or the file cannot be written.

    """
    match file.suffix.lower():
        case ".csv":
            save(file, sheets.as_csv(rows, language))
        case ".xlsx":
            save(file, sheets.as_xlsx(rows))
        case _:
            raise UsageError(f"--out {file}: a sheet is written as .csv or .xlsx")


def save(file: Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        UsageError: it cannot be written.

    """
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from None
