"""Customers: what is known of them, and what they consent to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from journeys.consent import Join, Word, effective
from journeys.customers import consents, merge
from journeys.events import Event
from storage.work import Work

if TYPE_CHECKING:
    from storage.database import Connection

_WORDS = """
insert into consent_words as w (shop, told_by, channel, purpose, granted, wording, at, message_id)
select $1, told_by, channel, purpose, granted, wording, at, message_id
  from jsonb_to_recordset($2::text::jsonb) as r (told_by text, channel text, purpose text, granted boolean,
       wording text, at timestamptz, message_id text)
on conflict (shop, told_by, channel, purpose) do update set
    granted = excluded.granted, wording = excluded.wording, at = excluded.at, message_id = excluded.message_id
 where (w.at, w.message_id) < (excluded.at, excluded.message_id)
"""
_COUNTS = """
insert into consents (shop, customer_id, channel, purpose, granted, wording, at, message_id)
select $1, customer_id, channel, purpose, granted, wording, at, message_id
  from jsonb_to_recordset($2::text::jsonb) as r (customer_id text, channel text, purpose text, granted boolean,
       wording text, at timestamptz, message_id text)
on conflict (shop, customer_id, channel, purpose) do update set
    granted = excluded.granted, wording = excluded.wording, at = excluded.at, message_id = excluded.message_id
"""


async def lock(db: Connection, shop: str, customer: str) -> None:
    """Lock a customer's row: ingest, commands and claims of one person happen one after the other."""
    await db.execute("select from customers where shop = $1 and customer_id = $2 for update", shop, customer)


async def write(db: Connection, work: Work) -> None:
    """Write who people are, and what they consent to."""
    if work.identified:
        await _write_traits(db, work)
        await _write_words(db, work)
    if work.consenting:
        await _write_consents(db, work.shop, sorted(work.consenting))


def active(work: Work) -> list[dict[str, Any]]:
    """Put together what the events say of each person; the newest device's language and zone count."""
    rows: dict[str, dict[str, Any]] = {}
    for event in sorted([*work.active, *work.identified], key=lambda e: e.order):
        person = work.person(event)
        row = rows.setdefault(person, {"customer_id": person, "known": False})
        row["known"] = row["known"] or event.user_id is not None
        if not event.is_activity:
            continue
        row["last_activity"] = event.at
        if event.locale or event.timezone:
            row |= {"locale": event.locale, "timezone": event.timezone}
            row |= {"context_at": event.at, "context_by": event.message_id}
    return [rows[person] for person in sorted(rows)]


async def _write_traits(db: Connection, work: Work) -> None:
    told: dict[str, list[Event]] = {}
    for event in work.identified:
        told.setdefault(work.person(event), []).append(event)
    found = await db.fetch(
        "select customer_id, traits from customers where shop = $1 and customer_id = any($2::text[])",
        work.shop,
        sorted(told),
    )
    merged = {row["customer_id"]: row["traits"] for row in found}
    for person, events in told.items():
        for event in events:
            merged[person] = merge(merged[person], event)
    await db.executemany(
        "update customers set traits = $3 where shop = $1 and customer_id = $2",
        [(work.shop, person, traits) for person, traits in sorted(merged.items())],
    )


async def _write_words(db: Connection, work: Work) -> None:
    newest: dict[tuple[str, str, str], Word] = {}
    for word in sorted(_words(work.identified), key=lambda w: (w.at, w.message_id)):
        newest[word.told_by, *word.key] = word
    if not newest:
        return
    rows = [newest[key] for key in sorted(newest)]
    await db.execute(_WORDS, work.shop, to_json(rows).decode())
    work.consenting |= {work.who(word.told_by) for word in rows}


def _words(events: Iterable[Event]) -> list[Word]:
    return [
        Word(
            told_by=event.user_id or event.anonymous_id or "",
            channel=consent.channel,
            purpose=consent.purpose,
            granted=consent.granted,
            wording=consent.wording,
            at=consent.at,
            message_id=event.message_id,
        )
        for event in events
        for consent in consents(event)
    ]


async def _write_consents(db: Connection, shop: str, people: list[str]) -> None:
    """Tell anew what counts for people, of all that was said under any of their ids."""
    joins: dict[str, list[Join]] = {person: [] for person in people}
    for row in await db.fetch(
        "select customer_id, alias_id, linked_to, linked_at as at from aliases"
        " where shop = $1 and customer_id = any($2::text[])",
        shop,
        people,
    ):
        joins[row["customer_id"]].append(Join(alias_id=row["alias_id"], linked_to=row["linked_to"], at=row["at"]))
    ids = {person: {person, *(join.alias_id for join in joins[person])} for person in people}
    said = await db.fetch(
        "select told_by, channel, purpose, granted, wording, at, message_id from consent_words"
        " where shop = $1 and told_by = any($2::text[])",
        shop,
        sorted(set().union(*ids.values())),
    )
    words = [Word(**row) for row in said]
    counts = [
        {"customer_id": person, **word.model_dump(exclude={"told_by"})}
        for person in people
        for word in effective((w for w in words if w.told_by in ids[person]), joins[person]).values()
    ]
    if counts:
        await db.execute(_COUNTS, shop, to_json(counts).decode())
