"""When a message answers what a person has just written, and so is no advertisement but what they wait for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from journeys.facts import Channel, Medium

ANSWERED_WITHIN = timedelta(hours=24)
"""For so long what a person wrote may be answered as something that they asked for (WhatsApp's own window for that)."""
AWAKE_FOR = timedelta(hours=1)
"""For so long after they wrote, nobody is woken by an answer; later, the quiet hours count again."""


@dataclass(frozen=True)
class Wrote:
    """When and by which medium a person has answered a question; None for one that is not known."""

    at: datetime
    medium: Medium | None


def is_awaited(wrote: Wrote | None, channel: Channel, at: datetime, *, said_no: bool, answered: bool) -> bool:
    """Tell whether a message is awaited: the first one, soon, by the medium by which they wrote, and no no came since.

    Args:
        wrote: what it answers.
        channel: by which it is to go out.
        at: when.
        said_no: they want no advertisements by this medium, or STOP came from the address.
        answered: another message has answered it already.

    """
    if wrote is None or said_no or answered:
        return False
    return channel.medium is wrote.medium and at <= wrote.at + ANSWERED_WITHIN
