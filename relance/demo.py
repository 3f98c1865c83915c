"""``relance demo``: a generated shop day, played through the real engine, with a live view."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import platformdirs
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from api import app
from journeys.events import Event
from journeys.policy import Policy
from relance import embedded, plan_files, rehearsal, serving, shop_day
from relance.recording import RecordedClock
from relance.rehearse_command import Stage, stage
from relance.up import DEMO_SHOP, HOST, addresses, demo_keys
from storage.database import Pool

SPEED = 10_000.0
DAY = datetime(2026, 3, 10, tzinfo=UTC)
FOLDER = platformdirs.user_data_path("relance") / "demo"
_REFRESH = 0.25
_LATE_STEP = "second"

_COUNTS = """
select (select count(*) from carts where holds_items and ordered_at is null) as "carts open",
       (select count(*) from journeys where status = 'running') as waiting,
       (select count(*) from sends where state = 'accepted' and channel = 'sms') as "reminded by SMS",
       (select count(*) from sends where state = 'accepted' and channel = 'email') as "reminded by e-mail",
       (select count(*) from journeys j where outcome = 'converted' and exists (
           select from sends s where s.journey = j.id and s.state = 'accepted' and s.sent_at < j.ended_at)
       ) as recovered
"""
_REFUSED = "select reason, count(*) as n from sends where state = 'refused' group by reason order by n desc, reason"
_SENT = """
select s.send_id, s.step, s.customer_id, j.cart_id, s.sent_at from sends s join journeys j on j.id = s.journey
 where s.state = 'accepted' and not s.send_id = any($1)
"""

console = Console()


async def demo(port: int, speed: float, seed: int) -> None:
    """Play the day. In a terminal it then stays up until Ctrl-C.

    Raises:
        UsageError: another demo runs, or a program is missing.

    """
    console.print(f"Playing a generated shop day and what follows it, at up to {speed:,.0f} times the world's speed.")
    messages = shop_day.generate(seed=seed, day=DAY)
    feed = rehearsal.Feed()
    for message in messages:
        feed.add(rehearsal.recorded(message))
    port = embedded.free_port(port)
    with embedded.owned(FOLDER):
        data = embedded.emptied(FOLDER / "data")
        async with stage(data, DAY, speed, f"http://{HOST}:{port}", plan_files.read("cart-recovery"), Policy()) as on:
            await _play_and_stay(on, feed, shop_day.Reactions(seed, messages), port)


async def _play_and_stay(on: Stage, feed: rehearsal.Feed, reactions: shop_day.Reactions, port: int) -> None:
    keys = await demo_keys(on.parts, on.secret)
    where = addresses(port, on.address, keys)
    async with serving.until_told() as stop:
        server = asyncio.create_task(serving.serve(app.build(on.parts.services(on.client)), HOST, port, stop))
        played = await _play(on, feed, reactions, stop)
        if played:
            console.print(await _summary(on.parts.pool, on.clock))
            console.print("\n".join(where.lines()), highlight=False, soft_wrap=True)
        if played and sys.stdout.isatty():
            console.print("Look around; Ctrl-C stops.")
            await stop.wait()
        stop.set()
        await server


async def _play(on: Stage, feed: rehearsal.Feed, reactions: shop_day.Reactions, stop: asyncio.Event) -> bool:
    """Play the feed with a live view; tell whether it was played to its end."""
    seen: set[str] = set()

    async def react() -> Iterable[Event]:
        events: list[Event] = []
        for row in await on.parts.pool.fetch(_SENT, list(seen)):
            seen.add(row["send_id"])
            sent = dict(row)
            visit = reactions.to(
                sent["send_id"],
                sent["step"],
                sent["customer_id"],
                sent["cart_id"],
                sent["sent_at"],
                late=sent["step"] == _LATE_STEP,
            )
            events += [rehearsal.recorded(message) for message in visit]
        return events

    with Live(console=console, auto_refresh=False, transient=not console.is_terminal) as live:
        playing = asyncio.create_task(rehearsal.play(on.parts, on.client, on.clock, DEMO_SHOP, feed, react=react))
        stopping = asyncio.create_task(stop.wait())
        while not playing.done() and not stop.is_set():
            live.update(await _view(on.parts.pool, on.clock), refresh=console.is_terminal)
            await asyncio.wait({playing, stopping}, timeout=_REFRESH, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not playing.done():
            playing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await playing
            return False
        await playing
        live.update(await _view(on.parts.pool, on.clock), refresh=console.is_terminal)
    return True


async def _view(pool: Pool, clock: RecordedClock) -> Group:
    row = await pool.fetchrow(_COUNTS)
    table = Table(title=f"A shop day, {clock.now():%a %d %b %H:%M}", show_header=False, min_width=40)
    for name, count in dict(row or {}).items():
        table.add_row(name, str(count))
    refused: list[Any] = [Text(f"refused: {r['reason']}: {r['n']}") for r in await pool.fetch(_REFUSED)]
    return Group(table, *refused)


async def _summary(pool: Pool, clock: RecordedClock) -> Group:
    outcomes = await pool.fetch("select outcome, count(*) as n from journeys group by outcome order by n desc")
    told = ", ".join(f"{row['n']} {row['outcome']}" for row in outcomes)
    # In a terminal the live view's last picture stands above already.
    view = [] if console.is_terminal else [await _view(pool, clock)]
    return Group(
        *view,
        Text(f"\nJourneys: {told}."),
        Text(
            "The people and their reactions are simulated; recovered carts here show the engine at work, not an effect."
        ),
    )
