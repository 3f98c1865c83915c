"""How long a message is worth delivering. Providers try for days; what comes too late rings at night, or is untrue."""

from __future__ import annotations

from datetime import datetime, timedelta

from journeys import quiet_hours
from journeys.question import Question
from journeys.rules import hours_for, keeps_hours, where

LEAST = timedelta(minutes=5)
"""What a telephone's network needs to deliver at all: less is not asked for."""


def worth_until(q: Question, offered_until: datetime | None) -> datetime | None:
    """Tell until when a message that the gate has allowed may still arrive.

    Args:
        q: what the gate was asked.
        offered_until: the deadline of the offer that it prints; None where it prints none.

    Returns:
        The first of the step's deadline, the offer's, and the end of the hours at which people may be disturbed, at
        least ``LEAST`` after the moment of the decision; None for any time.

    """
    first = min(filter(None, (q.deadline, offered_until, _hours_close(q))), default=None)
    return None if first is None else max(first, q.at + LEAST)


def _hours_close(q: Question) -> datetime | None:
    if not keeps_hours(q):
        return None
    country, zones = where(q)
    return quiet_hours.closes(q.medium, hours_for(q), country, q.person.region, zones, q.at)
