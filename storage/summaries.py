"""What segments and scores are counted by: summaries of people, and what divides a shop's customers into fifths."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.events import CLOCK_TOLERANCE, PRODUCT_VIEWED
from journeys.rfm import LEAST, Edges
from journeys.segment_table import table
from journeys.segments import CartSeen, Summary, View

if TYPE_CHECKING:
    from storage.database import Connection, Pool

# Those who ordered, up to the moment $2. What they spent is that in the currency of their newest order.
_BUYERS = """
select customer_id, main as currency, array_agg(at order by at) as orders, max(at) as last_at, count(*) as n,
       coalesce(sum(total) filter (where currency = main), 0) as spent
  from (select customer_id, at, total, currency,
               first_value(currency) over (partition by customer_id order by at desc, order_id desc) as main
          from told_orders where shop = $1 and at <= $2 {of_whom}) o
 group by customer_id, main
"""
_ALL_BUYERS = _BUYERS.format(of_whom="")
_SUMMARIES = f"""
select p.id as customer_id, b.orders, b.spent, b.currency,
       (select array_agg((k.last_at, k.ordered_at is null)) from carts k
         where k.shop = $1 and k.customer_id = p.id and (k.holds_items or k.ordered_at is not null)
           and k.last_at between $2 - $4::interval and $2) as carts,
       (select array_agg((v.product, v.category, v.at)) from (
          select coalesce(e.content #>> '{{properties,product_id}}', e.content #>> '{{properties,sku}}') as product,
                 coalesce(e.content #>> '{{properties,category}}', '') as category, max(e.at) as at
            from events e
           where e.shop = $1 and e.customer_id = p.id and e.name = $6 and e.at between $2 - $5::interval and $2
             and e.received_at >= $2 - $5::interval - $7::interval
           group by 1, 2) v where v.product is not null) as views
  from unnest($3::text[]) p (id)
  left join ({_BUYERS.format(of_whom="and customer_id = any($3)")}) b on b.customer_id = p.id
"""  # noqa: S608 constants
# The highest value of each of the lower four fifths of n: those at the places n/5, 2n/5, 3n/5, 4n/5, rounded up.
_IS_EDGE = "n >= $3 and place in ((n + 4) / 5, (2 * n + 4) / 5, (3 * n + 4) / 5, (4 * n + 4) / 5)"
_EDGES = f"""
with buyers as materialized (select customer_id, currency, last_at, n, spent from ({_ALL_BUYERS}) b),
r as (select last_at as value, row_number() over (order by last_at) as place, count(*) over () as n from buyers),
f as (select b.n as value, row_number() over (order by b.n) as place, count(*) over () as n from buyers b),
m as (select currency, spent as value, row_number() over (partition by currency order by spent) as place,
             count(*) over (partition by currency) as n from buyers)
insert into rfm_edges (shop, computed_at, edges)
select $1, $2, case when (select count(*) from buyers) >= $3 then jsonb_build_object(
    'r', (select jsonb_agg(value order by place) from r where {_IS_EDGE}),
    'f', (select jsonb_agg(value order by place) from f where {_IS_EDGE}),
    'm', (select coalesce(jsonb_object_agg(currency, edges), '{{}}') from (
            select currency, jsonb_agg(value::text order by place) as edges from m where {_IS_EDGE}
             group by currency) by_currency)) end
on conflict (shop) do update set computed_at = excluded.computed_at, edges = excluded.edges
"""  # noqa: S608 constants

_LONGEST_DIVISION_S = 300
"""All orders of a shop are read for it; no row is locked meanwhile."""


async def read(db: Pool | Connection, shop: str, people: Collection[str], at: datetime) -> dict[str, Summary]:
    """Put together what people did, up to a moment."""
    rows = await db.fetch(
        _SUMMARIES,
        shop,
        at,
        list(people),
        table().longest("abandoned_carts", "purchases_begun"),
        table().longest("products_viewed", "similar_products_viewed"),
        PRODUCT_VIEWED,
        CLOCK_TOLERANCE,
    )
    return {
        row["customer_id"]: Summary(
            at=at,
            orders=tuple(row["orders"] or ()),
            spent=row["spent"] or Summary.spent,
            currency=row["currency"] or "",
            carts=tuple(CartSeen(*cart) for cart in row["carts"] or ()),
            views=tuple(View(*view) for view in row["views"] or ()),
        )
        for row in rows
    }


async def divide(db: Connection, shop: str, at: datetime) -> None:
    """Find anew what divides a shop's customers into fifths, by their orders up to a moment."""
    await db.execute(f"set local statement_timeout = '{_LONGEST_DIVISION_S}s'")
    await db.execute(_EDGES, shop, at, LEAST)


async def edges(db: Pool | Connection, shop: str) -> Edges | None:
    """Read what divides a shop's customers into fifths; None while there are too few of them."""
    found = await db.fetchval("select edges from rfm_edges where shop = $1", shop)
    return Edges.model_validate(found) if found else None
