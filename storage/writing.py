"""Writes a unit of work back: one statement for each table that has something new."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from journeys.signals import name_of
from storage import customers, offers
from storage.work import Work

if TYPE_CHECKING:
    from storage.database import Connection

_EVENTS = """
insert into events (shop, message_id, kind, name, at, received_at, customer_id, cart_id, order_id, content)
select $1, message_id, kind, name, at, received_at, customer_id, cart_id, order_id, content
  from jsonb_to_recordset($2::text::jsonb) as r (message_id text, kind text, name text, at timestamptz,
       received_at timestamptz, customer_id text, cart_id text, order_id text, content jsonb)
"""
_CARTS = """
insert into carts (shop, cart_id, customer_id, content, opened_at, holds_items, last_at, ordered_at, order_id)
select $1, cart_id, customer_id, content, opened_at, holds_items, last_at, ordered_at, order_id
  from jsonb_to_recordset($2::text::jsonb) as r (cart_id text, customer_id text, content jsonb, opened_at timestamptz,
       holds_items boolean, last_at timestamptz, ordered_at timestamptz, order_id text)
on conflict (shop, cart_id) do update set
    customer_id = excluded.customer_id, content = excluded.content, opened_at = excluded.opened_at,
    holds_items = excluded.holds_items, last_at = excluded.last_at, ordered_at = excluded.ordered_at,
    order_id = excluded.order_id
"""
_CARTS_ORDERED = """
update carts c set ordered_at = r.ordered_at, order_id = r.order_id
  from jsonb_to_recordset($2::text::jsonb) as r (cart_id text, ordered_at timestamptz, order_id text)
 where c.shop = $1 and c.cart_id = r.cart_id
"""
_CART_IDS = """
insert into cart_ids (shop, kind, id, cart_id)
select $1, kind, id, cart_id from jsonb_to_recordset($2::text::jsonb) as r (kind text, id text, cart_id text)
 order by kind, id on conflict do nothing
"""
_CONTACTS = """
insert into verified_contacts (shop, kind, address, customer_id)
select $1, kind, address, customer_id
  from jsonb_to_recordset($2::text::jsonb) as r (kind text, address text, customer_id text)
 order by kind, address on conflict do nothing
"""
_ORDERS = """
insert into orders (shop, order_id, customer_id, cart_id, checkout_id, at, message_id, total, currency)
select $1, order_id, customer_id, cart_id, checkout_id, at, message_id, total, currency
  from jsonb_to_recordset($2::text::jsonb) as r (order_id text, customer_id text, cart_id text, checkout_id text,
       at timestamptz, message_id text, total numeric, currency text)
on conflict (shop, order_id) do update set cart_id = excluded.cart_id, checkout_id = excluded.checkout_id
"""
_JOURNEYS = """
insert into journeys select * from jsonb_populate_recordset(null::journeys, $1::text::jsonb)
"""
_CHANGED_JOURNEYS = """
update journeys j set customer_id = r.customer_id, held_out = r.held_out, started_at = r.started_at, status = r.status,
       outcome = r.outcome, reason = r.reason, ended_at = r.ended_at, paused_at = r.paused_at, next_at = r.next_at
  from jsonb_populate_recordset(null::journeys, $1::text::jsonb) r where j.id = r.id
"""
_BEGUN_EARLIER = """
update journey_log l set at = r.at
  from jsonb_to_recordset($1::text::jsonb) as r (journey text, at timestamptz)
 where l.journey = r.journey and l.what = 'started'
"""
_LINES = """
insert into journey_log (journey, at, what, why)
select journey, at, what, why
  from jsonb_to_recordset($1::text::jsonb) as r (journey text, at timestamptz, what text, why text)
    on conflict do nothing
"""
_OUTBOX = """
insert into outbox (journey, signal, payload)
select journey, signal, payload
  from jsonb_to_recordset($1::text::jsonb) as r (journey text, signal text, payload jsonb)
"""


async def write(db: Connection, work: Work) -> None:
    """Write what changed."""
    await customers.write(db, work)
    await _put(db, _EVENTS, _events(work), work.shop)
    named = sorted(work.changed_carts & work.contents.keys())
    await _put(db, _CARTS, [_cart(work, cart_id) for cart_id in named], work.shop)
    others = sorted(work.changed_carts - work.contents.keys())
    await _put(db, _CARTS_ORDERED, [work.carts[cart_id] for cart_id in others], work.shop)
    contacts = [
        {"kind": kind, "address": address, "customer_id": work.who(person)}
        for (kind, address), person in work.new_contacts.items()
    ]
    await _put(db, _CONTACTS, contacts, work.shop)
    tokens = [{"kind": kind, "id": token, "cart_id": cart} for (kind, token), cart in work.new_tokens.items()]
    await _put(db, _CART_IDS, tokens, work.shop)
    await _put(db, _ORDERS, [work.orders[order_id] for order_id in sorted(work.changed_orders)], work.shop)
    await _put(db, _JOURNEYS, [work.journeys[journey] for journey in sorted(work.new_journeys)])
    await _put(db, _CHANGED_JOURNEYS, [work.journeys[journey] for journey in sorted(work.changed_journeys)])
    await _put(db, _LINES, work.lines)
    await _put(db, _BEGUN_EARLIER, [{"journey": j, "at": at} for j, at in work.begun_earlier.items()])
    await _put(db, _OUTBOX, [_delivery(journey, signal) for journey, signal in work.outbox])
    for cart_id, at in work.ordered:
        await offers.order_came(db, work.shop, cart_id, at)


async def _put(db: Connection, statement: str, rows: Collection[Any], *before: str) -> None:
    if rows:
        await db.execute(statement, *before, to_json(rows).decode())


def _events(work: Work) -> list[dict[str, Any]]:
    return [
        {
            "message_id": event.message_id,
            "kind": event.kind,
            "name": event.name,
            "at": event.at,
            "received_at": event.received_at,
            "customer_id": work.person(event),
            "cart_id": recorded.cart_id,
            "order_id": event.order_id,
            "content": event,
        }
        for recorded in work.recorded
        for event in (recorded.event,)
    ]


def _cart(work: Work, cart_id: str) -> dict[str, Any]:
    return {**vars(work.carts[cart_id]), "content": work.contents[cart_id]}


def _delivery(journey: str, signal: Any) -> dict[str, Any]:
    return {"journey": journey, "signal": name_of(signal) if signal else None, "payload": signal}
