"""The one read behind every decision: all that a look or a claim needs to know of a journey, at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from journeys.addresses import usable
from journeys.cart import Cart
from journeys.customers import fields, plain, with_device
from journeys.facts import SERIAL_WINDOW_DAYS, Channel, Facts, Segment, segments
from journeys.gate import Mode, Question, refusal
from journeys.plan import Plan
from storage import suppressions
from storage.journeys import UnknownJourneyError

if TYPE_CHECKING:
    from storage.database import Connection, Pool

ADDRESS_TRAITS = {Channel.SMS: "phone", Channel.EMAIL: "email"}

_READ = """
select j.shop, j.plan, j.plan_version, j.customer_id, j.cart_id, j.key, j.held_out, j.status, j.outcome, j.reason,
       j.started_at, j.paused_at,
       s.name as shop_name, s.mode, s.allowlist, s.language as shop_language, s.cart_url as shop_cart_url,
       c.traits, c.locale, c.timezone, c.last_activity,
       k.content as cart, k.ordered_at,
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
           where d.shop = j.shop and d.key = j.key and d.state not in ('refused', 'rejected', 'released')
           group by channel) counted) as sent
  from journeys j
  join shops s using (shop)
  join customers c on c.shop = j.shop and c.customer_id = j.customer_id
  join carts k on k.shop = j.shop and k.cart_id = j.cart_id
 where j.id = $1
"""


@dataclass(frozen=True)
class Situation:
    """What one read found. It holds personal data and stays inside the activity.

    Attributes:
        addresses: the person's, in the form that providers take.
        suppressed: the channels whose address is suppressed.

    """

    at: datetime
    row: dict[str, Any]
    cart: Cart
    traits: dict[str, Any]
    addresses: dict[Channel, str]
    suppressed: frozenset[Channel]

    @property
    def mode(self) -> Mode:
        """The shop's sending mode."""
        return Mode(self.row["mode"])

    @property
    def last_activity(self) -> datetime:
        """When the person last did something, on any device."""
        started_at: datetime = self.row["started_at"]
        return max(self.row["last_activity"] or started_at, started_at)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What kind of buyer the person is."""
        return segments(orders=self.row["orders"], abandoned_carts=self.row["abandoned"])

    def address(self, channel: Channel) -> str | None:
        """Give the person's address for a channel, in the form that providers take."""
        return self.addresses.get(channel)

    def question(self, plan: Plan, channel: Channel, deadline: datetime | None = None) -> Question:
        """Put together what the gate is asked."""
        row, address = self.row, self.address(channel)
        return Question(
            at=self.at,
            channel=channel,
            purpose=plan.purpose,
            status=row["status"],
            ended_because=row["reason"],
            ordered=row["ordered_at"] is not None,
            empty=not self.cart.items,
            mode=self.mode,
            held_out=row["held_out"],
            consent=(row["consents"] or {}).get(f"{channel} {plan.purpose}"),
            suppressed=channel in self.suppressed,
            has_address=address is not None,
            connected=channel in (row["accounts"] or ()),
            listed=address in row["allowlist"],
            sent=(row["sent"] or {}).get(channel, 0),
            at_most=plan.at_most.get(channel),
            deadline=deadline,
        )

    def facts(self, plan: Plan, shop_time: datetime) -> Facts:
        """Take out what the workflow may know."""
        row = self.row
        # Why somebody cancelled are their own words; those stay out of Temporal.
        outcome, reason = row["outcome"], "cancelled" if row["outcome"] == "cancelled" else row["reason"]
        if outcome is None and "cart_emptied" in plan.exits_on and not self.cart.items:
            outcome, reason = "exited", "cart was emptied"
        return Facts(
            shop_time=shop_time,
            outcome=outcome,
            reason=reason,
            paused_at=row["paused_at"],
            last_activity=self.last_activity,
            cart_value=self.cart.value,
            currency=self.cart.currency,
            cart_categories=self.cart.categories,
            segments=self.segments,
            customer=fields(self.traits),
            usable=tuple(channel for channel in Channel if refusal(self.question(plan, channel)) is None),
        )


async def read(db: Pool | Connection, journey: str, at: datetime) -> Situation:
    """Read a journey's situation at a moment.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    row = await db.fetchrow(_READ, journey, at, timedelta(days=SERIAL_WINDOW_DAYS))
    if row is None:
        raise UnknownJourneyError(journey)
    traits = with_device(plain(row["traits"]), row["locale"], row["timezone"])
    addresses = _addresses(traits)
    suppressed = await suppressions.among(db, row["shop"], addresses)
    return Situation(at, dict(row), Cart.model_validate(row["cart"]), traits, addresses, suppressed)


def _addresses(traits: dict[str, Any]) -> dict[Channel, str]:
    said = {channel: traits.get(trait) for channel, trait in ADDRESS_TRAITS.items()}
    found = {channel: usable(channel, value, traits.get("country")) for channel, value in said.items()}
    return {channel: address for channel, address in found.items() if address is not None}
