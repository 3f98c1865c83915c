"""Where a person is: the country, the region, and the time zones in which it may be.

The zones come from the tz database, as the package ``tzdata`` has it. What a shop or a device says is taken where it
is a name of a country, a region or a zone; anything else says nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

import holidays
from pydantic import BaseModel, ConfigDict, field_validator

from journeys import yamlfile

_SAID_OTHERWISE = {"UK": "GB", "EL": "GR"}
"""What ISO 3166 reserves for two countries, and people write."""
_NO_PLACE = frozenset(("UTC", "UCT", "GMT", "GMT+0", "GMT-0", "GMT0", "Greenwich", "Universal", "Zulu", "Factory"))


def zones_of(timezone: object, country: object, region: object = None) -> tuple[ZoneInfo, ...]:
    """Give the zones in which a person may be; whatever is allowed must be allowed in all of them.

    The person's own zone is the only one. Else it is those of the region, else those of the country. UTC and its like
    (``Etc/GMT+5``) are what a device says that hides where it is: they count beside the zones of the place.

    Args:
        timezone: the name of a zone, such as ``Europe/Paris``, or anything else.
        country: ISO 3166 code, such as ``US``, or anything else.
        region: its code or its name in that country, such as ``TX``, ``US-TX`` or ``Texas``, or anything else.

    Returns:
        None at all where none of the three is known.

    """
    name = zone_name(timezone)
    if name and not _is_nowhere(name):
        return (_zone(name),)
    code = country_of(country)
    names = _region_zones().get((code, region_of(code, region))) or _country_zones().get(code, ())
    return tuple(_zone(each) for each in (*names, *([name] if name else [])))


def whereabouts(
    timezone: object, country: object, region: object, shop: str | None
) -> tuple[str | None, tuple[ZoneInfo, ...]]:
    """Tell in which country a person is, and in which zones they may be; the shop's where nothing is known.

    Args:
        timezone: as for ``zones_of``.
        country: the same.
        region: the same.
        shop: the shop's country, by its ISO 3166 code.

    """
    code = country_of(country, timezone) or shop
    return code, zones_of(timezone, code, region)


def country_of(country: object, timezone: object = None) -> str | None:
    """Give the ISO 3166 code of a person's country, or None: as it was said, else the one in which their zone lies."""
    code = country.strip().upper() if isinstance(country, str) else ""
    code = _SAID_OTHERWISE.get(code, code)
    if code in _country_zones():
        return code
    return _zone_countries().get(zone_name(timezone))


def zone_name(said: object) -> str | None:
    """Give the name of a time zone as the tz database writes it, or None: ``Europe/Paris`` for ``europe/paris``."""
    return _names().get(_folded(said))


def region_of(country: str | None, region: object) -> str | None:
    """Give the code of a region of a country, without the country's own, or None: ``TX`` for ``US-TX`` and Texas."""
    return _regions(country).get(_folded(region).removeprefix(f"{country}-".lower())) if country else None


def _folded(said: object) -> str:
    """Write a name without what people leave out or add: capitals, accents, spaces around it."""
    if not isinstance(said, str):
        return ""
    letters = unicodedata.normalize("NFKD", said.strip().casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _is_nowhere(name: str) -> bool:
    return name in _NO_PLACE or name.startswith("Etc/")


@cache
def _zone(name: str) -> ZoneInfo:
    # ZoneInfo itself keeps the last eight; the United States alone have more.
    return ZoneInfo(name)


@cache
def _names() -> dict[str, str]:
    """Every zone's name, by its folded form."""
    text = resources.files("tzdata").joinpath("zones").read_text("utf-8")
    return {_folded(name): name for name in text.split() if name != "Factory"}


@cache
def _country_zones() -> dict[str | None, tuple[str, ...]]:
    found: dict[str | None, tuple[str, ...]] = {}
    for country, zone in _zone_tab():
        found[country] = (*found.get(country, ()), zone)
    return found


@cache
def _zone_countries() -> dict[str | None, str]:
    """The country of each zone; also by its former names, which some browsers still say."""
    countries: dict[str | None, str] = {zone: country for country, zone in _zone_tab()}
    lines = resources.files("tzdata.zoneinfo").joinpath("tzdata.zi").read_text("utf-8").splitlines()
    links = [line.split() for line in lines if line.startswith("L ")]
    # A name without a slash, such as CET, is one of many countries.
    former: dict[str | None, str] = {
        name: countries[zone] for _, zone, name in links if zone in countries and "/" in name
    }
    return {**former, **countries}


def _zone_tab() -> Iterator[tuple[str, str]]:
    """Give each country with each of its zones."""
    for line in resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            yield country, zone


@cache
def _regions(country: str) -> dict[str, str]:
    """The codes of a country's regions, by their folded codes and names."""
    try:
        known = holidays.country_holidays(country)
    except NotImplementedError:
        return {}
    return {_folded(name): code for name, code in known.subdivisions_aliases.items()} | {
        _folded(code): code for code in known.subdivisions
    }


class RegionZones(BaseModel):
    """The file of regions: by country, each zone with the regions, or parts of regions, that lie in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    regions: dict[str, dict[str, list[str]]]

    @field_validator("regions")
    @classmethod
    def _known(cls, regions: dict[str, dict[str, list[str]]]) -> dict[str, dict[str, list[str]]]:
        for country, zones in regions.items():
            if unknown := [zone for zone in zones if zone not in _names().values()]:
                raise ValueError(f"of {country}, {unknown[0]} is no time zone")
            if unknown := [code for codes in zones.values() for code in codes if region_of(country, code) != code]:
                raise ValueError(f"of {country}, {unknown[0]} is no region")
        return regions


@cache
def _region_zones() -> dict[tuple[str | None, str | None], tuple[str, ...]]:
    text = resources.files("journeys").joinpath("zones.yaml").read_text("utf-8")
    found: dict[tuple[str | None, str | None], tuple[str, ...]] = {}
    for country, zones in yamlfile.parse(RegionZones, text, "journeys/zones.yaml").regions.items():
        for zone, codes in zones.items():
            for code in codes:
                found[country, code] = (*found.get((country, code), ()), zone)
    return found
