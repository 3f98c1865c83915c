"""Quiet hours against an oracle that walks the clock, in every zone and every country of the world.

The oracle reads the table as it stands in the file, and knows nothing of how the answer is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from journeys import quiet_hours, yamlfile
from journeys.hours_table import Hours
from journeys.quiet_hours import next_allowed
from journeys.zones import zones_of
from tests.examples import examples

RAW = yaml.safe_load((Path(__file__).parents[2] / "journeys" / "quiet_hours.yaml").read_text())
ZONES = sorted(resources.files("tzdata").joinpath("zones").read_text().split())
ZONE_TAB = [
    line.split("\t")
    for line in resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text().splitlines()
    if not line.startswith("#")
]
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MINUTE = timedelta(minutes=1)


@cache
def days_off(country: str, region: str | None) -> holidays.HolidayBase:
    return holidays.country_holidays(country, subdiv=region)


@cache
def entry_of(medium: str, country: str, region: str | None) -> dict[str, Any]:
    places = [f"{country}-{region}", country, "everywhere"]
    entries = [e for place in places for e in RAW["hours"] if place in e["places"] and medium in e["media"]]
    return dict(entries[0])


def is_open(windows: str | list[str], clock: str) -> bool:
    return windows != "closed" and any(w[:5] <= clock < w[6:] for w in windows)


def says_the_oracle(entry: dict[str, Any], country: str, region: str | None, zone: ZoneInfo, at: datetime) -> bool:
    wall = at.astimezone(zone)
    clock, today, name = f"{wall:%H:%M}", wall.date(), DAYS[wall.weekday()]
    for days, windows in entry["week"].items():
        first, last = days.split("-") if "-" in days else (days, days)
        if DAYS.index(first) <= DAYS.index(name) <= DAYS.index(last) and not is_open(windows, clock):
            return False
    off = days_off(country, region) if "holidays" in entry or "eves" in entry else ()
    if "holidays" in entry and today in off and not is_open(entry["holidays"], clock):
        return False
    return not (
        "eves" in entry and date.fromordinal(today.toordinal() + 1) in off and not is_open(entry["eves"], clock)
    )


def check(
    entry: dict[str, Any],
    found: datetime | None,
    country: str,
    region: str | None,
    zones: Sequence[ZoneInfo],
    at: datetime,
    step: timedelta,
) -> None:
    """That a moment is the first: open, nothing between, nothing in the minute before; all said by the oracle alone."""

    def allowed(moment: datetime) -> bool:
        return all(says_the_oracle(entry, country, region, zone, moment) for zone in zones)

    where = f"{[zone.key for zone in zones]} {country} {region} {at} {found}"
    assert (found == at) is allowed(at), where
    if found == at:
        return
    assert found is None or (found > at and allowed(found) and not allowed(found - MINUTE)), where
    assert found is None or (found.second, found.microsecond) == (0, 0), where
    moment = at + step
    while moment < (found or at + quiet_hours.FAR):
        assert not allowed(moment), f"{where} but {moment}"
        moment += step


LAWS = [(medium, place) for medium in ("sms", "voice", "push") for place in ("FR", "IT", "BR", "US-TX", "US-LA", "JP")]
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
# Half of them where hours open and close.
MOMENTS = st.one_of(
    st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: NEW_YEAR + minutes * MINUTE),
    st.integers(0, 2 * 365 * 48).map(lambda halves: NEW_YEAR + halves * 30 * MINUTE),
)


@hypothesis_settings(max_examples=examples(40))
@given(law=st.sampled_from(LAWS), at=MOMENTS)
def test_in_every_zone_of_the_world_the_answer_is_the_first_moment_that_is_open(
    law: tuple[str, str], at: datetime
) -> None:
    medium, place = law
    country, _, state = place.partition("-")
    region = state or None
    entry = entry_of(medium, country, region)
    for name in ZONES:
        zones = (ZoneInfo(name),)
        found = next_allowed(medium, "marketing", country, region, zones, at)
        check(entry, found, country, region, zones, at, 15 * MINUTE)


@hypothesis_settings(max_examples=examples(60))
@given(
    medium=st.sampled_from(["sms", "voice", "push"]),
    country=st.sampled_from(sorted({country for country, *_ in ZONE_TAB})),
    at=MOMENTS,
)
def test_in_every_country_the_answer_is_the_first_moment_that_is_open_in_all_its_zones(
    medium: str, country: str, at: datetime
) -> None:
    zones = tuple(ZoneInfo(zone) for code, _, zone, *_ in ZONE_TAB if code == country)
    assert set(zones_of("nothing", country.lower())) == set(zones)
    found = next_allowed(medium, "service", country, None, zones, at)
    check(entry_of(medium, country, None), found, country, None, zones, at, 15 * MINUTE)


def changes(zone: ZoneInfo) -> Iterator[tuple[datetime, timedelta | None, timedelta | None]]:
    """The days of 2026 and 2027 in which a zone sets its clocks, from what to what."""
    midnights = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(731)]
    for midnight, next_one in pairwise(midnights):
        before, after = midnight.astimezone(zone).utcoffset(), next_one.astimezone(zone).utcoffset()
        if before != after:
            yield midnight, before, after


@pytest.mark.parametrize("days", ["Mon-Sun", "Sun"])
def test_in_every_zone_windows_of_the_night_are_kept_while_its_clocks_are_set(days: str) -> None:
    windows = "00:00-00:20, 00:40-01:10, 01:40-02:20, 02:40-03:20, 23:10-23:40, 23:50-24:00"
    rest = "".join(f", {day}: closed" for day in DAYS if days not in {"Mon-Sun", day})
    text = f"places: [everywhere]\nmedia: [sms]\nweek: {{{days}: [{windows}]{rest}}}\nsource: a test"
    hours = yamlfile.parse(Hours, text, "own.yaml")
    entry = {"week": {day: windows.split(", ") if days in (day, "Mon-Sun") else "closed" for day in DAYS}}
    # Most zones share a change with others; one of each is enough.
    changed = {change: zone for zone in map(ZoneInfo, ZONES) for change in changes(zone)}
    assert len(changed) > 50
    for (midnight, _, _), zone in changed.items():
        for tens in range(36 * 6):
            at = midnight + tens * 10 * MINUTE
            found = quiet_hours.first_open(hours, None, None, (zone,), at)
            check(entry, found, "", None, (zone,), at, 10 * MINUTE if days == "Mon-Sun" else 4 * 60 * MINUTE)
