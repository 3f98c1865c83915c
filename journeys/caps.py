"""Caps: how often one person hears of a shop, by medium and purpose, over all its journeys.

The windows roll: a calendar day would let two messages pass at 23:59 and 00:01.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from journeys.durations import Duration, show
from journeys.facts import Medium

LONGEST = timedelta(days=90)
"""The ledger is asked for so long a time, and no longer."""


class Cap(BaseModel):
    """At most so many within any stretch of this length."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_most: Annotated[int, Field(ge=0)]
    within: Annotated[Duration, Field(gt=timedelta(0), le=LONGEST)]

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.at_most} in {show(self.within)}"


Caps = dict[Medium, tuple[Cap, ...]]

DEFAULTS: Caps = {
    Medium.SMS: (Cap(at_most=1, within=timedelta(hours=24)), Cap(at_most=4, within=timedelta(days=30))),
    Medium.WHATSAPP: (Cap(at_most=1, within=timedelta(hours=24)), Cap(at_most=4, within=timedelta(days=30))),
    # France allows four calls in 30 days.
    Medium.VOICE: (Cap(at_most=1, within=timedelta(hours=24)), Cap(at_most=4, within=timedelta(days=30))),
    Medium.EMAIL: (Cap(at_most=1, within=timedelta(hours=16)),),
    Medium.PUSH: (Cap(at_most=2, within=timedelta(hours=24)),),
    Medium.ON_SITE: (Cap(at_most=2, within=timedelta(hours=24)),),
}


def free_from(sent: Iterable[datetime], cap: Cap, at: datetime) -> datetime | None:
    """Tell from when on another one keeps the cap, given when the others were sent; None where it never does.

    What was sent later than ``at`` counts as well: a decision may be dated before one that was made already.
    """
    if cap.at_most == 0:
        return None
    counted = sorted(moment for moment in sent if moment > at - cap.within)
    if len(counted) < cap.at_most:
        return at
    # As soon as the oldest ones have left the window, so that there is room for one.
    return counted[-cap.at_most] + cap.within
