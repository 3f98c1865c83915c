"""What one read found of a journey: what the gate is asked of it, and what its workflow may know. No SQL."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from journeys import answering, costs
from journeys.addresses import country_of, home_of, region_of
from journeys.cart import Cart
from journeys.customers import fields
from journeys.facts import Channel, Facts, Medium, Moment, Out, Purpose, Reach, Segment, segments
from journeys.gate import Decision, decide
from journeys.holdout import bucket, rolled_out
from journeys.order import OrderState
from journeys.plan import Key, Plan
from journeys.policy import Policy
from journeys.question import Address, Busy, Mode, Person, Question
from journeys.saying import UntilDelivered
from journeys.segments import with_live
from journeys.steps import LocalTime, Send, Split, Until, WaitUntilIdle, walk
from journeys.zones import whereabouts
from storage.asked import Asked
from storage.segments import kept_of

ADDRESS_TRAITS = {
    **dict.fromkeys((Channel.SMS, Channel.MMS, Channel.RCS, Channel.WHATSAPP, Channel.VOICE), "phone"),
    Channel.EMAIL: "email",
}


@dataclass(frozen=True)
class Situation:
    """What one read found. It holds personal data and stays inside the activity.

    Attributes:
        addresses: the person's, in the form that providers take.
        suppressed: the channels whose address is suppressed.
        opted_out: the channels from whose address STOP came.
        push: the push by which the person is reached, of those that the plan has.
        asked: what the plan asks of the past.
        looked_at: when a page last asked for messages in a browser in which the person may be shown one.

    """

    at: datetime
    row: dict[str, Any]
    cart: Cart
    traits: dict[str, Any]
    addresses: dict[Channel, str]
    suppressed: frozenset[Channel]
    opted_out: frozenset[Channel]
    push: Channel | None
    asked: Asked = field(default_factory=Asked)
    looked_at: datetime | None = None

    @property
    def mode(self) -> Mode:
        """The shop's sending mode."""
        return Mode(self.row["mode"])

    @property
    def policy(self) -> Policy:
        """The shop's own rules."""
        return Policy.model_validate(self.row["policy"])

    @property
    def last_activity(self) -> datetime:
        """When the person last did something, on any device."""
        started_at: datetime = self.row["started_at"]
        return max(self.row["last_activity"] or started_at, started_at)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What kind of buyer the person is."""
        live = segments(orders=self.row["orders"], abandoned_carts=self.row["abandoned"])
        return with_live(live, kept_of(self.row["kept"]).segments)

    @property
    def country(self) -> str | None:
        """Where the person lives, as the shop says, or else as their telephone number does."""
        return home_of(self.traits, self.addresses.get(Channel.SMS))

    @property
    def zones(self) -> tuple[ZoneInfo, ...]:
        """The time zones in which the person may be; those of the shop's country where nothing is known of them."""
        return whereabouts(self.traits.get("timezone"), self.country, region_of(self.traits), self.policy.country)[1]

    @property
    def moments(self) -> dict[Moment, datetime]:
        """The moments of the order that are known, in UTC. What names no zone is by the clocks of the first one."""
        order = self.asked.order or OrderState()
        return order.moments(next(iter(self.zones), UTC))

    def address(self, channel: Channel) -> str | None:
        """Give the person's address for a channel, in the form that providers take."""
        return self.addresses.get(channel)

    def price(self, channel: Channel) -> Decimal | None:
        """Tell what a message costs at least, by the shop's prices: one part; None where no price is known."""
        return costs.cost(channel, "", self.country, self.policy.prices)

    def question(
        self, plan: Plan, channel: Channel, deadline: datetime | None = None, step: Send | None = None
    ) -> Question:
        """Put together what the gate is asked, about a step or about any of the plan's."""
        row = self.row
        busy = row["busy"]
        return Question(
            at=self.at,
            channel=channel,
            purpose=self.purpose(plan, channel, step),
            status=row["status"],
            ended_because=row["reason"],
            ordered=row["ordered_at"] is not None,
            empty=plan.key is Key.CART and not self.cart.items,
            sold_out=self.cart.sold_out,
            filled_at=row["filled_at"],
            looked_at=self.looked_at,
            leaves_at=self._leaves_at(plan),
            mode=self.mode,
            policy=self.policy,
            plan_paused=row["plan_paused"],
            spent=row["spent"] or Decimal(0),
            held_out=row["held_out"],
            rolled_out=rolled_out(row["shop"], plan.name, row["customer_id"], plan.rollout),
            person=self._person(channel, self.purpose(plan, channel, step)),
            address=self._address(channel, plan.sends if step is None else [step]),
            connected=channel in (row["accounts"] or ()),
            down_until=_moment((row["down"] or {}).get(channel)),
            busy=Busy(busy[0], _moment(busy[1]) or self.at) if busy else None,
            sent=(row["sent"] or {}).get(channel, 0),
            sent_alike=sum(n for by, n in (row["sent"] or {}).items() if Channel(by).medium is channel.medium),
            at_most=plan.at_most.get(channel),
            deadline=deadline,
            answers=self._answered(plan, channel, step),
        )

    def _leaves_at(self, plan: Plan) -> datetime | None:
        """Tell when the person has done nothing for so long that they are gone, as the shop or the plan counts it."""
        did = max(filter(None, (self.row["last_activity"], self.row["looked_at"])), default=None)
        idle = (step.wait_until_idle for step in walk(plan.steps) if isinstance(step, WaitUntilIdle))
        return None if did is None else did + min([self.policy.browses_for, *idle])

    def purpose(self, plan: Plan, channel: Channel, step: Send | None = None) -> Purpose:
        """Tell why a message is sent: as the plan says, or because the person waits for it."""
        return plan.purpose if self._answered(plan, channel, step) is None else Purpose.TRANSACTIONAL

    def _answered(self, plan: Plan, channel: Channel, step: Send | None) -> datetime | None:
        """Tell when the person wrote what a step answers; None where it is an advertisement as any other."""
        wrote = self.asked.replied.get(step.send.answers or "") if step else None
        if wrote is None or step is None:
            return None
        consent = (self.row["consents"] or {}).get(f"{channel.medium} {Purpose.MARKETING}")
        said_no = consent is False or channel in self.opted_out
        others = (other for other in plan.sends if other.id != step.id and other.send.answers == step.send.answers)
        answered = any(out.at >= wrote.at for other in others for out in self.out(other).values())
        awaited = answering.is_awaited(wrote, channel, self.at, said_no=said_no, answered=answered)
        return wrote.at if awaited else None

    def _person(self, channel: Channel, purpose: Purpose) -> Person:
        medium = channel.medium
        return Person(
            country=self.country,
            region=region_of(self.traits),
            timezone=self.traits.get("timezone"),
            orders=self.row["orders"],
            consent=(self.row["consents"] or {}).get(f"{medium} {purpose}"),
            sent=tuple(
                datetime.fromisoformat(at)
                for by, why, at in self.row["recent"] or ()
                if Channel(by).medium is medium and why == purpose
            ),
        )

    def _address(self, channel: Channel, steps: list[Send]) -> Address:
        in_vain = any(self._pushed_in_vain(step) for step in steps)
        address = self.address(channel)
        return Address(
            known=channel in self.addresses,
            suppressed=channel in self.suppressed,
            opted_out=channel in self.opted_out,
            listed=self._is_listed(channel),
            preferred=self.push if channel.medium is Medium.PUSH and not in_vain else None,
            country=country_of(address) if address and ADDRESS_TRAITS.get(channel) == "phone" else None,
        )

    def _is_listed(self, channel: Channel) -> bool:
        """Tell whether a message may go out in allowlist mode; for the shop's pages the person themselves is listed."""
        if channel is not Channel.ON_SITE:
            return self.address(channel) in self.row["allowlist"]
        return not {self.row["customer_id"], *self.addresses.values()}.isdisjoint(self.row["allowlist"])

    def _pushed_in_vain(self, step: Send) -> bool:
        """Tell whether the better push went out for a step and is not known to have arrived in time."""
        channels, out = step.send.channels, self.out(step)
        if not isinstance(channels, UntilDelivered) or self.push is None or self.push not in out:
            return False
        better = out[self.push]
        return not better.delivered and better.at + channels.within <= self.at

    def out(self, step: Send) -> dict[Channel, Out]:
        """Tell by which channels a step's message is out."""
        return {
            Channel(channel): Out(at=datetime.fromisoformat(at), delivered=delivered)
            for slot, channel, at, delivered in self.row["out"] or ()
            if slot == step.slot(Channel(channel))
        }

    def later(self, at: datetime) -> Situation:
        """Take the same situation for another moment, as if nothing happened in between."""
        return replace(self, at=at)

    def after_sending(self, plan: Plan, step: Send, channel: Channel) -> Situation:
        """Take the same situation as it would be after a send."""
        recent = [*(self.row["recent"] or ()), [channel, self.purpose(plan, channel, step), self.at.isoformat()]]
        sent = {**(self.row["sent"] or {})}
        sent[channel] = sent.get(channel, 0) + 1
        return replace(self, row={**self.row, "recent": recent, "sent": sent})

    def decide(
        self, plan: Plan, channel: Channel, deadline: datetime | None = None, step: Send | None = None
    ) -> Decision:
        """Ask the gate, about a step or about any of the plan's."""
        return decide(self.question(plan, channel, deadline, step))

    def facts(self, plan: Plan, shop_time: datetime) -> Facts:
        """Take out what the workflow may know."""
        row = self.row
        # Why somebody cancelled are their own words; those stay out of Temporal.
        outcome, reason = row["outcome"], "cancelled" if row["outcome"] == "cancelled" else row["reason"]
        if outcome is None and "cart_emptied" in plan.exits_on and not self.cart.items:
            outcome, reason = "exited", "cart was emptied"
        reach = self._reach(plan)
        replies = [step for step in plan.sends if step.send.answers in self.asked.replied]
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
            rfm=kept_of(row["kept"]).rfm,
            customer=fields(self.traits),
            orders=row["orders"],
            usable=reach.usable,
            later=reach.later,
            answering={step.id: self._reach(plan, step) for step in replies},
            out={step.id: out for step in plan.sends if (out := self.out(step))},
            zone=self._zone(plan),
            variants=self._variants(plan),
            consented=tuple(m for m in Medium if (row["consents"] or {}).get(f"{m} {Purpose.MARKETING}")),
            agreed={p: tuple(m for m in Medium if (row["consents"] or {}).get(f"{m} {p}")) for p in Purpose},
            **self._asked(),
        )

    def _reach(self, plan: Plan, step: Send | None = None) -> Reach:
        decisions = {channel: self.decide(plan, channel, step=step) for channel in plan.channels}
        return Reach(
            usable=tuple(channel for channel, decision in decisions.items() if decision.allowed),
            later={channel: decision.later for channel, decision in decisions.items() if decision.later},
        )

    def _asked(self) -> dict[str, Any]:
        asked = self.asked
        order = asked.order or OrderState()
        return {
            "order_value": order.total,
            "order_currency": order.currency,
            "moments": self.moments,
            "events": asked.events,
            "labels": asked.labels,
            "replies": asked.replies,
            "tasks": asked.tasks,
            "open_cart": asked.open_cart,
            "running": asked.running,
        }

    def _variants(self, plan: Plan) -> dict[str, str]:
        splits = [step for step in walk(plan.steps) if isinstance(step, Split)]
        shop, customer = self.row["shop"], self.row["customer_id"]
        return {step.id: step.variant_of(bucket(shop, plan.name, customer, step.id)).variant for step in splits}

    def _zone(self, plan: Plan) -> str | None:
        """Tell where the clock is read, where the plan asks for a time of day: of several zones the first."""
        if not any(isinstance(step, Until) and isinstance(step.wait_until, LocalTime) for step in walk(plan.steps)):
            return None
        return next(map(str, self.zones), None)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
