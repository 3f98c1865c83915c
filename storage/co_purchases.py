"""Counts what is bought together: reads products and orders out of the event log, and counts those that changed.

Each step is a transaction of bounded size and may be repeated: what was read or counted already changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from journeys import related
from journeys.events import Event, Name

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.database import Connection, Pool

OVERLAP = timedelta(minutes=15)
"""Events are committed after they came in, and not in that order: those of the last minutes are read again."""
_LONG = "set local statement_timeout = '5min'"
"""A product that is in every order of a large shop takes its time."""


@dataclass(frozen=True)
class Read:
    """What one step read: how many events, and up to which; None where there are no more."""

    events: int
    until: datetime | None


async def read(pool: Pool, after: datetime | None, now: datetime, limit: int) -> Read:
    """Read the next events that the backend told: what they say of products, and which products orders hold.

    Args:
        pool: Postgres.
        after: where the step before ended; None to begin a little before where the last run ended.
        now: the time.
        limit: how many events at most; more where several came in at the same moment.

    """
    async with pool.acquire() as db, db.transaction():
        if after is None:
            after = await db.fetchval("select read_until from products_read") - OVERLAP
        rows = await db.fetch(EVENTS, after, list(related.TELL_OF_PRODUCTS), Name.ORDER_COMPLETED, limit)
        if not rows:
            return Read(0, None)
        told = [(row, Event.model_validate(row["content"])) for row in rows]
        await _keep_facts(db, told)
        await _keep_lines(db, told, now - related.COUNTED_FOR)
        until: datetime = rows[-1]["received_at"]
        # A clock that goes ahead must not hide what comes in next.
        await db.execute("update products_read set read_until = greatest(read_until, $1)", min(until, now))
    return Read(len(rows), until if len(rows) >= limit else None)


EVENTS = """
select e.received_at, e.shop, e.content,
       case when e.name = $3 then array(
            select i ->> 'product_id' from carts c, jsonb_array_elements(c.content -> 'items') i
             where c.shop = e.shop and c.cart_id = e.cart_id) else '{}' end as in_cart
  from events e
 where e.kind = 'track' and (e.content ->> 'from_backend')::boolean and e.received_at > $1 and e.name = any($2)
 order by e.received_at fetch first $4 rows with ties
"""


async def _keep_facts(db: Connection, told: Sequence[tuple[Record, Event]]) -> None:
    facts = [
        {"shop": row["shop"], "at": event.at, "message_id": event.message_id, **asdict(fact)}
        for row, event in told
        for fact in related.facts(event)
    ]
    await db.execute(_FACTS, facts)


_FACTS = """
insert into product_facts as f (shop, product_id, field, value, at, message_id)
select distinct on (r.shop, r.product_id, r.field) r.shop, r.product_id, r.field, r.value, r.at, r.message_id
  from jsonb_populate_recordset(null::product_facts, $1) r
 order by r.shop, r.product_id, r.field, r.at desc, r.message_id desc
    on conflict (shop, product_id, field) do update set
       value = excluded.value, at = excluded.at, message_id = excluded.message_id
 where (f.at, f.message_id) < (excluded.at, excluded.message_id)
"""


async def _keep_lines(db: Connection, told: Sequence[tuple[Record, Event]], since: datetime) -> None:
    lines: list[dict[str, Any]] = [
        {"shop": row["shop"], "order_id": event.order_id, "product_id": product, "at": event.at}
        for row, event in told
        if event.name == Name.ORDER_COMPLETED and event.at > since
        for product in related.lines(event, row["in_cart"])
    ]
    await db.execute(_LINES, lines)


_LINES = """
with fresh as (
    insert into order_lines (shop, order_id, product_id, at)
    select r.shop, r.order_id, r.product_id, min(r.at) from jsonb_populate_recordset(null::order_lines, $1) r
     group by 1, 2, 3 order by 1, 2, 3 on conflict do nothing returning shop, product_id)
insert into products_to_count select distinct shop, product_id from fresh order by 1, 2 on conflict do nothing
"""


async def forget(pool: Pool, before: datetime, limit: int) -> int:
    """Forget lines of orders that count no more, and have their products counted anew; tell how many."""
    forgotten: int = await pool.fetchval(_FORGET, before, limit)
    return forgotten


_FORGET = """
with gone as (
    delete from order_lines where ctid = any(array(select ctid from order_lines where at < $1 limit $2))
    returning shop, product_id),
changed as (
    insert into products_to_count select distinct shop, product_id from gone order by 1, 2 on conflict do nothing)
select count(*) from gone
"""


async def count(pool: Pool, limit: int) -> int:
    """Count some of the products that changed anew, with all that was bought together with them; tell how many."""
    async with pool.acquire() as db, db.transaction():
        await db.execute(_LONG)
        taken = await db.fetch(_TAKE, limit)
        changed = [row["shop"] for row in taken], [row["product_id"] for row in taken]
        if taken:
            await db.execute(_DROP, *changed)
            await db.execute(_COUNT, *changed, related.FEWEST_ORDERS)
    return len(taken)


_TAKE = """
delete from products_to_count where ctid = any(array(
       select ctid from products_to_count order by shop, product_id limit $1 for update skip locked))
returning shop, product_id
"""
_DROP = """
with gone as (
    delete from co_purchases c using unnest($1::text[], $2::text[]) d (shop, product_id)
     where (c.shop, c.product_id) = (d.shop, d.product_id) returning c.shop, c.product_id, c.other_id)
delete from co_purchases c using gone g where (c.shop, c.product_id, c.other_id) = (g.shop, g.other_id, g.product_id)
"""
_COUNT = """
with pairs as (
    select a.shop, a.product_id, b.product_id as other_id, count(*)::int as orders
      from unnest($1::text[], $2::text[]) d (shop, product_id)
      join order_lines a on (a.shop, a.product_id) = (d.shop, d.product_id)
      join order_lines b on (b.shop, b.order_id) = (a.shop, a.order_id) and b.product_id <> a.product_id
     group by 1, 2, 3 having count(*) >= $3),
bought as (
    select l.shop, l.product_id, count(*)::float8 as orders
      from (select shop, product_id from pairs union select shop, other_id from pairs) p
      join order_lines l on (l.shop, l.product_id) = (p.shop, p.product_id)
     group by 1, 2),
-- the cosine: what is in every order goes with nothing in particular
scored as (
    select p.shop, p.product_id, p.other_id, p.orders, p.orders / sqrt(a.orders * b.orders) as score
      from pairs p
      join bought a on (a.shop, a.product_id) = (p.shop, p.product_id)
      join bought b on (b.shop, b.product_id) = (p.shop, p.other_id))
insert into co_purchases (shop, product_id, other_id, orders, score)
select shop, product_id, other_id, orders, score from scored
 union select shop, other_id, product_id, orders, score from scored
    on conflict (shop, product_id, other_id) do update set orders = excluded.orders, score = excluded.score
"""
