"""Times of day where a person lives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from journeys.steps import LocalTime, Weekday

_DAYS = list(Weekday)
_A_WEEK_AND_MORE = 10


def next_moment(wanted: LocalTime, zone: str | None, after: datetime) -> datetime:
    """Tell when the clock shows a time next, at or after a moment.

    A time that a day leaves out, since clocks are set forward, comes as much later as they are set; of one that comes
    twice the first counts.

    Args:
        wanted: the time of day, and the days of the week on which it counts.
        zone: an IANA name; UTC where none is known.
        after: with a zone.

    """
    there = ZoneInfo(zone) if zone else UTC
    # What the evening leaves out comes after midnight.
    yesterday = after.astimezone(there).date() - timedelta(days=1)
    for days in range(_A_WEEK_AND_MORE):
        day = yesterday + timedelta(days=days)
        moment = datetime.combine(day, wanted.time, there).astimezone(UTC)
        if _DAYS[day.weekday()] in wanted.on and moment >= after:
            return moment
    raise AssertionError("a week has every day")
