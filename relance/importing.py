"""Takes the rows of a file in, batch by batch, so that an import that is broken off goes on where it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import structlog

from journeys import imports
from journeys.events import BadEventError, Event
from journeys.imports import Reading, Suppression, What
from journeys.rows import BadRowError
from relance.assembly import Parts
from relance.import_errors import ErrorsFile, Rejected
from relance.import_files import Line, Source
from storage import imports as progress
from storage import ingest, suppressions
from storage.database import PASSING
from storage.imports import Key, Progress
from storage.ingest import Taken

BATCH = 500
"""Rows. What a kill may undo of the counted progress; of what was taken it undoes nothing."""

log = structlog.get_logger()


@dataclass
class Outcome:
    """What became of some rows."""

    new: int = 0
    known: int = 0
    rejected: list[Rejected] = field(default_factory=list)

    def count(self, *, new: bool) -> None:
        """Count a row that was taken."""
        self.new, self.known = self.new + new, self.known + (not new)


@dataclass(frozen=True)
class Import:
    """One file on its way in.

    Args:
        reading: how its rows are to be understood.
        batch: how many rows are taken at a time.

    """

    source: Source
    what: What
    reading: Reading
    batch: int = BATCH

    def check(self, errors: ErrorsFile, tell: Callable[[int], None]) -> tuple[int, int]:
        """Read all rows and take none; count those that can be taken and those that cannot."""
        fine = wrong = 0
        with closing(self.source.rows()) as rows:
            for batch in _batches(rows, self.batch):
                good, rejected = self._read(batch)
                errors.add(rejected)
                fine, wrong = fine + len(good), wrong + len(rejected)
                tell(batch[-1].end)
        return fine, wrong

    async def take(
        self, parts: Parts, key: Key, done: Progress, errors: ErrorsFile, tell: Callable[[int], None]
    ) -> Progress:
        """Take all rows that are not done yet; ``tell`` hears how many lines are done."""
        with closing(self.source.rows(after=done.lines_done)) as rows:
            for batch in _batches(rows, self.batch):
                outcome = await self._take(parts, key.shop, batch)
                # The errors first: what is counted as done is never read again.
                errors.add(outcome.rejected)
                done = dataclasses.replace(
                    done,
                    lines_done=batch[-1].end,
                    new=done.new + outcome.new,
                    known=done.known + outcome.known,
                    rejected=done.rejected + len(outcome.rejected),
                )
                await progress.save(parts.pool, key, done)
                tell(done.lines_done)
        done = dataclasses.replace(done, finished_at=datetime.now(UTC))
        await progress.save(parts.pool, key, done)
        return done

    def _read(self, lines: Sequence[Line]) -> tuple[list[tuple[Line, Any]], list[Rejected]]:
        good, rejected = [], []
        for line in lines:
            try:
                good.append((line, self._meaning(line)))
            except BadRowError as error:
                rejected.append(_rejected(line, error.column, error.problem))
            except BadEventError as error:
                rejected.append(_rejected(line, None, str(error)))
        return good, rejected

    def _meaning(self, line: Line) -> Event | list[Suppression]:
        if line.problem is not None:
            raise BadRowError(None, line.problem)
        if self.what is What.SUPPRESSIONS:
            return imports.suppressions(line.values, self.reading)
        event = imports.event(self.what, line.values, self.reading, received_at=datetime.now(UTC))
        ingest.check(event)
        return event

    async def _take(self, parts: Parts, shop: str, lines: Sequence[Line]) -> Outcome:
        good, rejected = self._read(lines)
        outcome = Outcome(rejected=rejected)
        if self.what is What.SUPPRESSIONS:
            await _suppress(parts, shop, [meant for _, meant in good], outcome)
        else:
            await _take_events(parts, shop, good, outcome)
        return outcome


def _batches(rows: Iterator[Line], size: int) -> Iterator[list[Line]]:
    while batch := list(islice(rows, size)):
        yield batch


def _rejected(line: Line, column: str | None, problem: str) -> Rejected:
    return Rejected(line.number, column, problem, line.values if line.problem is None else line.text)


async def _suppress(parts: Parts, shop: str, rows: list[list[Suppression]], outcome: Outcome) -> None:
    now = datetime.now(UTC)
    async with parts.pool.acquire() as db, db.transaction():
        for row in rows:
            outcome.count(new=any([await suppressions.add(db, shop, each, now) for each in row]))


async def _take_events(parts: Parts, shop: str, rows: list[tuple[Line, Event]], outcome: Outcome) -> None:
    """Take events in. One that we cannot take, by our own mistake, is set aside and keeps no other from being taken."""
    try:
        taken = await ingest.take_all(parts.pool, parts.following, shop, [event for _, event in rows])
    except PASSING:
        raise
    except Exception as error:  # noqa: BLE001 whatever it is, the row is kept and told of
        if len(rows) > 1:
            for row in rows:
                await _take_events(parts, shop, [row], outcome)
            return
        [(line, _)] = rows
        # Not its text, which may hold what stands in the row.
        kind = type(error).__name__
        log.error("a row cannot be taken", line=line.number, error=kind)  # noqa: TRY400 the same
        outcome.rejected.append(_rejected(line, None, f"cannot be taken, by a mistake of Relance: {kind}"))
        return
    for became in taken:
        outcome.count(new=became is Taken.NEW)
