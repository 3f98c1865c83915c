"""The gate: may this go to this person, now, by this channel? The UI calls it sending rules.

Each rule is a function over the facts and answers with the reason for its refusal, or None.
The look asks the same rules as the claim; only the claim's answer counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from journeys.facts import Channel, Purpose


class Mode(StrEnum):
    """A shop's sending mode."""

    SANDBOX = "sandbox"
    """Everything is kept, nothing leaves."""
    ALLOWLIST = "allowlist"
    """Only listed addresses are sent to."""
    LIVE = "live"
    """Everybody may be sent to. Not open yet: caps, quiet hours and opt-out words come first."""
    STOPPED = "stopped"
    """Nothing is sent."""


@dataclass(frozen=True)
class Question:
    """What the rules are asked about.

    Attributes:
        status: the journey's: running, paused or ended.
        ended_because: why it ended, where it did.
        ordered: the cart was ordered.
        empty: the cart holds nothing.
        consent: the person's word on this channel and purpose; None when they never gave one.
        suppressed: nothing may go to the person's address for the channel, whatever they consented to.
        has_address: there is an address for the channel.
        connected: the shop has a provider's account for the channel.
        listed: that address is on the shop's allowlist.
        sent: live sends on this channel for this key, over all its journeys.
        at_most: how many of them the plan allows; None for any number.
        deadline: the last moment for this step; None for any.

    """

    at: datetime
    channel: Channel
    purpose: Purpose
    status: str
    ended_because: str | None
    ordered: bool
    empty: bool
    mode: Mode
    held_out: bool
    consent: bool | None
    suppressed: bool
    has_address: bool
    connected: bool
    listed: bool
    sent: int
    at_most: int | None
    deadline: datetime | None


def journey_runs(q: Question) -> str | None:
    """Nothing goes out for a journey that is paused or over."""
    if q.status == "paused":
        return "journey is paused"
    return None if q.status == "running" else f"journey ended: {q.ended_because or 'no reason kept'}"


def goal_not_reached(q: Question) -> str | None:
    """Nothing goes out after the order."""
    return "cart was ordered" if q.ordered else None


def cart_holds_something(q: Question) -> str | None:
    """There is nothing to recover in an empty cart."""
    return "cart is empty" if q.empty else None


def shop_sends(q: Question) -> str | None:
    """The shop's sending mode allows it."""
    if q.mode is Mode.STOPPED:
        return "shop has stopped sending"
    return "live mode is not open yet" if q.mode is Mode.LIVE else None


def not_held_out(q: Question) -> str | None:
    """The holdout is sent no marketing."""
    return "customer is in the holdout" if q.held_out and q.purpose is Purpose.MARKETING else None


def permitted(q: Question) -> str | None:
    """Marketing needs a yes; anything else must not have met a no."""
    if q.consent or (q.consent is None and q.purpose is not Purpose.MARKETING):
        return None
    return f"no consent to {q.purpose} by {q.channel}"


def not_suppressed(q: Question) -> str | None:
    """Nothing at all goes to a suppressed address: the word of whoever reads there is above the shop's files."""
    return "address is suppressed" if q.suppressed else None


def reachable(q: Question) -> str | None:
    """There is an address."""
    return None if q.has_address else f"no address for {q.channel}"


def listed(q: Question) -> str | None:
    """In allowlist mode the address must be listed."""
    return "address is not on the allowlist" if q.mode is Mode.ALLOWLIST and not q.listed else None


def connected(q: Question) -> str | None:
    """Where messages really leave, the shop has an account with a provider."""
    return f"shop has no account for {q.channel}" if q.mode is not Mode.SANDBOX and not q.connected else None


def in_time(q: Question) -> str | None:
    """The step's deadline has not passed."""
    return "deadline of the step has passed" if q.deadline and q.at > q.deadline else None


def below_the_plans_limit(q: Question) -> str | None:
    """The plan allows another send on this channel for this key."""
    if q.at_most is None or q.sent < q.at_most:
        return None
    return f"plan allows {q.at_most} by {q.channel} for one cart"


RULES: tuple[Callable[[Question], str | None], ...] = (
    journey_runs,
    goal_not_reached,
    cart_holds_something,
    shop_sends,
    not_held_out,
    permitted,
    not_suppressed,
    reachable,
    connected,
    listed,
    in_time,
    below_the_plans_limit,
)
"""In the order in which they are asked; the first refusal counts."""


def refusal(question: Question) -> str | None:
    """Ask every rule; give the first refusal's reason, or None when all allow it."""
    return next((reason for rule in RULES if (reason := rule(question))), None)
