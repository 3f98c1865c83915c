"""What comes back: which send a receipt is about, who answered, and what it changes in the ledger."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from journeys.addresses import comparable, usable
from journeys.cart import money
from journeys.customers import plain
from journeys.events import BadEventError, Event
from journeys.facts import Channel, Medium
from journeys.imports import Suppression
from journeys.returns import Fate, Receipt
from storage import suppressions

if TYPE_CHECKING:
    from storage.database import Connection, Pool

_LAST_DIGITS = 9
"""As many of a number stand in every way of writing it; what differs before them is compared in full."""
_MONTH = timedelta(days=30)


async def find_send(db: Pool, shop: str, provider: str, receipt: Receipt) -> tuple[str, dict[str, str]] | None:
    """Find what a receipt is about: our id of the send, and how an event tells of the person; None for another's."""
    if not all((name or "").isprintable() for name in (receipt.send_id, receipt.provider_id)):
        return None
    row = await db.fetchrow(
        "select s.send_id, c.customer_id, c.known from sends s join customers c using (shop, customer_id)"
        " where s.shop = $1 and (s.send_id = $2 or (s.provider = $3 and s.provider_id = $4))"
        " order by s.decided_at desc limit 1",
        shop,
        receipt.send_id,
        provider,
        receipt.provider_id,
    )
    return (row["send_id"], told_as(row)) if row else None


async def sent_to(db: Pool, shop: str, send_id: str) -> tuple[Medium, str] | None:
    """Tell by which medium and to which address a send went; None where it is not the shop's."""
    if not send_id.isprintable():
        return None
    row = await db.fetchrow(
        "select channel, address from sends where shop = $1 and send_id = $2 and address is not null"
        " order by decided_at desc limit 1",
        shop,
        send_id,
    )
    return (Channel(row["channel"]).medium, row["address"]) if row else None


async def people_behind(db: Pool, shop: str, medium: Medium, address: str) -> list[dict[str, str]]:
    """Find who has an address, whom it was sent to last first; each as an event tells of them."""
    sent = await db.fetch(
        "select c.customer_id, c.known from sends s join customers c using (shop, customer_id)"
        " where s.shop = $1 and s.address = $2 group by 1, 2 order by max(s.decided_at) desc",
        shop,
        address,
    )
    alike = await db.fetch(
        "select customer_id, known, traits from customers where shop = $1"
        " and right(regexp_replace(traits #>> '{phone,value}', '[^0-9]', '', 'g'), 9) = $2",
        shop,
        address[-_LAST_DIGITS:],
    )
    told = [row for row in alike if _has(plain(row["traits"]), medium, address)]
    found = {row["customer_id"]: told_as(row) for row in [*sent, *told]}
    return list(found.values())


def told_as(row: Any) -> dict[str, str]:
    """Give the id by which an event tells of somebody: a visitor must not become a user by it."""
    return {"userId" if row["known"] else "anonymousId": row["customer_id"]}


def _has(traits: dict[str, Any], medium: Medium, address: str) -> bool:
    return usable(medium, traits.get("phone"), traits.get("country")) == address


async def locale_of(db: Pool, shop: str, customer: str) -> str | None:
    """Tell what is known of the language of somebody."""
    locale: str | None = await db.fetchval(
        "select coalesce(traits #>> '{locale,value}', locale) from customers where shop = $1 and customer_id = $2",
        shop,
        customer,
    )
    return locale


async def last_journey(db: Pool, shop: str, medium: Medium, address: str, at: datetime) -> str | None:
    """Name the journey that wrote last to an address in the 30 days before: it is what is answered."""
    channels = [str(channel) for channel in Channel if channel.medium is medium]
    journey: str | None = await db.fetchval(
        "select journey from sends s where shop = $1 and address = $2 and channel = any($3) and sent_at > $4"
        " and exists (select from journeys j where j.id = s.journey)"
        " order by decided_at desc limit 1",
        shop,
        address,
        channels,
        at - _MONTH,
    )
    return journey


async def apply(db: Connection, shop: str, event: Event) -> None:
    """Write a receipt into the ledger, in the transaction that takes its event.

    Receipts come late, twice and in any order: the earliest word of each kind stands, and a message that its provider
    speaks of was accepted.
    """
    send_id, at = event.properties.get("send_id"), event.at
    if not isinstance(send_id, str):
        return
    await db.execute(
        "update sends set state = 'accepted', sent_at = coalesce(sent_at, $3), attempt = null"
        " where shop = $1 and send_id = $2 and state in ('claimed', 'unknown')",
        shop,
        send_id,
        at,
    )
    failed = event.name in {Fate.FAILED, Fate.COMPLAINED}
    said = event.properties.get("reason")
    reason = said if isinstance(said, str) else None
    row = await db.fetchrow(
        "update sends set delivered_at = case when $7 then least(delivered_at, $3) else delivered_at end,"
        " clicked_at = case when $8 then least(clicked_at, $3) else clicked_at end,"
        " failed_at = case when $4 then least(failed_at, $3) else failed_at end,"
        " reason = case when $4 then coalesce($5, reason) else reason end, cost = coalesce(cost, $6)"
        " where shop = $1 and send_id = $2 and state = 'accepted' returning channel, address",
        shop,
        send_id,
        at,
        failed,
        reason,
        _price(event),
        event.name == Fate.DELIVERED,
        event.name == Fate.CLICKED,
    )
    never = event.properties.get("suppress") is True or event.name == Fate.COMPLAINED
    if row is not None and row["address"] and failed and never:
        medium = Channel(row["channel"]).medium
        address = comparable(medium, row["address"])
        await suppressions.add(db, shop, Suppression(medium, address, reason or event.name, at), at)


def _price(event: Event) -> Decimal | None:
    if event.properties.get("price") is None:
        return None
    try:
        return money(event.properties, "price", "properties.")
    except BadEventError:
        return None
