"""Visitors who turn out to be users: what was told of the visitor is told of the user from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeys.customers import newest
from journeys.events import Event
from storage import customers

if TYPE_CHECKING:
    from storage.database import Connection


async def meet(db: Connection, shop: str, event: Event) -> tuple[str, list[str] | None]:
    """Find the customer an event is about and lock their row until the transaction ends.

    An anonymous id that came together with a user id once belongs to that user from then on.

    Returns:
        The customer's id; and the journeys that came with it, if a visitor turned out to be this customer just now.

    """
    if event.user_id is None:
        return await _visitor(db, shop, event.anonymous_id or ""), None
    if event.anonymous_id not in {None, event.user_id}:
        return event.user_id, await _join(db, shop, event.anonymous_id or "", event.user_id)
    await customers.add(db, shop, event.user_id, known=True)
    await customers.lock(db, shop, event.user_id)
    return event.user_id, None


async def _visitor(db: Connection, shop: str, anonymous_id: str) -> str:
    await _keep(db, shop, anonymous_id)
    customer = await _known_as(db, shop, anonymous_id)
    await customers.add(db, shop, customer, known=False)
    await customers.lock(db, shop, customer)
    return customer


async def _keep(db: Connection, shop: str, anonymous_id: str) -> None:
    """Until the transaction ends nobody else says who this visitor is, whether there is a row for them or not."""
    await db.execute("select pg_advisory_xact_lock(hashtextextended($1, 1))", f"{shop} {anonymous_id}")


async def _known_as(db: Connection, shop: str, anonymous_id: str) -> str:
    known: str | None = await db.fetchval(
        "select customer_id from aliases where shop = $1 and anonymous_id = $2", shop, anonymous_id
    )
    return known or anonymous_id


async def _join(db: Connection, shop: str, visitor: str, user: str) -> list[str] | None:
    """Note who a visitor is, and move what was told of them; None where there is nothing to move."""
    await _keep(db, shop, visitor)
    await customers.add(db, shop, user, known=True)
    noted = await db.execute(
        "insert into aliases (shop, anonymous_id, customer_id) values ($1, $2, $3) on conflict do nothing",
        shop,
        visitor,
        user,
    )
    # Both at once and in one order for all, so that no two wait for each other.
    found = await db.fetch(
        "select customer_id, known, traits from customers where shop = $1 and customer_id = any($2::text[])"
        " order by customer_id for update",
        shop,
        [visitor, user],
    )
    people = {row["customer_id"]: row for row in found}
    if noted == "INSERT 0 0" or visitor not in people or people[visitor]["known"]:
        return None
    await db.execute(
        "update customers set traits = $3 where shop = $1 and customer_id = $2",
        shop,
        user,
        newest(people[user]["traits"], people[visitor]["traits"]),
    )
    return [row["id"] for row in await db.fetch("select move_visitor($1, $2, $3) as id", shop, visitor, user)]
