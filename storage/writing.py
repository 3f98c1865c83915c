"""Writes a unit of work back, in one call."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from journeys.events import PRODUCT_VIEWED
from journeys.signals import Signal, name_of
from storage import customers, devices
from storage.work import Recorded, Work

if TYPE_CHECKING:
    from storage.database import Connection


async def write(db: Connection, work: Work) -> None:
    """Write what changed. The statements are in ``functions/writing.sql``."""
    rows = {table: listed for table, listed in _changes(work) if listed}
    if rows:
        await db.execute("select write_work($1, $2::text::jsonb)", work.shop, to_json(rows).decode())
    await customers.write(db, work)
    await devices.write(db, work)


def _changes(work: Work) -> Iterator[tuple[str, Collection[Any]]]:
    contacts = work.new_contacts.items()
    yield "customers", customers.active(work)
    yield "aliases", work.new_aliases
    yield "events", [_event(work, recorded) for recorded in work.recorded]
    yield "carts", [_cart(work, cart_id) for cart_id in sorted(work.changed_carts & work.contents.keys())]
    yield "ordered_carts", [work.carts[cart_id] for cart_id in sorted(work.changed_carts - work.contents.keys())]
    yield "cart_ids", [{"kind": k, "id": i, "cart_id": cart_id} for (k, i), cart_id in work.new_tokens.items()]
    yield "contacts", [{"kind": k, "address": a, "customer_id": work.who(person)} for (k, a), person in contacts]
    yield "orders", [work.orders[order_id] for order_id in sorted(work.changed_orders)]
    yield "journeys", [work.journeys[journey] for journey in sorted(work.new_journeys)]
    yield "changed_journeys", [work.journeys[journey] for journey in sorted(work.changed_journeys)]
    yield "lines", work.lines
    yield "begun_earlier", [{"journey": journey, "at": at} for journey, at in work.begun_earlier.items()]
    yield "outbox", [_delivery(journey, signal) for journey, signal in work.outbox]
    yield "segment_queue", [{"customer_id": person, "at": at} for person, at in _to_count(work).items()]
    yield "ordered", [{"cart_id": cart_id, "ordered_at": at} for cart_id, at in work.ordered]


def _to_count(work: Work) -> dict[str, datetime]:
    """Name the people whose segments may be others now, each with the moment of what changed them."""
    told = [(work.carts[cart_id].customer_id, work.carts[cart_id].last_at) for cart_id in work.changed_carts]
    told += [(work.orders[order_id].customer_id, work.orders[order_id].at) for order_id in work.changed_orders]
    events = [one.event for one in work.recorded]
    told += [(work.person(event), event.at) for event in events if event.name == PRODUCT_VIEWED]
    return dict(sorted(told))


def _event(work: Work, recorded: Recorded) -> dict[str, Any]:
    event = recorded.event
    return {
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


def _cart(work: Work, cart_id: str) -> dict[str, Any]:
    return {**vars(work.carts[cart_id]), "content": work.contents[cart_id]}


def _delivery(journey: str, signal: Signal | None) -> dict[str, Any]:
    return {"journey": journey, "signal": name_of(signal) if signal else None, "payload": signal}
