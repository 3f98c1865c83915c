"""``relance import``: what a shop knew before Relance."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from journeys.imports import Reading, What, missing
from journeys.rows import moment
from relance import import_files, shop_commands
from relance.assembly import Parts
from relance.errors import UsageError
from relance.import_errors import ErrorsFile
from relance.import_files import Source
from relance.importing import Import
from relance.processes import connected
from relance.settings import Settings
from storage import imports
from storage.database import PASSING
from storage.imports import Key

screen = Console(stderr=True)


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for.

    Attributes:
        errors: where rejected rows go.
        again: from the start, whatever was done.

    """

    what: What
    file: Path
    shop: str
    reading: Reading
    errors: Path
    again: bool

    @property
    def report(self) -> Path:
        """Where a dry run says which rows would be rejected."""
        return self.errors.with_name(f"{self.errors.name}.dry-run")


def wanted(
    what: What, file: Path, shop: str, timezone: str | None, as_of: str | None, errors: Path | None, *, again: bool
) -> Wanted:
    """Check what the command line says.

    Raises:
        UsageError: a time zone or a date is none, or rejected rows would go over the file itself.

    """
    errors = errors or file.with_name(f"{file.name}.errors.ndjson")
    zone = _zone(timezone) if timezone else None
    job = Wanted(what, file, shop, Reading(zone, _as_of(as_of, zone) if as_of else None), errors, again)
    if file.resolve() in (job.errors.resolve(), job.report.resolve()):
        raise UsageError("--errors must be another file than the one that is imported")
    return job


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"--timezone: there is no time zone '{name}'; a name such as Europe/Paris is one") from None


def _as_of(text: str, zone: ZoneInfo | None) -> datetime:
    try:
        at = moment(text, zone)
    except ValueError as error:
        raise UsageError(f"--as-of {error}") from None
    if at > datetime.now(UTC):
        raise UsageError("--as-of lies in the future")
    return at


async def check(job: Wanted) -> None:
    """Read a file and change nothing; the errors file, in which rows may have been mended, stays as it is, too.

    Raises:
        UsageError: the file cannot be read.
        typer.Exit: with code 1, where there are rows that would be rejected.

    """
    source = _looked_through(job)
    report = ErrorsFile(job.report)
    report.clear()
    with _bar(source, 0) as tell:
        fine, wrong = Import(source, job.what, job.reading).check(report, tell)
    print(f"checked {job.file}: {fine} {job.what} can be imported, {wrong} cannot; nothing was changed")  # noqa: T201 the answer
    _end(wrong, f"They are told in {job.report}, which the next dry run writes anew.")


async def run(settings: Settings, job: Wanted) -> None:
    """Import a file, or go on where an earlier run of it was broken off.

    Raises:
        UsageError: the file cannot be read, there is no such shop, or the database went away.
        typer.Exit: with code 1, where rows were rejected.

    """
    source = _looked_through(job)
    # Read in another way it is another import: what was done under the old one was understood otherwise.
    digest = sha256(f"{source.digest} {job.reading}".encode()).hexdigest()
    key = Key(job.shop, job.what, digest)
    try:
        async with connected(settings) as parts:
            await shop_commands.get(parts, job.shop)
            async with imports.alone(parts.pool, key) as is_alone:
                if not is_alone:
                    raise UsageError(f"{job.file} is being imported by another process")
                done = await _take(parts, key, job, source)
    except asyncio.CancelledError:
        screen.print("Stopped. Nothing that was taken is lost; the same command goes on from here.")
        raise
    except PASSING as error:
        what = type(error).__name__
        raise UsageError(f"the database went away ({what}); once it is back, the same command goes on") from None
    _print(job, done)
    _end(done.rejected, f"The rejected rows are in {job.errors}; mend them there, and import that file.")


def _looked_through(job: Wanted) -> Source:
    source = import_files.look_through(job.file)
    if source.delimiter and (groups := missing(job.what, source.names)):
        wanted_columns = "; ".join(" or ".join(group) for group in groups)
        found = ", ".join(name for name in source.names if name)
        raise UsageError(f"{job.file} lacks a column that {job.what} need: {wanted_columns}. It has: {found}")
    return source


async def _take(parts: Parts, key: Key, job: Wanted, source: Source) -> imports.Progress:
    done = await imports.begin(parts.pool, key, datetime.now(UTC), again=job.again)
    if done.finished_at is not None:
        screen.print(f"This file was imported on {done.finished_at:%Y-%m-%d %H:%M} UTC; --again starts over.")
        return done
    errors = ErrorsFile(job.errors)
    if done.lines_done:
        screen.print(f"Going on after line {done.lines_done}; --again starts over.")
        errors.forget(after=done.lines_done)
    elif aside := errors.set_aside():
        screen.print(f"What stood in {job.errors} is in {aside} now.", markup=False, soft_wrap=True)
    with _bar(source, done.lines_done) as tell:
        return await Import(source, job.what, job.reading).take(parts, key, done, errors, tell)


class _Rate(ProgressColumn):
    """How many lines are done in a second."""

    def render(self, task: Task) -> Text:
        """Give the rate; nothing until there is one."""
        return Text(f"{task.speed:.0f}/s" if task.speed else "")


@contextmanager
def _bar(source: Source, done: int) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how many lines are done; gives what must be told of it."""
    bar = Progress(
        TextColumn("lines"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=screen,
        disable=not screen.is_terminal,
    )
    with bar:
        task = bar.add_task("lines", total=source.lines, completed=done)
        yield lambda lines: bar.update(task, completed=lines)


def _print(job: Wanted, done: imports.Progress) -> None:
    out = Console()
    if not out.is_terminal:
        counts = f"{done.new} new, {done.known} known already, {done.rejected} rejected"
        print(f"imported {job.what} of {job.file} into {job.shop}: {counts}")  # noqa: T201 the answer
        return
    table = Table("new", "known already", "rejected", title=Text(f"{job.what} of {job.file.name} into {job.shop}"))
    table.add_row(str(done.new), str(done.known), str(done.rejected))
    out.print(table)


def _end(rejected: int, where: str) -> None:
    if rejected:
        print(where)  # noqa: T201 the answer
        raise typer.Exit(1)
