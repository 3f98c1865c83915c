"""CSV, record by record. A quote that is never closed costs the line that it stands in, and none of those after it."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST_LINES = 50
"""More than a field of any real row has: a record that goes on longer has lost its closing quote."""
_MOST_TEXT = 1024 * 1024
"""Characters. A longer record is no row either, and would have to sit in memory."""


@dataclass(frozen=True)
class Record:
    """The fields of a row, or a line that is none.

    Attributes:
        number: the line on which it begins, from 1.
        end: the line on which it ends.
        problem: what keeps it from being a row; it has no fields then.
        text: its lines as they stand, then.

    """

    number: int
    end: int
    fields: list[str]
    problem: str | None = None
    text: str | None = None


def records(text: Iterable[str], delimiter: str) -> Iterator[Record]:
    """Give the records of a file, the names of its columns first; those that say nothing are passed over.

    Where a record is none, only its first line is told to be so, and reading goes on with the next one. Whether that is
    a row or the rest of one nobody knows: it must have as many fields as there are columns.
    """
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    width: int | None = None
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield lines.reject(str(error))
            continue
        if not any(field.strip() for field in fields):
            lines.take([])
            continue
        width = len(fields) if width is None else width
        if lines.in_doubt and len(fields) != width:
            yield lines.reject(f"{len(fields)} fields for {width} columns: is a quote not closed, here or above?")
            continue
        if lines.may_be_rows(delimiter, width):
            yield lines.reject("each of its lines may be a row of its own: is a quote not closed?", lines.held)
            continue
        yield lines.take(fields)


class _Lines:
    """A file's lines; those of the record that is being read can be read again.

    Attributes:
        held: how many lines the record has.
        in_doubt: whether the record goes over several lines, or stands where one did that was none.

    """

    def __init__(self, text: Iterable[str]) -> None:
        self._text = iter(text)
        self._done = 0
        self._record: list[str] = []
        self._length = 0
        self._again: deque[str] = deque()
        self._doubtful_until = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._record) == MOST_LINES or self._length > _MOST_TEXT:
            raise csv.Error("a quote is not closed")
        line = self._again.popleft() if self._again else next(self._text)
        self._record.append(line)
        self._length += len(line)
        return line

    @property
    def held(self) -> int:
        return len(self._record)

    @property
    def in_doubt(self) -> bool:
        return len(self._record) > 1 or self._done < self._doubtful_until

    def may_be_rows(self, delimiter: str, width: int) -> bool:
        """Tell whether each line of a record that goes over several might as well be a row of its own."""
        several = len(self._record) > 1 and width > 1
        return several and all(line.count(delimiter) >= width - 1 for line in self._record)

    def take(self, fields: list[str]) -> Record:
        """Take the lines as a record."""
        record = Record(self._done + 1, self._done + len(self._record), fields)
        self._go_on(len(self._record))
        return record

    def reject(self, problem: str, count: int = 1) -> Record:
        """Take so many lines of the record as none; those that are left are read again."""
        text = "".join(self._record[:count]).strip()
        record = Record(self._done + 1, self._done + count, [], f"is not CSV: {problem}", text)
        self._doubtful_until = max(self._doubtful_until, self._done + len(self._record))
        self._again.extendleft(reversed(self._record[count:]))
        self._go_on(count)
        return record

    def _go_on(self, lines: int) -> None:
        self._done += lines
        self._record = []
        self._length = 0
