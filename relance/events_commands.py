"""``relance events``: what the relay has set aside."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from relance import tables
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from storage import outbox, shops
from storage.shops import UnknownShopError

SHOWN = 200

console = Console()


async def parked(settings: Settings, shop: str | None) -> None:
    """List the rows that are parked."""
    async with connected(settings) as parts:
        if shop is not None:
            try:
                await shops.get(parts.pool, shop)
            except UnknownShopError:
                raise UsageError(f"there is no shop '{shop}'; relance shop create {shop} makes it") from None
        rows = await outbox.parked(parts.pool, shop, SHOWN + 1)
    if not rows:
        console.print("nothing is parked")
        return
    table = tables.by_id("journey", "what", "since", "tries", "reason")
    for row in rows[:SHOWN]:
        what, since = escape(row.signal or "start"), f"{row.parked_at:%Y-%m-%d %H:%M}"
        table.add_row(str(row.id), row.journey, what, since, str(row.tries), escape(row.problem))
    tables.show(console, table)
    if len(rows) > SHOWN:
        console.print(f"these are the oldest {SHOWN}; there are more")


async def retry(settings: Settings, ids: list[int], *, every: bool) -> None:
    """Give parked rows back to the relay."""
    if bool(ids) is every:
        raise UsageError("name the rows, or give --all; relance events parked lists them")
    if any(not 0 < number < 2**63 for number in ids):
        raise UsageError("an ID is a number as relance events parked lists it")
    async with connected(settings) as parts:
        given_back = await outbox.retry(parts.pool, None if every else ids)
    console.print(f"given back to the relay: {len(given_back)}")
    if missing := sorted(set(ids) - set(given_back)):
        raise UsageError(f"not parked: {', '.join(map(str, missing))}; relance events parked lists what is")
