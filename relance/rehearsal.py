"""Plays recorded events through the real engine: Postgres, Temporal, workers, relay, sandbox."""

from __future__ import annotations

import asyncio
import gzip
import heapq
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client

from journeys.events import BadEventError, Event, parse
from relance import serving
from relance.assembly import Parts
from relance.errors import UsageError
from relance.recording import RecordedClock
from storage import ingest, outbox
from storage.ingest import check

CONCURRENCY = 1000
"""Looks whose moment has not come wait in the worker; there must be room for all that wait at a time."""
REACTION = timedelta(minutes=1)
"""Nobody reacts to a message sooner."""
_POLL = 0.005


@dataclass
class Feed:
    """The events still to be taken in, in order; more may be added while it is read."""

    _heap: list[tuple[tuple[datetime, str], Event]] = field(default_factory=list)

    def add(self, event: Event) -> None:
        """Add an event."""
        heapq.heappush(self._heap, (event.order, event))

    def peek(self) -> Event | None:
        """Give the next event without taking it."""
        return self._heap[0][1] if self._heap else None

    def take(self) -> Event:
        """Take the next event."""
        return heapq.heappop(self._heap)[1]

    @property
    def starts_at(self) -> datetime:
        """Tell when the next event happens; there must be one."""
        return self._heap[0][1].at

    def __len__(self) -> int:
        """Count the events."""
        return len(self._heap)


def read(file: Path) -> Feed:
    """Read recorded events, one JSON object on a line; ``.gz`` is unpacked.

    Raises:
        UsageError: the file cannot be read, or a line is not an event; the message names the line.

    """
    feed = Feed()
    try:
        for number, line in enumerate(_lines(file), start=1):
            if line.strip():
                feed.add(_event(line, f"{file}:{number}"))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from None
    if not feed:
        raise UsageError(f"{file} holds no events")
    return feed


def _lines(file: Path) -> Iterator[str]:
    packed = file.suffix == ".gz"
    with gzip.open(file, "rt", encoding="utf-8") if packed else file.open(encoding="utf-8") as lines:
        yield from lines


def _event(line: str, where: str) -> Event:
    try:
        event = recorded(json.loads(line))
        check(event)
    except json.JSONDecodeError as error:
        raise UsageError(f"{where}: not JSON: {error.msg} (column {error.colno})") from None
    except BadEventError as error:
        raise UsageError(f"{where}: {error}") from None
    return event


def recorded(message: Any) -> Event:
    """Read a recorded message: it counts as received when it happened.

    Raises:
        BadEventError: it cannot be read, or says not when it happened.

    """
    at = message.get("timestamp") if isinstance(message, dict) else None
    if not isinstance(at, str):
        raise BadEventError("timestamp", "a recorded event must say when it happened")
    try:
        received_at = datetime.fromisoformat(at)
    except ValueError:
        raise BadEventError("timestamp", "must be ISO 8601 with a zone, such as 2026-03-01T10:15:00Z") from None
    return parse({key: value for key, value in message.items() if key != "sentAt"}, received_at=received_at)


async def play(
    parts: Parts,
    client: Client,
    clock: RecordedClock,
    shop: str,
    feed: Feed,
    *,
    progress: Callable[[Event], None] = lambda _: None,
    react: Callable[[], Awaitable[Iterable[Event]]] | None = None,
) -> None:
    """Play a feed to its end, and the journeys to theirs.

    Args:
        parts: built around the same clock.
        client: Temporal.
        clock: the recording's.
        shop: whose events they are.
        feed: what happens.
        progress: told of each event after it was taken in.
        react: asked after every decision what people do because of it; the events must lie later than the decision.

    """
    stop = asyncio.Event()
    workers = parts.workers(client, concurrency=CONCURRENCY)
    engine = asyncio.create_task(
        serving.together(
            stop, parts.relay(client, clock.clock).run(stop), *(serving.work(build, stop) for build in workers)
        )
    )
    feeding = asyncio.create_task(_feed(parts, clock, shop, feed, progress, react))
    try:
        await asyncio.wait({engine, feeding}, return_when=asyncio.FIRST_COMPLETED)
        if not feeding.done():
            feeding.cancel()
        else:
            await feeding
    finally:
        stop.set()
        await engine


async def _feed(
    parts: Parts,
    clock: RecordedClock,
    shop: str,
    feed: Feed,
    progress: Callable[[Event], None],
    react: Callable[[], Awaitable[Iterable[Event]]] | None,
) -> None:
    while (event := feed.peek()) or (react and await _next_due(parts)):
        moment = await _horizon(parts, event, reacting=react is not None)
        await clock.open_until(moment)
        await clock.pace(moment)
        await _decided_before(parts, moment)
        for reaction in await react() if react else ():
            feed.add(reaction)
        if event is None or moment < event.at or feed.peek() is not event:
            continue
        clock.arrive(event.at)
        await ingest.take(parts.pool, parts.following, shop, feed.take())
        progress(event)
    await clock.open_for_good()
    await _at_rest(parts)


async def _horizon(parts: Parts, event: Event | None, *, reacting: bool) -> datetime:
    """Tell how far decisions may go: to the next event, or until somebody can have reacted to the next decision."""
    due = await _next_due(parts) if reacting else None
    return min(([event.at] if event else []) + ([due + REACTION] if due else []))


async def _next_due(parts: Parts) -> datetime | None:
    due: datetime | None = await parts.pool.fetchval("select min(next_at) from journeys where status = 'running'")
    return due


async def _decided_before(parts: Parts, moment: datetime) -> None:
    """Wait until every decision that was due before the moment has been made."""
    while await parts.pool.fetchval(  # noqa: ASYNC110 Postgres is what changes, and it sets no events
        "select exists (select from journeys where status = 'running' and next_at < $1)", moment
    ):
        await asyncio.sleep(_POLL)


async def _at_rest(parts: Parts) -> None:
    """Wait until every journey has ended and Temporal has heard of it."""
    while await _busy(parts):  # noqa: ASYNC110 as above
        await asyncio.sleep(_POLL)


async def _busy(parts: Parts) -> bool:
    return await _next_due(parts) is not None or (await outbox.waiting(parts.pool)).rows > 0
