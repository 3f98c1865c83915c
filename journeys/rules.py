"""The rules of the gate, each a function over the facts. ``gate.RULES`` lists them in their order."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from journeys import caps, quiet_hours
from journeys.answering import AWAKE_FOR
from journeys.facts import UNASKED, Channel, Medium, Purpose
from journeys.question import Defer, Mode, Question, Refuse, Verdict
from journeys.zones import whereabouts

PAUSED_FOR = timedelta(hours=1)
"""How soon what a paused plan, or another journey, holds back is asked about again."""
SOFT_OPT_IN = frozenset({"FR", "DE", "IT", "ES"})
"""Where customers may be written e-mails about similar goods until they say no (ePrivacy directive, 13.2)."""
SHOWN_THERE = frozenset({Medium.PUSH, Medium.ON_SITE})
"""The media that call nobody back: they may be shown to whoever is still on the shop's pages."""
LOOKS_FOR = timedelta(seconds=90)
"""So long after a page last asked somebody still looks at it: it asks every 30 seconds, and may miss some."""
US_CART_SMS_WITHIN = timedelta(hours=48)
"""The CTIA's short code handbook: one cart reminder, within 48 hours."""


# The journey


def journey_runs(q: Question) -> Verdict:
    """Nothing goes out for a journey that is paused or over."""
    if q.status == "paused":
        return Refuse("journey is paused")
    return None if q.status == "running" else Refuse(f"journey ended: {q.ended_because or 'no reason kept'}")


def goal_not_reached(q: Question) -> Verdict:
    """Nothing goes out after the order."""
    return Refuse("cart was ordered") if q.ordered else None


def cart_holds_something(q: Question) -> Verdict:
    """There is nothing to recover in an empty cart."""
    return Refuse("cart is empty") if q.empty else None


def cart_can_be_bought(q: Question) -> Verdict:
    """Nobody is called back to a cart of which nothing is in stock."""
    return Refuse("everything in the cart is out of stock") if q.sold_out else None


# The shop


def shop_sends(q: Question) -> Verdict:
    """The shop's sending mode allows it."""
    return Refuse("shop has stopped sending") if q.mode is Mode.STOPPED else None


def below_the_ceiling(q: Question) -> Verdict:
    """The shop has money left for today; what people asked for is sent all the same."""
    ceiling = q.policy.daily_ceiling
    if q.is_transactional or ceiling is None or q.spent < ceiling:
        return None
    tomorrow = datetime.combine(q.at.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    return Defer(tomorrow, f"the shop's daily ceiling of {ceiling} is reached")


def plan_goes_on(q: Question) -> Verdict:
    """The shop has not paused the plan."""
    return Defer(q.at + PAUSED_FOR, "plan is paused") if q.plan_paused else None


# Holdout and roll-out


def not_held_out(q: Question) -> Verdict:
    """The holdout is sent no marketing."""
    return Refuse("customer is in the holdout") if q.held_out and q.is_marketing else None


def rolled_out(q: Question) -> Verdict:
    """The plan has been rolled out to this customer."""
    return None if q.rolled_out or q.is_transactional else Refuse("plan is not rolled out to this customer")


# Consent


def permitted(q: Question) -> Verdict:
    """Marketing needs a yes but on the shop's own pages; anything else must not have met a no."""
    word = q.person.consent
    if word or (word is None and (not q.is_marketing or q.medium in UNASKED or _soft_opt_in(q))):
        return None
    return Refuse(f"no consent to {q.purpose} by {q.medium}")


def _soft_opt_in(q: Question) -> bool:
    """Tell whether a sale stands for a yes: e-mail to customers, where the law has it and the shop uses it."""
    is_customer = q.medium is Medium.EMAIL and q.person.orders > 0
    return is_customer and q.policy.soft_opt_in and q.person.country in SOFT_OPT_IN


def voice_switched_on(q: Question) -> Verdict:
    """Marketing calls nobody unless the shop has switched it on."""
    is_call = q.medium is Medium.VOICE and q.is_marketing
    return Refuse("marketing by voice is off for this shop") if is_call and not q.policy.voice_marketing else None


def not_suppressed(q: Question) -> Verdict:
    """Nothing at all goes to a suppressed address: the word of whoever reads there is above the shop's files."""
    return Refuse("address is suppressed") if q.address.suppressed else None


def not_opted_out(q: Question) -> Verdict:
    """No marketing goes to an address from which STOP came, whoever it belongs to by now."""
    return Refuse("STOP came from this address") if q.address.opted_out and q.is_marketing else None


# Other journeys


def goes_first(q: Question) -> Verdict:
    """No running journey of the person has a higher priority; what people asked for waits for none."""
    if q.busy is None or q.is_transactional:
        return None
    return Defer(max(q.busy.until, q.at + PAUSED_FOR), f"{q.busy.plan} goes first")


def below_the_plans_limit(q: Question) -> Verdict:
    """The plan allows another send on this channel for this key."""
    if q.at_most is None or q.sent < q.at_most:
        return None
    return Refuse(f"plan allows {q.at_most} by {q.channel}")


def below_the_caps(q: Question) -> Verdict:
    """The person has not heard too much of the shop lately; what they asked for does not count."""
    if q.is_transactional:
        return None
    latest: Defer | None = None
    for cap in q.policy.caps_of(q.medium):
        until = caps.free_from(q.person.sent, cap, q.at)
        if until is None:
            return Refuse(f"shop allows no {q.purpose} by {q.medium}")
        if until > q.at and (latest is None or until > latest.until):
            latest = Defer(until, f"cap of {cap} by {q.medium} is reached")
    return latest


def us_cart_sms(q: Question) -> Verdict:
    """Where the person or their number is of the US, one cart gets one SMS, with pictures or not, within 48 hours."""
    is_there = "US" in {q.person.country, q.address.country}
    if not is_there or q.medium is not Medium.SMS or not q.is_marketing or q.filled_at is None:
        return None
    if q.sent_alike:
        return Refuse("one SMS for one cart in the US")
    return Refuse("48 hours for a cart's SMS in the US are over") if q.at > q.filled_at + US_CART_SMS_WITHIN else None


# The hour


def not_too_late(q: Question) -> Verdict:
    """The step's deadline has not passed."""
    return Refuse("deadline of the step has passed") if q.deadline and q.at > q.deadline else None


def has_left(q: Question) -> Verdict:
    """Nobody is called back to where they still are; some media are shown there."""
    if not q.is_marketing or q.medium in SHOWN_THERE or q.leaves_at is None or q.leaves_at <= q.at:
        return None
    return Defer(q.leaves_at, "the person may still be on the shop's pages")


def in_open_hours(q: Question) -> Verdict:
    """It is an hour at which people may be disturbed where they live."""
    if not keeps_hours(q):
        return None
    country, zones = where(q)
    until = quiet_hours.next_allowed(q.medium, hours_for(q), country, q.person.region, zones, q.at)
    if until is None:
        return Refuse(f"no open hour for {q.medium} in {country or 'any country'} within two weeks")
    if until == q.at:
        return None
    return Defer(until, quiet_hours.window_reason(q.medium, country, q.person.region, zones, until))


def keeps_hours(q: Question) -> bool:
    """Tell whether quiet hours count: not for what people asked for a moment ago, and not where the shop has none."""
    is_waited_for = q.is_transactional and (q.answers is None or q.at <= q.answers + AWAKE_FOR)
    return q.policy.quiet_hours and not is_waited_for


def hours_for(q: Question) -> Purpose:
    """Tell whose hours count: an answer that comes late keeps those of what advertises."""
    return q.purpose if q.answers is None else Purpose.MARKETING


def where(q: Question) -> tuple[str | None, tuple[ZoneInfo, ...]]:
    """Tell in which country the person is, and in which zones they may be; the shop's where nothing is known."""
    return whereabouts(q.person.timezone, q.person.country, q.person.region, q.policy.country)


# The channel


def is_there(q: Question) -> Verdict:
    """What stands on the shop's pages is for whoever looks at them."""
    if q.channel is not Channel.ON_SITE:
        return None
    looks = q.looked_at is not None and q.at < q.looked_at + LOOKS_FOR
    return None if looks else Refuse("the person is not on the shop's pages")


def reachable(q: Question) -> Verdict:
    """There is an address."""
    return None if q.address.known else Refuse(f"no address for {q.channel}")


def the_better_push(q: Question) -> Verdict:
    """Of browser and app only one is pushed to."""
    other = q.address.preferred
    return Refuse(f"the person is reached by {other}") if other is not None and other is not q.channel else None


def connected(q: Question) -> Verdict:
    """Where messages really leave, the shop has an account with a provider; for its own pages it needs none."""
    if q.mode is Mode.SANDBOX or q.connected or q.channel is Channel.ON_SITE:
        return None
    return Refuse(f"shop has no account for {q.channel}")


def listed(q: Question) -> Verdict:
    """In allowlist mode the address must be listed."""
    is_wrong = q.mode is Mode.ALLOWLIST and not q.address.listed
    return Refuse("address is not on the allowlist") if is_wrong else None


def provider_works(q: Question) -> Verdict:
    """The channel's providers do not fail for everybody."""
    if q.down_until is None or q.down_until <= q.at or q.mode is Mode.SANDBOX:
        return None
    return Defer(q.down_until, f"the provider of {q.channel} is down")
