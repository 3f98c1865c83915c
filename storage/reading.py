"""The one read behind every decision: all that a look or a claim needs to know of a journey, at one moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from journeys import push_choice
from journeys.addresses import usable
from journeys.caps import LONGEST
from journeys.cart import Cart
from journeys.customers import plain, with_device
from journeys.devices import Kind
from journeys.facts import SERIAL_WINDOW_DAYS, Channel, Medium, Moment
from journeys.holdout import held_out
from journeys.ledger import OPEN_FOR_RETRY
from journeys.plan import Key, Plan
from journeys.question import Mode
from storage import asked, devices, on_site, suppressions
from storage.asked import WHOSE, About
from storage.journeys import UnknownJourneyError
from storage.situation import ADDRESS_TRAITS, Situation

if TYPE_CHECKING:
    from asyncpg import Record

    from storage.database import Connection, Pool


_OF_JOURNEY = "select * from journeys where id = $1"
_IMAGINED = """
select 'imagined' as id, $11::text as shop, $9::text as plan, 0 as plan_version, $12::text as customer_id,
       case when $13 then $1::text end as cart_id, $1::text as key,
       $10::boolean as held_out, 'running' as status, null::text as outcome, null::text as reason,
       $2::timestamptz as started_at, null::timestamptz as paused_at
"""

_READ = """
with j as ({about})
select j.id, j.shop, j.plan, j.plan_version, j.customer_id, j.cart_id, j.key, j.held_out, j.status, j.outcome, j.reason,
       j.started_at, j.paused_at,
       s.name as shop_name, s.mode, s.allowlist, s.language as shop_language, s.cart_url as shop_cart_url, s.policy,
       c.traits, c.locale, c.timezone, c.last_activity,
       (select max(v.looked_at) from customers v
         where v.shop = j.shop and v.customer_id = any(array(
               select j.customer_id union all
               select a.alias_id from aliases a where a.shop = j.shop and a.customer_id = j.customer_id))) as looked_at,
       k.content as cart, k.ordered_at, k.last_at as filled_at,
       (select count(distinct o.order_id) from orders o
         where o.shop = j.shop and o.customer_id = j.customer_id and o.at <= $2) as orders,
       (select count(*) from carts a
         where a.shop = j.shop and a.customer_id = j.customer_id and a.holds_items and a.ordered_at is null
           and a.last_at between $2 - $3::interval and $2) as abandoned,
       (select jsonb_object_agg(channel || ' ' || purpose, granted) from consents g
         where g.shop = j.shop and g.customer_id = j.customer_id) as consents,
       (select array_agg(channel) from channel_accounts a where a.shop = j.shop) as accounts,
       (select jsonb_object_agg(channel, n) from (
          select channel, count(*) as n from sends d
           where d.shop = j.shop and d.key = j.key and d.state <> all($5)
             -- A cart hears of all its plans, an order of all journeys of one; a person may enter again and again.
             and case when $8::boolean then d.journey = j.id when j.cart_id is null then d.plan = j.plan
                 else exists (select from journeys x where x.id = d.journey and x.cart_id = j.cart_id) end
           group by channel) counted) as sent,
       (select jsonb_agg(jsonb_build_array(d.channel, d.purpose, coalesce(d.sent_at, d.decided_at))) from sends d
         where d.shop = j.shop and d.customer_id = j.customer_id and d.state <> all($5)
           and d.decided_at > $2 - $4::interval) as recent,
       (select jsonb_agg(jsonb_build_array(d.step, d.channel, coalesce(d.sent_at, d.decided_at),
          d.delivered_at is not null)) from sends d where d.journey = j.id and d.state <> all($5)) as out,
       (select to_jsonb(g) from person_segments g
         where g.shop = j.shop and g.customer_id = j.customer_id) as kept,
       exists (select from paused_plans p where p.shop = j.shop and p.plan = j.plan) as plan_paused,
       (select amount from spend m where m.shop = j.shop and m.day = $6) as spent,
       (select jsonb_object_agg(channel, until) from (
          select a.channel, min(coalesce(h.open_until, '-infinity')) as until
            from (select channel, count(*) as n from channel_accounts where shop = j.shop group by channel) a
            join provider_health h on h.shop = j.shop and h.channel = a.channel
           group by a.channel, a.n having count(*) = a.n) down where until > $2) as down,
       (select jsonb_build_array(o.plan, o.next_at)
          from journeys o join plan_versions v on (v.shop, v.plan, v.version) = (o.shop, o.plan, o.plan_version)
         where o.shop = j.shop and o.customer_id = j.customer_id and o.id <> j.id and o.status = 'running'
           and not o.held_out and (v.content::jsonb ->> 'priority')::int < $7
         order by (v.content::jsonb ->> 'priority')::int, o.next_at limit 1) as busy
  from j
  join shops s using (shop)
  join customers c on c.shop = j.shop and c.customer_id = j.customer_id
  left join carts k on k.shop = j.shop and k.cart_id = j.cart_id
"""


async def situation(db: Pool | Connection, journey: str, plan: Plan, at: datetime) -> Situation:
    """Read a journey's situation at a moment.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    row = await db.fetchrow(_READ.format(about=_OF_JOURNEY), journey, at, *_asked(plan, at))
    if row is None:
        raise UnknownJourneyError(journey)
    return await _found(db, row, plan, at)


async def moments(db: Pool | Connection, journey: str, plan: Plan, at: datetime) -> dict[Moment, datetime]:
    """Read the moments of a journey's order that are known at a moment.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    return (await situation(db, journey, plan, at)).moments


async def imagined(db: Pool | Connection, shop: str, plan: Plan, key: str, at: datetime) -> Situation | None:
    """Read the situation of a journey that would start at a moment for a cart, an order or a person, as the plan says.

    None where there is no such one.
    """
    owner = await db.fetchval(WHOSE[plan.key], shop, key)
    if owner is None:
        return None
    held = held_out(shop, plan.name, owner, plan.holdout)
    told = (plan.name, held, shop, owner, plan.key is Key.CART)
    row = await db.fetchrow(_READ.format(about=_IMAGINED), key, at, *_asked(plan, at), *told)
    return await _found(db, row, plan, at) if row else None


def _may_use(row: Record, channel: Channel) -> bool:
    """Tell whether the shop can send by a channel; a push that it cannot send must not stand before one that it can."""
    return row["mode"] == Mode.SANDBOX or channel in (row["accounts"] or ())


def _asked(plan: Plan, at: datetime) -> tuple[object, ...]:
    return (
        timedelta(days=SERIAL_WINDOW_DAYS),
        LONGEST,
        [str(state) for state in OPEN_FOR_RETRY],
        at.astimezone(UTC).date(),
        plan.priority,
        plan.key is Key.CUSTOMER,
    )


async def _found(db: Pool | Connection, row: Record, plan: Plan, at: datetime) -> Situation:
    traits = with_device(plain(row["traits"]), row["locale"], row["timezone"])
    addresses = _addresses(traits)
    pushes = [channel for channel in plan.channels if channel.medium is Medium.PUSH and _may_use(row, channel)]
    known = await devices.of_person(db, row["shop"], row["customer_id"]) if pushes else []
    newest = {kind: next((device for device in known if device.kind is kind), None) for kind in Kind}
    app, browser = newest[Kind.APP], newest[Kind.BROWSER]
    addresses |= {Channel.APP_PUSH: app.address} if app else {}
    addresses |= {Channel.WEB_PUSH: browser.address} if browser else {}
    shows = await on_site.browser_of(db, row["shop"], row["customer_id"]) if Channel.ON_SITE in plan.channels else None
    addresses |= {Channel.ON_SITE: shows[0]} if shows else {}
    preferred = push_choice.order(app.seen_at if app else None, browser=browser is not None, at=at)
    suppressed, opted_out = await suppressions.among(db, row["shop"], addresses)
    push = next((channel for channel in preferred if channel in pushes), None)
    cart = Cart() if row["cart"] is None else Cart.model_validate(row["cart"])
    about = About(row["shop"], row["customer_id"], row["key"], row["id"], row["started_at"])
    past = await asked.ask(db, plan, about, at)
    return Situation(at, dict(row), cart, traits, addresses, suppressed, opted_out, push, past, shows and shows[1])


def _addresses(traits: dict[str, Any]) -> dict[Channel, str]:
    said = {channel: traits.get(trait) for channel, trait in ADDRESS_TRAITS.items()}
    found = {channel: usable(channel.medium, value, traits.get("country")) for channel, value in said.items()}
    return {channel: address for channel, address in found.items() if address is not None}
