"""``relance customer``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from activities import preview
from activities.preview import ChannelAnswer
from journeys.explained import RuleAnswer
from relance import shop_commands, tables
from relance.assembly import Parts
from relance.errors import UsageError
from relance.processes import connected
from relance.settings import Settings
from storage import people_story
from storage.people_story import Consent, PersonStory, Sent, Suppressed

console = Console()


async def show(settings: Settings, shop: str, customer: str) -> None:
    """Show all that is known of a person, and what the gate would say now for each of their journeys, rule by rule."""
    async with connected(settings) as parts:
        await shop_commands.get(parts, shop)
        told = await people_story.tell(parts.pool, shop, customer)
        if told is None:
            raise UsageError(f"shop {shop} knows nobody by the id '{customer}'")
        shown = [*_tables(told), await _decisions(parts, told)]
    for table in shown:
        tables.show(console, table)


async def _decisions(parts: Parts, told: PersonStory) -> Table:
    lines: list[tuple[str, ...]] = []
    for journey in told.journeys:
        version = await parts.plans.version(parts.pool, journey.shop, journey.plan, journey.plan_version)
        for said in await preview.of_journey(parts.pool, journey.id, version.plan, datetime.now(UTC)):
            lines.append((journey.id, said.channel, "", _answer(said), said.reason or "-"))
            lines += [("", "", rule.rule, _answer(rule), rule.reason or "-") for rule in said.rules]
    return _table("sending rules, now", ("journey", "channel", "rule", "answer", "why"), lines)


def _answer(said: ChannelAnswer | RuleAnswer) -> str:
    return f"{said.answer} until {_moment(said.until)}" if said.until else said.answer


def _tables(told: PersonStory) -> list[Table]:
    return [
        _table("customer", ("", ""), _person(told)),
        _table("consents", ("channel", "purpose", "word", "since", "proof"), map(_consent, told.person.consents)),
        _table("suppressed", ("channel", "address", "what", "since", "why"), map(_suppressed, told.person.suppressed)),
        _table(
            "journeys",
            ("id", "status", "stage", "next"),
            ((j.id, j.status, j.stage or "-", _moment(j.next_at)) for j in told.journeys),
        ),
        _table(
            "newest sends", ("decided", "journey", "step", "channel", "purpose", "state", "why"), map(_sent, told.sends)
        ),
    ]


def _person(told: PersonStory) -> list[tuple[str, ...]]:
    person = told.person
    return [
        ("id", person.customer_id),
        ("known as", "customer" if person.known else "visitor"),
        *(("was known as", f"{other.id} ({other.why}, {_moment(other.at)})") for other in told.ids),
        ("last active", _moment(person.last_activity)),
        ("segments", ", ".join(told.kept.segments)),
        ("RFM", str(told.kept.rfm or "-")),
        *((name, str(value)) for name, value in sorted(person.traits.items())),
    ]


def _consent(word: Consent) -> tuple[str, ...]:
    return word.channel, word.purpose, "yes" if word.granted else "no", _moment(word.at), word.wording or "-"


def _suppressed(address: Suppressed) -> tuple[str, ...]:
    what = "marketing" if address.marketing_only else "everything"
    return address.channel, address.address, what, _moment(address.at), address.reason


def _sent(row: Sent) -> tuple[str, ...]:
    return _moment(row.decided_at), row.journey, row.step, row.channel, row.purpose, row.state, row.reason or "-"


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    # What people and shops wrote is text, never rich's own markup.
    table = Table(*columns, title=title, title_justify="left", show_header=any(columns))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    if not table.row_count:
        table.add_row("-")
    return table


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "-"
