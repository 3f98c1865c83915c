"""``relance tasks``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from activities.briefing import Briefing
from activities.task_facts import facts
from messages.tasks import words
from relance import shop_commands, tables
from relance.assembly import Parts
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from relance.typed import piped
from storage import tasks
from storage.tasks import MOST_BY, MOST_TEXT, Task, TaskStateError

LANGUAGE = "en"
"""Of the terminal."""
STATES = ("open", "claimed", "done", "expired", "withdrawn")

console = Console()


async def listing(
    settings: Settings, shop: str, state: str | None, limit: int, *, plan: str | None, customer: str | None
) -> None:
    """List a shop's tasks."""
    if state is not None and state not in STATES:
        raise UsageError(f"'{state}' is not one of {', '.join(STATES)}")
    async with connected(settings) as parts:
        await shop_commands.get(parts, shop)
        found = await tasks.page(parts.pool, shop, state, None, limit + 1, plan=plan, customer=customer)
    if not found:
        console.print("no such tasks")
        return
    table = tables.by_id("title", "state", "customer", "due (UTC)", "by")
    for one in found[:limit]:
        by = one.done_by or one.claimed_by or "-"
        table.add_row(
            one.task_id, escape(one.title), one.state, escape(one.customer_id), _moment(one.due_at), escape(by)
        )
    tables.show(console, table)
    if len(found) > limit:
        console.print(f"these are the first {limit}; --limit shows more")


async def show(settings: Settings, task: str) -> None:
    """Show a task."""
    async with connected(settings) as parts:
        found = await _find(parts, task)
        briefing = await parts.briefings.read(found)
    table = Table(show_header=False)
    for name, value in (
        ("id", found.task_id),
        ("title", found.title),
        ("state", found.state),
        ("plan", found.plan),
        ("journey", found.journey),
        ("step", found.step),
        ("customer", found.customer_id),
        ("opened (UTC)", _moment(found.opened_at)),
        ("due (UTC)", _moment(found.due_at)),
        ("claimed by", found.claimed_by or "-"),
        ("done by", found.done_by or "-"),
        ("done (UTC)", _moment(found.done_at)),
        ("text", found.text or "-"),
        *_told(briefing),
    ):
        table.add_row(name, escape(value))
    tables.show(console, table)


def _told(briefing: Briefing) -> Iterator[tuple[str, str]]:
    names = words(LANGUAGE).facts
    yield from ((names[name].lower(), said) for name, said in facts(briefing, LANGUAGE))
    if briefing.draft is not None:
        yield names["draft"].lower(), briefing.draft


async def claim(settings: Settings, task: str, by: str) -> None:
    """Say who does a task."""
    by = _written("by", by, MOST_BY)
    async with connected(settings) as parts:
        found = await _find(parts, task)
        try:
            await tasks.claim(parts.pool, found, by, datetime.now(UTC))
        except TaskStateError as error:
            raise UsageError(str(error)) from None
    console.print(f"{task} is claimed by {by}", highlight=False, markup=False)


async def complete(settings: Settings, task: str, by: str, text: str) -> None:
    """Say that a task is done."""
    by = _written("by", by, MOST_BY)
    words = _written("text", piped() if text == "-" else text, MOST_TEXT)
    async with connected(settings) as parts:
        found = await _find(parts, task)
        try:
            await tasks.complete(parts.pool, found, by, words, datetime.now(UTC))
        except TaskStateError as error:
            raise UsageError(str(error)) from None
    console.print(f"{task} is done: its journey goes on", highlight=False)


def _written(option: str, said: str, most: int) -> str:
    """Give what was written, without what is blank around it."""
    written = said.strip()
    if not 1 <= len(written) <= most or "\0" in written:
        raise UsageError(f"--{option} must be 1 to {most} characters of text")
    return written


async def _find(parts: Parts, task: str) -> Task:
    found = await tasks.find(parts.pool, task)
    if found is None:
        raise UsageError(f"there is no task '{task}'; relance tasks list shows them")
    return found


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "-"
