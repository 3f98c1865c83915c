"""What the gate is asked, and what a rule may answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from journeys.facts import Channel, Medium, Purpose
from journeys.policy import Policy


class Mode(StrEnum):
    """A shop's sending mode."""

    SANDBOX = "sandbox"
    """Everything is kept, nothing leaves."""
    ALLOWLIST = "allowlist"
    """Only listed addresses are sent to."""
    LIVE = "live"
    """Everybody may be sent to."""
    STOPPED = "stopped"
    """Nothing is sent."""


@dataclass(frozen=True)
class Refuse:
    """Not by this channel, whatever the hour."""

    reason: str


@dataclass(frozen=True)
class Defer:
    """Not before ``until``."""

    until: datetime
    reason: str


Verdict = Refuse | Defer | None
"""A rule's answer; None where it has nothing against it."""


@dataclass(frozen=True)
class Person:
    """The person whom it goes to.

    Attributes:
        country: ISO 3166, in capitals; the shop's where theirs is not known.
        region: a state of the US, such as FL.
        timezone: an IANA name, or whatever the shop said instead.
        orders: how many they have completed.
        consent: their word on this medium and purpose; None when they never gave one.
        sent: when they were sent something by this medium for this purpose, over all journeys.

    """

    country: str | None = None
    region: str | None = None
    timezone: str | None = None
    orders: int = 0
    consent: bool | None = None
    sent: tuple[datetime, ...] = ()


@dataclass(frozen=True)
class Address:
    """Where it goes.

    Attributes:
        known: there is one for the channel.
        suppressed: nothing may go there, whatever was consented to.
        opted_out: whoever reads there has written STOP.
        listed: it is on the shop's allowlist.
        preferred: the kind of push that the person is to be reached by; None where either will do.
        country: of a telephone number, ISO 3166, whatever is said of the person; None for what is none.

    """

    known: bool = True
    suppressed: bool = False
    opted_out: bool = False
    listed: bool = True
    preferred: Channel | None = None
    country: str | None = None


@dataclass(frozen=True)
class Busy:
    """Another journey of the person that goes first, and when it does something next."""

    plan: str
    until: datetime


@dataclass(frozen=True)
class Question:
    """What the rules are asked about: one channel, one purpose, one moment.

    Attributes:
        status: the journey's: running, paused or ended.
        ended_because: why it ended, where it did.
        ordered: the cart was ordered.
        empty: the cart holds nothing.
        sold_out: nothing that the cart holds is in stock.
        filled_at: when the cart was last changed; None for what is about no cart.
        looked_at: when a page of the shop last asked what to show to the person; None where none did.
        leaves_at: from when on the person is taken to have left the shop's pages, if they do nothing more there; None
            where nothing is known that they did.
        plan_paused: the shop has paused the plan.
        spent: what the shop has spent today.
        connected: the shop has a provider's account for the channel.
        down_until: until when none of its providers is called, because they fail for everybody.
        busy: a journey of the person that goes first.
        sent: live sends on this channel for this key, over all its journeys.
        sent_alike: the same for all channels of its medium.
        at_most: how many of them the plan allows; None for any number.
        deadline: the last moment for this step; None for any.
        answers: when the person wrote what this answers; None for what answers nothing.

    """

    at: datetime
    channel: Channel
    purpose: Purpose
    status: str = "running"
    ended_because: str | None = None
    ordered: bool = False
    empty: bool = False
    sold_out: bool = False
    filled_at: datetime | None = None
    looked_at: datetime | None = None
    leaves_at: datetime | None = None
    mode: Mode = Mode.LIVE
    policy: Policy = field(default_factory=Policy)
    plan_paused: bool = False
    spent: Decimal = Decimal(0)
    held_out: bool = False
    rolled_out: bool = True
    person: Person = field(default_factory=Person)
    address: Address = field(default_factory=Address)
    connected: bool = True
    down_until: datetime | None = None
    busy: Busy | None = None
    sent: int = 0
    sent_alike: int = 0
    at_most: int | None = None
    deadline: datetime | None = None
    answers: datetime | None = None

    @property
    def medium(self) -> Medium:
        """What consent, caps and quiet hours are asked for."""
        return self.channel.medium

    @property
    def is_marketing(self) -> bool:
        """Whether it advertises."""
        return self.purpose is Purpose.MARKETING

    @property
    def is_transactional(self) -> bool:
        """Whether it is about what the person asked for: nothing but a no, or a wrong address, holds it back."""
        return self.purpose is Purpose.TRANSACTIONAL
