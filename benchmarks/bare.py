"""The other side of the comparison: a bare ASGI app that inserts the same rows and does nothing else.

It checks no key and no field, knows no duplicates, reads nothing, locks nothing and decides nothing. Each event is a
row in the log and in ``seen``; its person, its cart and its order are written as the event says; a cart's first event
leaves a journey, a line of its story and a row of the outbox, an order another line and another row.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from datetime import UTC, datetime
from typing import Any

from storage import database
from storage.database import Connection, Pool

Message = dict[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

SHOP = "bench"
CART_EVENTS = {"Product Added", "Product Removed", "Cart Viewed", "Cart Updated", "Checkout Started"}

_SEEN = "insert into seen (shop, message_id) values ($1, $2)"
_PERSON = (
    "insert into customers (shop, customer_id, known, last_activity) values ($1, $2, true, $3)"
    " on conflict (shop, customer_id) do update set last_activity = $3"
)
_EVENT = (
    "insert into events (shop, message_id, kind, name, at, received_at, customer_id, cart_id, order_id, content)"
    " values ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9)"
)
_TRAITS = "update customers set traits = $3 where shop = $1 and customer_id = $2"
_CART = (
    "insert into carts (shop, cart_id, customer_id, content, opened_at, holds_items, last_at)"
    " values ($1, $2, $3, $4, $5, true, $5)"
    " on conflict (shop, cart_id) do update set content = $4, last_at = $5"
)
_JOURNEY = (
    "with new as (insert into journeys (id, shop, plan, plan_version, customer_id, key, entry, cart_id, held_out,"
    " status, stage, started_at, next_at, first_due)"
    " values ($1, $2, 'cart-recovery', 1, $3, $4, 1, $4, false, 'running', 'idle', $5, $5, $5)"
    " on conflict do nothing returning id),"
    " told as (insert into journey_log (journey, at, what, why) select id, $5, 'started', '' from new)"
    " insert into outbox (journey) select id from new"
)
_ORDER = (
    "insert into orders (shop, order_id, customer_id, cart_id, at, message_id) values ($1, $2, $3, $4, $5, $6)"
    " on conflict do nothing"
)
_ORDERED = "update carts set ordered_at = $3, order_id = $4 where shop = $1 and cart_id = $2"
_ENDED = (
    "with done as (update journeys set status = 'ended', outcome = 'converted', reason = 'ordered', ended_at = $2,"
    " next_at = null where id = $1 returning id),"
    " told as (insert into journey_log (journey, at, what, why) select id, $2, 'ended: converted', '' from done)"
    " insert into outbox (journey, signal, payload) select id, 'checkout_completed', '{}' from done"
)


class Bare:
    """The app."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._pool: Pool | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request: a track, identify or page call, or a batch."""
        if scope["type"] != "http":
            return
        self._pool = self._pool or await database.connect(self._url)
        body = b""
        while (part := await receive()).get("more_body"):
            body += part["body"]
        message = json.loads(body + part["body"])
        messages = message.get("batch") or [{"type": scope["path"].rpartition("/")[2], **message}]
        async with self._pool.acquire() as db, db.transaction():
            await _insert(db, messages)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b'{"success": true}'})


async def _insert(db: Connection, messages: list[Message]) -> None:
    at = datetime.now(UTC)
    people = sorted({_person(message) for message in messages})
    carts = [m for m in messages if m.get("event") in CART_EVENTS and _of(m, "cart_id")]
    orders = [m for m in messages if m.get("event") == "Order Completed"]
    await _all(db, _SEEN, ((SHOP, m["messageId"]) for m in messages))
    await _all(db, _PERSON, ((SHOP, person, at) for person in people))
    await _all(db, _EVENT, (_event(message, at) for message in messages))
    await _all(db, _TRAITS, ((SHOP, _person(m), m["traits"]) for m in messages if m["type"] == "identify"))
    await _all(db, _CART, ((SHOP, _of(m, "cart_id"), _person(m), m["properties"], at) for m in carts))
    await _all(db, _JOURNEY, ((_journey(m), SHOP, _person(m), _of(m, "cart_id"), at) for m in carts))
    await _all(db, _ORDER, ((SHOP, *_order(m), at, m["messageId"]) for m in orders))
    await _all(db, _ORDERED, ((SHOP, _of(m, "cart_id"), at, _of(m, "order_id")) for m in orders))
    await _all(db, _ENDED, ((_journey(m), at) for m in orders))


async def _all(db: Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    listed = list(rows)
    if len(listed) == 1:
        await db.execute(statement, *listed[0])
    elif listed:
        await db.executemany(statement, listed)


def _person(message: Message) -> str:
    return str(message.get("userId") or message.get("anonymousId"))


def _of(message: Message, field: str) -> str | None:
    value: str | None = (message.get("properties") or {}).get(field)
    return value


def _journey(message: Message) -> str:
    return f"cart-recovery:{SHOP}:{_of(message, 'cart_id')}:1"


def _event(message: Message, at: datetime) -> tuple[Any, ...]:
    name = message.get("event") or message["type"]
    ids = (_of(message, "cart_id"), _of(message, "order_id"))
    return (SHOP, message["messageId"], message["type"], name, at, _person(message), *ids, message)


def _order(message: Message) -> tuple[Any, ...]:
    return (_of(message, "order_id"), _person(message), _of(message, "cart_id"))
