"""A moment that a shop tells of an order: with its zone, by the clocks of the place, or as a day alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from journeys.events import BadEventError, Event
from journeys.facts import Moment

TOLD: Mapping[str, Moment] = {"payment_due": Moment.PAYMENT_DUE, "expected_delivery": Moment.EXPECTED}
"""The properties of an order's events that tell one."""
_LAST = time(23, 59, 59)
_AT_MOST_APART = timedelta(days=3650)
_SAMPLES = "2026-12-03, 2026-12-03T18:00:00 or 2026-12-03T18:00:00-03:00"


def told(event: Event, name: str) -> datetime | None:
    """Read one of the moments that an event tells; None where it tells none.

    Returns:
        In UTC, where it says its zone. Else without a zone: by the clocks of the place, which ``at_place`` reads. A day
        alone lasts until its last second.

    Raises:
        BadEventError: it is no moment, or lies ten years from the event.

    """
    value, path = event.properties.get(name), f"properties.{name}"
    if value is None or value == "":
        return None
    try:
        said = _read(value)
        # Some backends write the year 1 for none.
        if said.year == 1:
            return None
        said = said.astimezone(UTC) if said.tzinfo else said
    except (ValueError, TypeError, OverflowError):
        raise BadEventError(path, f"must be ISO 8601, such as {_SAMPLES}") from None
    if abs(at_place(said, UTC) - event.at) > _AT_MOST_APART:
        raise BadEventError(path, "must lie within ten years of the event")
    return said


def at_place(moment: datetime, zone: tzinfo) -> datetime:
    """Give a moment as an instant: one that says no zone is by the clocks of this one."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _read(value: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(value), _LAST)
    except ValueError:
        return datetime.fromisoformat(value)
