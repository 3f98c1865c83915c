"""``relance rehearse``: a recording in, two files out."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from temporalio.client import Client

from journeys.entry import ByMoments
from journeys.events import Event
from journeys.policy import Policy
from messages.catalog import PlanFile
from relance import plan_files, rehearsal, results
from relance.assembly import Parts, assemble
from relance.embedded import TemporalAddress
from relance.errors import UsageError
from relance.recording import RecordedClock
from relance.secret import Secret, kept_in
from relance.up import DEMO_SHOP, servers
from storage import plans, shops
from storage.migrate import migrate
from workers import temporal

SPEED = 20_000.0
PUBLIC_URL = "https://relance.example.com"
CART_PAGE = "https://shop.example.com/cart"

console = Console(stderr=True)


@dataclass(frozen=True)
class Stage:
    """What a rehearsal is played on: its own database, its own Temporal, its own clock."""

    parts: Parts
    client: Client
    clock: RecordedClock
    address: TemporalAddress
    secret: Secret


@asynccontextmanager
async def stage(
    data: Path, start: datetime, speed: float, public_url: str, file: PlanFile, policy: Policy
) -> AsyncIterator[Stage]:
    """Set up a rehearsal in an empty folder."""
    secret = kept_in(data)
    clock = RecordedClock(start, speed)
    async with servers(data, durable=False) as (url, address):
        await migrate(url)
        client = await temporal.connect(address=address.grpc, namespace="default")
        await temporal.bootstrap(client)
        async with assemble(url, secret, public_url, clock=clock) as parts:
            await shops.create(parts.pool, DEMO_SHOP, "Demo")
            made = await shops.get(parts.pool, DEMO_SHOP)
            await shops.save(parts.pool, replace(made, cart_url=CART_PAGE, policy=policy))
            await plans.publish(parts.pool, DEMO_SHOP, file.plan, file.messages.model_dump_json())
            yield Stage(parts, client, clock, address, secret)


async def rehearse(events: Path, plan: str, speed: float, out: Path, policy: Policy, *, holdout: bool) -> None:
    """Play recorded events and write what came of them.

    Raises:
        UsageError: the events or the plan cannot be used.

    """
    file = plan_files.read(plan)
    if isinstance(file.plan.entry, ByMoments):
        raise UsageError(
            f"{plan} is entered by a schedule, and by no recorded event: relance plan preview tells what it would do"
        )
    if not holdout:
        file = PlanFile(file.plan.model_copy(update={"holdout": 0}), file.messages)
    feed = rehearsal.read(events)
    start = feed.starts_at
    with tempfile.TemporaryDirectory(prefix="relance-") as folder, _bar() as bar:
        task = bar.add_task("events", total=len(feed), day="")

        def progress(event: Event) -> None:
            bar.update(task, advance=1, day=f"{event.at:%Y-%m-%d}")

        async with stage(Path(folder), start, speed, PUBLIC_URL, file, policy) as on:
            await rehearsal.play(on.parts, on.client, on.clock, DEMO_SHOP, feed, progress=progress)
            summary = await results.write(on.parts.pool, on.client, out)
    _print(summary, on.clock, out)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[day]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def _print(summary: results.Summary, clock: RecordedClock, out: Path) -> None:
    print(f"journeys: {summary.journeys}")  # noqa: T201 the command's answer
    for title, counts in (
        ("outcome", summary.outcomes),
        ("because", summary.reasons),
        ("sent", summary.sends),
        ("deferred", summary.deferrals),
        ("refused", summary.refusals),
    ):
        for name, count in sorted(counts.items(), key=lambda item: -item[1]):
            print(f"  {title}: {name}: {count}")  # noqa: T201
    print(f"real time fell {clock.lag.total_seconds():.1f} s behind the scaled clock")  # noqa: T201
    print(f"wrote {out / 'journeys.ndjson'} and {out / 'sends.ndjson'}")  # noqa: T201
