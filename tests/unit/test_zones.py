"""Where a person is: what is said of country, region and zone, and what it is worth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import yamlfile
from journeys.zones import RegionZones, country_of, region_of, zones_of

ZONE_TAB = [
    line.split("\t")
    for line in resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text().splitlines()
    if not line.startswith("#")
]
NAMES = resources.files("tzdata").joinpath("zones").read_text().split()
REGIONS = yamlfile.parse(
    RegionZones, resources.files("journeys").joinpath("zones.yaml").read_text(), "zones.yaml"
).regions
GARBAGE: list[object] = [
    None,
    7,
    [],
    {},
    "",
    " ",
    "Europe/Nowhere",
    "../../etc/passwd",
    "Europe/Paris\0",
    "localtime",
    "x" * 5000,
    "🏖",
]


def names(timezone: object, country: object, region: object = None) -> list[str]:
    return [zone.key for zone in zones_of(timezone, country, region)]


@pytest.mark.parametrize(
    ("timezone", "country", "region", "expected"),
    [
        ("Europe/Paris", "US", "TX", ["Europe/Paris"]),  # the person's own before all else
        (" europe/paris ", None, None, ["Europe/Paris"]),
        ("Asia/Calcutta", None, None, ["Asia/Calcutta"]),  # a former name, which browsers still say
        (None, "US", "TX", ["America/Chicago", "America/Denver"]),
        (None, "us", "texas", ["America/Chicago", "America/Denver"]),
        (None, "US", "US-HI", ["Pacific/Honolulu"]),
        (None, "BR", "sao paulo", ["America/Sao_Paulo"]),
        (None, "FR", "La Réunion", ["Indian/Reunion"]),
        (None, "FR", None, ["Europe/Paris"]),
        (None, "FR", "Bretagne", ["Europe/Paris"]),  # a region that we know nothing of
        (None, "uk", None, ["Europe/London"]),
        (None, "PT", None, ["Europe/Lisbon", "Atlantic/Madeira", "Atlantic/Azores"]),
        (None, None, "TX", []),
        ("UTC", "FR", None, ["Europe/Paris", "UTC"]),  # a device that hides where it is
        ("Etc/GMT+5", "FR", None, ["Europe/Paris", "Etc/GMT+5"]),
        ("UTC", None, None, ["UTC"]),
        ("Factory", None, None, []),
    ],
)
def test_the_zone_of_a_person(timezone: object, country: object, region: object, expected: list[str]) -> None:
    assert names(timezone, country, region) == expected


def test_every_zone_is_known_by_its_name() -> None:
    assert [name for name in NAMES if name not in names(name, None)] == ["Factory"]


@pytest.mark.parametrize("said", GARBAGE, ids=str)
def test_garbage_is_nothing(said: object) -> None:
    assert zones_of(said, said, said) == ()
    assert names(said, "FR", said) == ["Europe/Paris"]
    assert country_of(said, said) is None
    assert region_of("US", said) is None


@given(*[st.one_of(st.none(), st.text(), st.integers(), st.binary(), st.lists(st.text(), max_size=2))] * 3)
def test_nothing_that_anybody_says_is_an_error(timezone: object, country: object, region: object) -> None:
    assert all(isinstance(zone, ZoneInfo) for zone in zones_of(timezone, country, region))


@pytest.mark.parametrize(
    ("country", "timezone", "expected"),
    [
        ("FR", "Asia/Tokyo", "FR"),
        (None, "Asia/Tokyo", "JP"),
        ("France", "Europe/Paris", "FR"),
        ("", "Asia/Calcutta", "IN"),
        (None, "America/Buenos_Aires", "AR"),
        (None, "US/Eastern", "US"),
        (None, "CET", None),  # of many countries
        (None, "UTC", None),
        ("EL", None, "GR"),
        ("EU", None, None),
    ],
)
def test_a_country_that_nobody_said_is_the_zones(country: object, timezone: object, expected: str | None) -> None:
    assert country_of(country, timezone) == expected


# The file of regions


def test_every_region_of_its_countries_has_its_zones() -> None:
    for country in ("US", "CA", "AU", "BR"):
        known = {code for codes in REGIONS[country].values() for code in codes}
        cities = {"NSW Western", "São Paulo Capital"}
        assert set(holidays.country_holidays(country).subdivisions) - known - cities <= {"UM"}, country


@pytest.mark.parametrize("country", ["US", "CA", "AU", "BR"])
def test_no_zone_of_a_country_is_left_out_but_for_one_with_the_same_clocks(country: str) -> None:
    moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(0, 2 * 365 * 24, 6)]

    def clocks(zone: str) -> list[timedelta | None]:
        return [moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in moments]

    stand = [clocks(zone) for zone in REGIONS[country]]
    for zone in (zone for code, _, zone, *_ in ZONE_TAB if code == country):
        assert clocks(zone) in stand, zone


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("regions: {US: {America/Nowhere: [TX]}}", "of US, America/Nowhere is no time zone"),
        ("regions: {US: {America/Chicago: [TZ]}}", "of US, TZ is no region"),
        ("region: {}", "region: is not a field here"),
    ],
)
def test_a_file_of_regions_that_makes_no_sense_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(yamlfile.FileError, match=sentence):
        yamlfile.parse(RegionZones, text, "zones.yaml")
