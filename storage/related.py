"""Reads what was bought together with what lies in a cart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeys.related import Candidate, candidates

if TYPE_CHECKING:
    from storage.database import Connection, Pool

_BEST = 50
"""Of each item so many are read: some may be sold out, or have no price in the cart's currency."""
_MOST_ITEMS = 50
_OF_CART = """
with lying as (
    select distinct i ->> 'product_id' as product_id
      from carts c, jsonb_array_elements(c.content -> 'items') i where c.shop = $1 and c.cart_id = $2 limit $3),
best as (
    select b.other_id as product_id, sum(b.score) as score
      from lying l cross join lateral (
           select p.other_id, p.score from co_purchases p where p.shop = $1 and p.product_id = l.product_id
            order by p.score desc, p.other_id limit $4) b
     where b.other_id not in (select product_id from lying)
     group by 1)
select b.product_id, b.score, jsonb_object_agg(f.field, f.value) as told
  from best b join product_facts f on f.shop = $1 and f.product_id = b.product_id
 group by 1, 2
"""


async def of_cart(db: Pool | Connection, shop: str, cart_id: str) -> list[Candidate]:
    """Read what was bought together with what lies in a cart now, as it was counted last. Nothing is chosen yet."""
    rows = await db.fetch(_OF_CART, shop, cart_id, _MOST_ITEMS, _BEST)
    return [found for row in rows for found in candidates(row["product_id"], row["score"], row["told"])]
