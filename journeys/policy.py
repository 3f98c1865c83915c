"""A shop's own rules for sending, beside those of its plans."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from journeys.caps import DEFAULTS, Cap, Caps
from journeys.costs import Prices
from journeys.durations import Duration
from journeys.facts import Medium

Price = Annotated[Decimal, Field(ge=0, max_digits=12)]


class Policy(BaseModel):
    """What a shop may set, with defaults that keep it out of trouble.

    Attributes:
        country: ISO 3166 code of the shop: where people live of whom nothing is known.
        caps: how often one person hears of it, by medium; what it does not name keeps the defaults of ``caps.py``.
        daily_ceiling: the most it spends in a day (UTC); None for no ceiling. It needs prices.
        prices: what one part costs, by channel, or by channel and country: ``{"sms": "0.07", "sms:FR": "0.065"}``.
        quiet_hours: whether quiet hours count.
        soft_opt_in: whether customers who never said no are written e-mails about similar goods, in the countries
            that allow it; the shop must have told them of it at the sale.
        voice_marketing: whether marketing calls people at all.
        short_links: whether the link in an SMS or a chat message is a short one, which counts the click and leads on.
        contact: where customers get help, such as ``help@shop.example``; the answer to HELP tells it.
        revoke_all: whether a STOP on one medium ends marketing on all.
        browses_for: so long after the last thing that somebody did they may still be on the shop's pages, and are not
            called back to them; a plan that waits for less idleness goes by that. ``0s``: nobody is waited for.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    caps: Caps = Field(default_factory=dict)
    daily_ceiling: Price | None = None
    prices: Prices = Field(default_factory=dict)
    quiet_hours: bool = True
    soft_opt_in: bool = False
    voice_marketing: bool = False
    short_links: bool = True
    contact: Annotated[str, Field(min_length=3, max_length=80)] | None = None
    revoke_all: bool = False
    browses_for: Annotated[Duration, Field(ge=timedelta(0), le=timedelta(days=1))] = timedelta(minutes=10)

    def caps_of(self, medium: Medium) -> tuple[Cap, ...]:
        """Give the caps that count for a medium."""
        return self.caps.get(medium, DEFAULTS.get(medium, ()))
