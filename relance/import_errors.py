"""The file of rejected rows: it stands beside the shop's own file, and may be mended and imported itself."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
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

    Args:
        path: where it is.
        after: what it says of later lines than this is of a run that was broken off, and will be said again.

    Raises:
        UsageError: it cannot be written.

    """

    def __init__(self, path: Path, after: int) -> None:
        self._path = path
        try:
            if after and path.exists():
                self._forget(after)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from None

    def _forget(self, after: int) -> None:
        kept = self._path.with_name(f"{self._path.name}.kept")
        with self._path.open("rb") as said, kept.open("wb") as file:
            file.writelines(line for line in said if _line_of(line) <= after)
        kept.replace(self._path)

    def add(self, rejected: Iterable[Rejected]) -> None:
        """Write rows, and wait until they are on the disk."""
        lines = [json.dumps(vars(each), ensure_ascii=False) + "\n" for each in rejected]
        if not lines:
            return
        try:
            # Half of a surrogate pair cannot be written; as its JSON escape it can.
            with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> UsageError:
        return UsageError(f"cannot write {self._path}: {error.strerror}; --errors names another file")


def _line_of(said: bytes) -> float:
    """Tell which line a rejection is about; one that was being written when the process was killed is about none."""
    try:
        return int(json.loads(said)["line"])
    except (ValueError, TypeError, KeyError):
        return float("inf")
