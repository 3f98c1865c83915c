"""A shop's files: CSV or NDJSON, packed or not, read row by row, since they may be larger than the memory."""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

from journeys.csv_records import records
from relance.errors import UsageError

LONGEST_LINE = 1024 * 1024
"""Bytes. An event has 32 KB at most: a longer line is no row, and would have to sit in memory."""

_CHUNK = 1024 * 1024
_DELIMITERS = (",", ";", "\t")
_REJECTED = {"line", "column", "problem", "row"}
"""What a line of an errors file holds: it may be mended there and imported as it is."""
_STILL_TEXT = 'is still text: write the row as an object, such as {"customer_id": "u-1"}'


@dataclass(frozen=True)
class Line:
    """A row as it stands in the file.

    Attributes:
        number: the line on which it begins, from 1.
        end: the line on which it ends.
        values: by the names of the columns; the surplus of a row that is too long under an empty name.
        problem: what keeps it from being a row at all; ``values`` holds nothing then.
        text: the line as it stands then.

    """

    number: int
    end: int
    values: dict[str, Any]
    problem: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Source:
    """A file that was looked through once.

    Attributes:
        digest: of its content, unpacked.
        lines: how many it has.
        delimiter: of a CSV file; None for NDJSON.
        names: of a CSV file's columns.

    """

    file: Path
    digest: str
    lines: int
    delimiter: str | None
    names: tuple[str, ...]

    def rows(self, after: int = 0) -> Generator[Line]:
        """Give the rows that stand after a line, one by one."""
        with _text(self.file) as text:
            lines = _csv(text, self.delimiter) if self.delimiter else _ndjson(text)
            yield from (line for line in lines if line.number > after)


def look_through(file: Path) -> Source:
    """Look through a file once: whether it can be read at all, and what is in it.

    Raises:
        UsageError: it cannot be read; the message says what would help.

    """
    try:
        digest, lines = _digest(file)
        with _text(file) as text:
            return _source(file, digest, lines, text)
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from None


def _source(file: Path, digest: str, lines: int, text: io.TextIOWrapper) -> Source:
    first = next((line for line in text if line.strip()), None)
    if first is None:
        raise UsageError(f"{file} is empty")
    if first.lstrip().startswith("["):
        raise UsageError(f"{file} is one JSON list; write one object on a line, as 'jq -c .[]' does")
    if first.lstrip().startswith("{"):
        return Source(file, digest, lines, None, ())
    delimiter = max(_DELIMITERS, key=lambda each: len(_fields(first, each)))
    header = next(records(chain([first], text), delimiter), None)
    if header is None or header.problem:
        why = header.problem if header else "is empty"
        raise UsageError(f"{file}: the line of the columns' names {why}")
    return Source(file, digest, lines, delimiter, _names(file, _stripped(header.fields)))


def _names(file: Path, header: list[str]) -> tuple[str, ...]:
    twice = [name for name in header if name and header.count(name) > 1]
    if twice:
        raise UsageError(f"{file}: two columns are named '{twice[0]}'; rename one of them")
    return tuple(header)


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error:
        return []


def _stripped(fields: list[str]) -> list[str]:
    return [field.strip() for field in fields]


def _digest(file: Path) -> tuple[str, int]:
    """Read all of a file; give its digest and the number of its lines."""
    digest, lines, length = hashlib.sha256(), 1, 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    with _bytes(file) as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                raise _not_utf8(file, lines + error.object[: error.start].count(b"\n")) from None
            begins = chunk.rfind(b"\n") + 1
            length = len(chunk) - begins if begins else length + len(chunk)
            lines += chunk.count(b"\n")
            if length > LONGEST_LINE:
                raise UsageError(f"{file}:{lines}: the line is longer than {LONGEST_LINE // 1024} KB: that is no row")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise _not_utf8(file, lines) from None
    return digest.hexdigest(), lines if length else lines - 1


def _not_utf8(file: Path, line: int) -> UsageError:
    return UsageError(f"{file}:{line}: is not UTF-8 text; save the file anew as 'CSV UTF-8' (or run it through iconv)")


@contextmanager
def _bytes(file: Path) -> Iterator[IO[bytes]]:
    with file.open("rb") as raw:
        if raw.peek(2)[:2] != b"\x1f\x8b":
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as unpacked:
            # A GzipFile is all that is asked of a file of bytes, but is not declared as one.
            yield unpacked  # type: ignore[misc]


@contextmanager
def _text(file: Path) -> Iterator[io.TextIOWrapper]:
    with _bytes(file) as content, io.TextIOWrapper(content, encoding="utf-8-sig", newline="") as text:
        yield text


def _csv(text: io.TextIOWrapper, delimiter: str) -> Iterator[Line]:
    found = records(text, delimiter)
    header = _stripped(next(found).fields)
    for record in found:
        values = {} if record.problem else _by_name(header, record.fields)
        yield Line(record.number, record.end, values, record.problem, record.text)


def _by_name(header: list[str], fields: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = dict(zip(header, fields, strict=False))
    # A column without a name says nothing as long as it is empty: spreadsheets leave such columns behind.
    surplus = [values.pop("", ""), *fields[len(header) :]]
    if any(field.strip() for field in surplus):
        values[""] = [field for field in surplus if field.strip()]
    return values


def _ndjson(text: io.TextIOWrapper) -> Iterator[Line]:
    for number, line in enumerate(text, start=1):
        if line.strip():
            yield _object(number, line)


def _object(number: int, line: str) -> Line:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        return Line(number, number, {}, f"is not JSON: {error.msg} (column {error.colno})", line.strip())
    except (ValueError, RecursionError):
        problem = "is not JSON that can be read: nested too deep, or a number too long"
        return Line(number, number, {}, problem, line.strip())
    if isinstance(value, dict) and value.keys() == _REJECTED:
        value = value["row"]
        if isinstance(value, str):
            return Line(number, number, {}, _STILL_TEXT, value)
    if not isinstance(value, dict):
        return Line(number, number, {}, "is not a JSON object", line.strip())
    return Line(number, number, value)
