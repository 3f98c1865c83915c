"""All that is known of a person, for people to read, and what of it a person may choose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from journeys.addresses import comparable, usable
from journeys.customers import plain, with_device
from journeys.facts import Medium, Purpose
from storage import journeys, segments
from storage.journeys import Journey
from storage.segments import Kept
from storage.situation import ADDRESS_TRAITS

if TYPE_CHECKING:
    from storage.database import Connection, Pool

NEWEST_SENDS = 20

_READ = """
select c.customer_id, c.known, c.traits, c.locale, c.timezone, c.last_activity,
       s.name as shop_name, s.language as shop_language, s.policy -> 'revoke_all' = 'true' as revoke_all
  from customers c
  join shops s using (shop)
 where c.shop = $1
   and c.customer_id = coalesce((select customer_id from aliases where shop = $1 and alias_id = $2), $2)
"""


@dataclass(frozen=True)
class Consent:
    """What counts of a person's words on a channel and a purpose; ``wording`` is the text and the page they saw."""

    channel: Medium
    purpose: Purpose
    granted: bool
    wording: str | None
    at: datetime


@dataclass(frozen=True)
class Suppressed:
    """One of the person's addresses that nothing is sent to, or no marketing."""

    channel: Medium
    address: str
    reason: str
    at: datetime
    marketing_only: bool


@dataclass(frozen=True)
class Person:
    """Who somebody is by now, whichever of their ids was asked for.

    Attributes:
        known: the shop knows them as a user; else they are a visitor.
        traits: with what their device says of its language and zone, where the shop says nothing.
        addresses: of each medium, in the form that providers take.
        revoke_all: for this shop, one no stops everything.

    """

    shop: str
    shop_name: str
    shop_language: str
    revoke_all: bool
    customer_id: str
    known: bool
    traits: dict[str, Any]
    last_activity: datetime | None
    addresses: dict[Medium, str]
    consents: list[Consent]
    suppressed: list[Suppressed]

    @property
    def told_as(self) -> dict[str, str]:
        """Give the id by which an event tells of them: a visitor must not become a user by it."""
        return {"userId" if self.known else "anonymousId": self.customer_id}


@dataclass(frozen=True)
class OtherId:
    """An id that turned out to be the person's."""

    id: str
    why: str
    at: datetime


@dataclass(frozen=True)
class Sent:
    """A row of the ledger. ``journey`` is the conversation's name where the send belongs to no journey."""

    journey: str
    step: str
    plan: str | None
    channel: str
    purpose: str
    state: str
    reason: str | None
    decided_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    failed_at: datetime | None


@dataclass(frozen=True)
class PersonStory:
    """A person: what they were known by, what they are counted as, what goes on, and what was sent, newest first."""

    person: Person
    ids: list[OtherId]
    kept: Kept
    journeys: list[Journey]
    sends: list[Sent]


async def read(db: Pool | Connection, shop: str, asked: str) -> Person | None:
    """Read who somebody is, by any of their ids; None where nobody is known by it, or they were erased."""
    row = await db.fetchrow(_READ, shop, asked)
    if row is None:
        return None
    traits = with_device(plain(row["traits"]), row["locale"], row["timezone"])
    addresses = _addresses(traits)
    return Person(
        shop=shop,
        shop_name=row["shop_name"],
        shop_language=row["shop_language"],
        revoke_all=bool(row["revoke_all"]),
        customer_id=row["customer_id"],
        known=row["known"],
        traits={name: value for name, value in traits.items() if value is not None},
        last_activity=row["last_activity"],
        addresses=addresses,
        consents=await _consents(db, shop, row["customer_id"]),
        suppressed=await _suppressed(db, shop, addresses),
    )


async def tell(pool: Pool, shop: str, asked: str) -> PersonStory | None:
    """Tell all that is known of somebody, as it was at one moment; None where nobody is known by the id."""
    async with pool.acquire() as db, db.transaction(isolation="repeatable_read", readonly=True):
        person = await read(db, shop, asked)
        if person is None:
            return None
        return PersonStory(
            person,
            await _ids(db, shop, person.customer_id),
            await segments.of_person(db, shop, person.customer_id),
            await journeys.open_of(db, shop, person.customer_id),
            await _sends(db, shop, person.customer_id),
        )


def _addresses(traits: dict[str, Any]) -> dict[Medium, str]:
    found = {
        channel.medium: usable(channel.medium, traits.get(trait), traits.get("country"))
        for channel, trait in ADDRESS_TRAITS.items()
    }
    return {medium: address for medium, address in found.items() if address is not None}


async def _consents(db: Pool | Connection, shop: str, customer: str) -> list[Consent]:
    rows = await db.fetch(
        "select channel, purpose, granted, wording, at from consents where shop = $1 and customer_id = $2"
        " order by channel, purpose",
        shop,
        customer,
    )
    return [Consent(**{**row, "channel": Medium(row["channel"]), "purpose": Purpose(row["purpose"])}) for row in rows]


async def _suppressed(db: Pool | Connection, shop: str, addresses: dict[Medium, str]) -> list[Suppressed]:
    rows = await db.fetch(
        "select channel, address, reason, at, marketing_only from suppressions"
        " join unnest($2::text[], $3::text[]) as asked (channel, address) using (channel, address)"
        " where shop = $1 order by channel",
        shop,
        [str(medium) for medium in addresses],
        [comparable(medium, address) for medium, address in addresses.items()],
    )
    return [Suppressed(**{**row, "channel": Medium(row["channel"])}) for row in rows]


async def _ids(db: Connection, shop: str, customer: str) -> list[OtherId]:
    rows = await db.fetch(
        "select alias_id as id, why, linked_at as at from aliases where shop = $1 and customer_id = $2"
        " order by linked_at, alias_id",
        shop,
        customer,
    )
    return [OtherId(**row) for row in rows]


async def _sends(db: Connection, shop: str, customer: str) -> list[Sent]:
    rows = await db.fetch(
        "select journey, step, plan, channel, purpose, state, reason, decided_at, sent_at, delivered_at, failed_at"
        " from sends where shop = $1 and customer_id = $2 order by decided_at desc, step, try desc limit $3",
        shop,
        customer,
        NEWEST_SENDS,
    )
    return [Sent(**row) for row in rows]
