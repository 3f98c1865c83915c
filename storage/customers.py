"""Customers: what is known of them, and what they consented to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeys.customers import consents, merge
from journeys.events import Event

if TYPE_CHECKING:
    from storage.database import Connection


async def add(db: Connection, shop: str, customer: str, *, known: bool) -> None:
    """Have a row for a person; whom the shop has named as a user once is known from then on."""
    await db.execute(
        "insert into customers (shop, customer_id, known) values ($1, $2, $3)"
        " on conflict (shop, customer_id) do update set known = true where excluded.known and not customers.known",
        shop,
        customer,
        known,
    )


async def lock(db: Connection, shop: str, customer: str) -> None:
    """Lock a customer's row: ingest, commands and claims of one person happen one after the other."""
    await db.execute("select from customers where shop = $1 and customer_id = $2 for update", shop, customer)


async def be_active(db: Connection, shop: str, customer: str, event: Event) -> None:
    """Note that the person did something."""
    await db.execute(
        "update customers set last_activity = greatest(last_activity, $3) where shop = $1 and customer_id = $2",
        shop,
        customer,
        event.at,
    )


async def identify(db: Connection, shop: str, customer: str, event: Event) -> None:
    """Take an identify's traits and consents.

    Raises:
        BadEventError: a consent cannot be read.

    """
    known = await db.fetchval("select traits from customers where shop = $1 and customer_id = $2", shop, customer)
    await db.execute(
        "update customers set traits = $3 where shop = $1 and customer_id = $2", shop, customer, merge(known, event)
    )
    for consent in consents(event):
        await db.execute(
            "insert into consents (shop, customer_id, channel, purpose, granted, wording, at, message_id)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8)"
            " on conflict (shop, customer_id, channel, purpose) do update set"
            " granted = excluded.granted, wording = excluded.wording, at = excluded.at,"
            " message_id = excluded.message_id"
            " where (consents.at, consents.message_id) < (excluded.at, excluded.message_id)",
            shop,
            customer,
            consent.channel,
            consent.purpose,
            consent.granted,
            consent.wording,
            consent.at,
            event.message_id,
        )
