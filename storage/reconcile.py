"""What the reconciliation asks of Postgres and puts right in it; each repair holds its journey in a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from journeys.repairs import Repair
from journeys.signals import SUPERSEDED, again
from storage import journeys, loading, outbox, repairs, writing
from storage.following import Following
from storage.holding import hold
from storage.journeys import Journey

if TYPE_CHECKING:
    from storage.database import Connection, Pool

OVERLAP = timedelta(minutes=10)
"""How much of the list of closed workflows is read twice: Temporal's list may lag behind."""
PATIENCE = timedelta(minutes=10)
"""How long a journey may be late, or a workflow take to end, before anybody asks what became of it."""
ASK_AGAIN = timedelta(hours=1)
"""When a workflow is asked for again in which nothing was wrong: others get their turn."""

# What is parked waits for an operator. A start is then not asked for again; a signal keeps nobody from looking.
_IN_OUTBOX = "exists (select from outbox o where o.journey = j.id and (o.parked_at is null or o.signal is null))"

_LATE = "j.status = 'running' and j.next_at < now() - $1::interval"

_DISREGARDED_ORDERS = """
select distinct j.shop, j.customer_id from journeys j join carts k using (shop, cart_id)
 where j.id = any($1)
   and (k.ordered_at is not null
     or exists (select from orders o where o.shop = j.shop and o.cart_id = j.cart_id)
     or exists (select from orders o where o.shop = j.shop and o.customer_id = j.customer_id
                   and o.of_person and o.at >= k.opened_at)
     or (exists (select from orders o where o.shop = j.shop and o.customer_id = j.customer_id
                   and o.cart_id is distinct from j.cart_id and o.at >= j.started_at)
         and exists (select from plan_versions v where (v.shop, v.plan, v.version) = (j.shop, j.plan, j.plan_version)
                   and v.content::jsonb -> 'exits_on' ? 'ordered_elsewhere')))
 order by 1, 2
"""


@dataclass(frozen=True)
class Closing:
    """How and when a workflow closed, as its journey takes it over. ``words`` stay in Postgres."""

    what: Repair
    outcome: str
    reason: str
    at: datetime
    words: str | None = None


async def listed_until(db: Pool) -> tuple[datetime | None, datetime]:
    """Tell since when closed workflows are to be listed (None: all that there are), and the time now."""
    row = await db.fetchrow("select closed_until - $1::interval as since, now() as now from reconciliation", OVERLAP)
    if row is None:
        raise LookupError("the table 'reconciliation' has lost its row; run 'relance migrate'")
    return row["since"], row["now"]


async def list_on_from(db: Pool, moment: datetime) -> None:
    """Note that the list of closed workflows was read up to a moment."""
    await db.execute("update reconciliation set closed_until = $1", moment)


async def not_ended(db: Pool, ids: list[str]) -> list[str]:
    """Tell which of some journeys have not ended."""
    rows = await db.fetch("select id from journeys where id = any($1) and status <> 'ended' order by id", ids)
    return [row["id"] for row in rows]


async def note_closed(db: Pool | Connection, ids: list[str]) -> None:
    """Note that the workflows of some journeys are closed, where the journeys have ended as well."""
    await db.execute(
        "update journeys set closed_at = now() where id = any($1) and status = 'ended' and closed_at is null", ids
    )


async def overdue(db: Pool, limit: int) -> list[str]:
    """Give running journeys whose next moment lies long past, those first that were not asked for the longest."""
    rows = await db.fetch(
        f"select id from journeys j where {_LATE} and not {_IN_OUTBOX}"  # noqa: S608 constant conditions
        " and (j.checked_at is null or j.checked_at < now() - $2::interval)"
        " order by j.checked_at nulls first, j.next_at limit $3",
        PATIENCE,
        ASK_AGAIN,
        limit,
    )
    return [row["id"] for row in rows]


async def count_overdue(db: Pool) -> int:
    """Count the running journeys whose next moment lies long past."""
    row = await db.fetchrow(f"select count(*) as n from journeys j where {_LATE}", PATIENCE)  # noqa: S608 constant
    return row["n"] if row else 0


async def unclosed(db: Pool, limit: int) -> list[str]:
    """Give journeys that ended a while ago and whose workflow was not seen closed, longest unasked first."""
    rows = await db.fetch(
        "select id from journeys j where status = 'ended' and closed_at is null"  # noqa: S608 a constant condition
        f" and ended_at < now() - $1::interval and not {_IN_OUTBOX}"
        " and (checked_at is null or checked_at < now() - $2::interval)"
        " order by checked_at nulls first, ended_at limit $3",
        PATIENCE,
        ASK_AGAIN,
        limit,
    )
    return [row["id"] for row in rows]


async def note_asked(db: Pool, journey: str) -> None:
    """Note that a journey's workflow was asked for, whatever came of it."""
    await db.execute("update journeys set checked_at = now() where id = $1", journey)


async def end(pool: Pool, journey: str, closing: Closing) -> bool:
    """End a journey as its workflow closed; tell whether it had not ended.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    async with pool.acquire() as db, db.transaction():
        await hold(db, journey)
        if not await journeys.end(db, journey, closing.outcome, closing.reason, closing.at):
            return False
        await note_closed(db, [journey])
        await repairs.note(db, journey, closing.what, await _now(db), words=closing.words)
        return True


async def start_again(pool: Pool, journey: str) -> bool:
    """Have a workflow started that is not there; tell whether nothing else has come in between.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    async with pool.acquire() as db, db.transaction():
        found = await hold(db, journey)
        if found.status != "running" or await _is_waiting(db, journey):
            return False
        await outbox.start(db, journey)
        await repairs.note(db, journey, Repair.START_LOST, await _now(db))
        return True


async def tell_again(pool: Pool, following: Following, journey: str) -> bool:
    """Have a workflow hear once more that its journey has ended; tell whether nothing else tells it already.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    async with pool.acquire() as db, db.transaction():
        found = await hold(db, journey)
        if found.ended_at is None or await _is_waiting(db, journey):
            return False
        order_id, cart_id = await _what_came(db, found, found.ended_at)
        signal = again(
            found.outcome or "",
            found.reason or "",
            found.ended_at,
            order_id=following.public(order_id),
            cart_id=following.public(cart_id),
        )
        await outbox.signal(db, journey, signal)
        await repairs.note(db, journey, Repair.SIGNAL_LOST, await _now(db))
        return True


async def _what_came(db: Connection, journey: Journey, at: datetime) -> tuple[str, str]:
    """Find the order and the newer cart that ended a journey, where it was one of them; both may be empty."""
    row = await db.fetchrow(
        "select coalesce((select order_id from orders where shop = $1 and customer_id = $2 and at = $3"
        " and cart_id is distinct from $4 order by order_id limit 1), '') as order_id,"
        " coalesce((select cart_id from journeys where shop = $1 and customer_id = $2 and started_at = $3 and plan = $5"
        " and cart_id <> $4 and reason is distinct from $6 order by cart_id limit 1), '') as cart_id",
        journey.shop,
        journey.customer_id,
        at,
        journey.cart_id,
        journey.plan,
        SUPERSEDED,
    )
    return (row["order_id"], row["cart_id"]) if row else ("", "")


async def open_after(db: Pool, last: str, limit: int) -> list[str]:
    """Give journeys that have not ended, by id, those that follow one id."""
    rows = await db.fetch(
        "select id from journeys where status <> 'ended' and id > $1 order by id limit $2", last, limit
    )
    return [row["id"] for row in rows]


async def disregarded(db: Pool, ids: list[str]) -> list[tuple[str, str]]:
    """Give the shop and the id of people of whom we know an order that should have ended one of these journeys."""
    return [(row["shop"], row["customer_id"]) for row in await db.fetch(_DISREGARDED_ORDERS, ids)]


async def settle(pool: Pool, following: Following, shop: str, customer: str) -> int:
    """End the journeys of a person that must not go on by what is known; tell how many."""
    async with pool.acquire() as db, db.transaction():
        work = await loading.hold_person(db, shop, customer)
        await following.settle(db, work, customer)
        ended = [work.journeys[journey] for journey in sorted(work.changed_journeys)]
        await writing.write(db, work)
        now = await _now(db)
        for journey in ended:
            await repairs.note(db, journey.id, Repair.ORDER_MISSED, now, words=journey.reason)
        return len(ended)


async def _is_waiting(db: Connection, journey: str) -> bool:
    return await db.fetchrow("select from outbox where journey = $1 limit 1", journey) is not None


async def _now(db: Connection) -> datetime:
    now: datetime = await db.fetchval("select now()")
    return now
