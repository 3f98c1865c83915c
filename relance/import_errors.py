"""The file of rejected rows: it stands beside the shop's own file, and may be mended and imported itself."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from relance.errors import UsageError


@dataclass(frozen=True)
class Rejected:
    """A row that was not taken.

    Attributes:
        line: of the file, from 1.
        column: the column that is wrong, as the file names it; None where it is the row as a whole.
        row: as it stood in the file.

    """

    line: int
    column: str | None
    problem: str
    row: Any


class ErrorsFile:
    """Rejected rows, one JSON object on a line. There is no file as long as there is nothing to say.

    Each of its methods raises a UsageError where it cannot be written.

    Args:
        path: where it is.

    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def set_aside(self) -> Path | None:
        """Keep what an earlier run said under another name, and tell it: somebody may have mended rows there."""
        if not self._path.is_file():
            return None
        named = (self._path.with_name(f"{self._path.name}.{number}") for number in count(1))
        aside = next(path for path in named if not path.exists())
        with self._writing():
            self._path.rename(aside)
        return aside

    def clear(self) -> None:
        """Forget what an earlier run said."""
        with self._writing():
            self._path.unlink(missing_ok=True)

    def forget(self, after: int) -> None:
        """Forget what a run that was broken off said of the lines after one: it will be said again."""
        if not self._path.is_file():
            return
        kept = self._path.with_name(f"{self._path.name}.kept")
        with self._writing():
            with self._path.open("rb") as said, kept.open("wb") as file:
                file.writelines(line.rstrip(b"\n") + b"\n" for line in said if not _is_of_later(line, after))
            kept.replace(self._path)

    def add(self, rejected: Iterable[Rejected]) -> None:
        """Write rows, and wait until they are on the disk."""
        lines = [json.dumps(vars(each), ensure_ascii=False) + "\n" for each in rejected]
        if not lines:
            return
        # Half of a surrogate pair cannot be written; as its JSON escape it can.
        with self._writing(), self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(f"cannot write {self._path}: {error.strerror}; --errors names another file") from None


def _is_of_later(said: bytes, after: int) -> bool:
    """Tell whether a line will be said again, or was being written when the process was killed.

    Whatever else stands there somebody has written by hand.
    """
    try:
        return bool(json.loads(said)["line"] > after)
    except ValueError:
        return not said.endswith(b"\n")
    except (TypeError, KeyError):
        return False
