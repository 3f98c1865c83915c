"""Quiet hours: when may a message go out, by the clock on the wall of the person?

What is allowed is allowed in all the zones in which the person may be. The hours stand in ``quiet_hours.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from journeys.hours_table import DAYS, Hours, table
from journeys.zones import country_of, region_of

FAR = timedelta(days=14)
"""So far ahead a moment is looked for."""
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_SHOWN = {
    "sms": "SMS",
    "email": "e-mail",
    "push": "push",
    "voice": "calls",
    "whatsapp": "WhatsApp",
    "on_site": "on-site",
}


def next_allowed(
    medium: str, purpose: str, country: object, region: object, zones: Sequence[ZoneInfo], at: datetime
) -> datetime | None:
    """Find the first moment at which a message may go out.

    Args:
        medium: sms, email, push, voice, whatsapp or on_site.
        purpose: transactional, service or marketing.
        country: the person's, else the shop's; see ``zones.country_of``. Anything that is none has the default's hours.
        region: a state or province, by code or name; anything that is none says nothing.
        zones: where the person may be, from ``zones.zones_of``. None at all is as the table says of the unknown.
        at: the first moment that will do, with a time zone.

    Returns:
        ``at`` itself where it is allowed; else the first moment, in UTC, that is allowed in all the zones at once.
        None where no moment of the next 14 days is: the zones lie so far apart that no hour of the day suits all of
        them, as those of Antarctica's stations do.

    Raises:
        ValueError: there is no such medium, or ``at`` has no time zone.

    """
    if at.tzinfo is None:
        raise ValueError("at has no time zone: give a moment in UTC")
    code = country_of(country)
    state = region_of(code, region)
    hours = table().hours_of(medium, purpose, code, state)
    if hours is None:
        return at
    found = first_open(hours, code, state, zones or table().zones_where_nothing_is_known, at.astimezone(UTC))
    return at if found == at else found


def closes(
    medium: str, purpose: str, country: object, region: object, zones: Sequence[ZoneInfo], at: datetime
) -> datetime | None:
    """Find the end of the hours in which a moment lies: ``at`` itself where it lies in none.

    Args:
        medium: as for ``next_allowed``, and so is the rest.
        purpose: transactional, service or marketing.
        country: the person's, else the shop's.
        region: a state or province.
        zones: where the person may be; the hours end with those of the first zone.
        at: a moment, with a time zone.

    Returns:
        In UTC; None where there are no hours.

    Raises:
        ValueError: there is no such medium, or ``at`` has no time zone.

    """
    if at.tzinfo is None:
        raise ValueError("at has no time zone: give a moment in UTC")
    code = country_of(country)
    state = region_of(code, region)
    hours = table().hours_of(medium, purpose, code, state)
    if hours is None:
        return None
    moment = at.astimezone(UTC)
    return min(_end(hours, code, state, zone, moment) for zone in zones or table().zones_where_nothing_is_known)


def window_reason(
    medium: str, country: object, region: object, zones: Sequence[ZoneInfo], until: datetime | None
) -> str:
    """Say what holds a message back, such as ``quiet hours for SMS in FR until Mon 08:30 (Europe/Paris)``.

    Args:
        medium: as for ``next_allowed``, and so are the next three.
        country: the person's, or the shop's.
        region: a state or province.
        zones: where the person may be.
        until: what ``next_allowed`` answered. It is shown in the zone that opens last.

    """
    zones = zones or table().zones_where_nothing_is_known
    code = country_of(country)
    state = region_of(code, region)
    what = f"quiet hours for {_SHOWN[medium]}"
    if code:
        what += f" in {code}-{state}" if state else f" in {code}"
    if until is None:
        return f"{what}: no hour of the next {FAR.days} days is open in all of {len(zones)} time zones"
    last = min(zones, key=lambda zone: until.astimezone(zone).replace(tzinfo=None))
    local = until.astimezone(last)
    others = f", the last of {len(zones)} zones" if len(zones) > 1 else ""
    return f"{what} until {DAYS[local.weekday()]} {local:%H:%M} ({last.key}{others})"


def first_open(
    hours: Hours, country: str | None, region: str | None, zones: Sequence[ZoneInfo], at: datetime
) -> datetime | None:
    """Find the first moment from ``at`` on, in UTC, at which some hours are open in all the zones at once."""
    moment = at
    while moment <= at + FAR:
        before = moment
        for zone in zones:
            opens = _opens(hours, country, region, zone, moment)
            if opens is None:
                return None
            moment = opens
        if moment == before:
            return moment
    return None


def _opens(hours: Hours, country: str | None, region: str | None, zone: ZoneInfo, at: datetime) -> datetime | None:
    """Find the first moment from ``at`` on at which some hours are open in one zone."""
    for ahead in range(FAR.days + 1):
        for since, until in _open(hours, country, region, zone, at.date() + ahead * _DAY):
            if at < until:
                return max(at, since)
    return None


def _end(hours: Hours, country: str | None, region: str | None, zone: ZoneInfo, at: datetime) -> datetime:
    """Find the end of the stretch in which a moment lies, over midnight where it goes on."""
    end = at
    for ahead in range(FAR.days + 1):
        for since, until in _open(hours, country, region, zone, at.date() + ahead * _DAY):
            if since <= end < until:
                end = until
    return end


@lru_cache(maxsize=8192)
def _open(
    hours: Hours, country: str | None, region: str | None, zone: ZoneInfo, day: date
) -> tuple[tuple[datetime, datetime], ...]:
    """Give the stretches of one day of UTC in which some hours are open in a zone, in order.

    A moment is in a window if the clock on the wall says so. So of a local hour that comes twice both are, and of one
    that is left out none.
    """
    start = datetime.combine(day, time(), UTC)
    found = []
    for since, until, offset in _steady(zone, start, start + _DAY):
        local_day = (since + offset).date()
        while (midnight := datetime.combine(local_day, time(), UTC) - offset) < until:
            for opens, closes in hours.on(local_day, country, region):
                first = max(since, midnight + timedelta(minutes=opens))
                end = min(until, midnight + timedelta(minutes=closes))
                if first < end:
                    found.append((first, end))
            local_day += _DAY
    return tuple(found)


def _steady(zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Cut a stretch of time where the zone's clocks are set; give each piece with its distance from UTC.

    No zone sets its clocks twice within a day.
    """
    first, last = _offset(zone, since), _offset(zone, until - _SECOND)
    if first == last:
        yield since, until, first
        return
    is_before, is_after = since, until - _SECOND
    while is_after - is_before > _SECOND:
        middle = is_before + (is_after - is_before) // (2 * _SECOND) * _SECOND
        is_before, is_after = (middle, is_after) if _offset(zone, middle) == first else (is_before, middle)
    yield since, is_after, first
    yield is_after, until, last


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
