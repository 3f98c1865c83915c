"""What the shop's own pages show, and in which browsers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from journeys.browsers import FORM
from storage.returns import told_as

if TYPE_CHECKING:
    from storage.database import Connection, Pool


# What was sent is asked for anew: an order, a no or a stop since then counts, and so does a message that was closed.
_READ = """
select k.send_id, k.title, k.text, k.link, k.button, s.delivered_at, c.customer_id, c.known
  from sends s
  join on_site_messages k on k.shop = s.shop and k.send_id = s.send_id
  join journeys j on j.id = s.journey
  join shops p on p.shop = s.shop
  join customers c on c.shop = s.shop and c.customer_id = s.customer_id
  left join carts t on t.shop = j.shop and t.cart_id = j.cart_id
 where s.shop = $1 and s.state in ('accepted', 'unknown')
   and s.customer_id = coalesce((select customer_id from aliases where shop = $1 and alias_id = $2), $2)
   and $2 in (select browsers_of(s.shop, s.customer_id, $4))
   and k.closed_at is null and $3 < s.sent_at + k.shown_for
   and p.mode in ('allowlist', 'live')
   and not exists (select from paused_plans x where x.shop = j.shop and x.plan = j.plan)
   and t.ordered_at is null and t.holds_items is distinct from false
   and (j.status = 'running' or (j.outcome = 'finished' and not exists (
            select from orders o where o.shop = j.shop and o.customer_id = j.customer_id and o.at >= s.sent_at)))
   and not exists (
            select from consents g
             where g.shop = s.shop and g.customer_id = s.customer_id and g.channel = 'on_site'
               and g.purpose = s.purpose and not g.granted)
 order by s.sent_at desc limit 1
"""
# The story keeps it: the message itself is let go of after a while.
_CLOSE = """
with closed as (
    update on_site_messages k set closed_at = $3
      from sends s
     where k.shop = $1 and k.send_id = $5 and k.closed_at is null and s.shop = k.shop and s.send_id = k.send_id
       and $2 in (select browsers_of(s.shop, s.customer_id, $4))
    returning s.journey, s.step || ' by ' || s.channel as of_what
)
insert into journey_log (journey, at, what, why)
select journey, $3, of_what || ': closed', 'by who saw it, or followed its button' from closed on conflict do nothing
"""
# Once in a while is enough, and who is no visitor known by that browser leaves no trace.
_LOOKED = """
update customers set looked_at = $3::timestamptz
 where shop = $1 and customer_id = $2 and not known
   and (looked_at is null or looked_at < $3::timestamptz - interval '20 seconds')
"""


@dataclass(frozen=True)
class Shown:
    """A message for a page to show.

    Attributes:
        is_new: no page has shown it yet.
        person: the id by which an event tells of whom it was sent to, by its name in an event.

    """

    send_id: str
    title: str
    text: str
    link: str | None
    button: str | None
    is_new: bool
    person: dict[str, str]


async def keep(
    db: Pool, send_id: str, title: str, text: str, *, link: str | None, button: str | None, shown_for: timedelta
) -> None:
    """Keep a message for the shop's pages, of a send that the ledger holds."""
    await db.execute(
        "insert into on_site_messages (shop, send_id, title, text, link, button, shown_for)"
        " select shop, send_id, $2, $3, $4, $5, $6 from sends where send_id = $1 limit 1 on conflict do nothing",
        send_id,
        title,
        text,
        link,
        button,
        shown_for,
    )


async def look(db: Pool, shop: str, browser: str, at: datetime) -> None:
    """Note that a page asks in a browser: somebody looks at it."""
    await db.execute(_LOOKED, shop, browser, at)


async def browser_of(db: Pool | Connection, shop: str, customer: str) -> tuple[str, datetime | None] | None:
    """Give the browser of a person in which a page was last looked at, and when; None where there is none.

    ``functions/browsers.sql`` says in which they may be shown something.
    """
    row = await db.fetchrow(
        "select b, c.looked_at from browsers_of($1, $2, $3) b"
        " join customers c on c.shop = $1 and c.customer_id = b order by c.looked_at desc nulls last, b limit 1",
        shop,
        customer,
        FORM,
    )
    return (row["b"], row["looked_at"]) if row else None


async def newest(db: Pool, shop: str, browser: str, at: datetime) -> Shown | None:
    """Find the newest message that a browser may show at a moment."""
    row = await db.fetchrow(_READ, shop, browser, at, FORM)
    if row is None:
        return None
    return Shown(
        send_id=row["send_id"],
        title=row["title"],
        text=row["text"],
        link=row["link"],
        button=row["button"],
        is_new=row["delivered_at"] is None,
        person=told_as(row),
    )


async def close(db: Pool, shop: str, browser: str, send_id: str, at: datetime) -> None:
    """Close a message for good; one that is not for this browser stays as it is."""
    await db.execute(_CLOSE, shop, browser, at, FORM, send_id)


async def forget_before(db: Pool, moment: datetime) -> None:
    """Let go of what was kept for pages and sent before a moment: no page shows it any more."""
    await db.execute(
        "delete from on_site_messages k using sends s"
        " where s.shop = k.shop and s.send_id = k.send_id and s.sent_at < $1",
        moment,
    )
