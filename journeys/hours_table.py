"""The table of quiet hours: what ``quiet_hours.yaml`` says, read strictly, once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from journeys import yamlfile
from journeys.public_holidays import is_holiday
from journeys.zones import country_of, region_of, zones_of

Medium = Literal["sms", "email", "push", "voice", "whatsapp", "on_site"]
Purpose = Literal["transactional", "service", "marketing"]
Window = tuple[int, int]
"""From a minute of the day, counted from 0, to another one that is not in it any more."""

MEDIA: tuple[str, ...] = get_args(Medium)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EVERYWHERE = "everywhere"
FILE = "quiet_hours.yaml"
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00"
_FORM = re.compile(f"({_CLOCK})-({_CLOCK})")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _windows(value: Any) -> tuple[Window, ...]:
    if value == "closed":
        return ()
    if not isinstance(value, list) or not value:
        raise ValueError("write windows in brackets, such as [08:30-20:00], or closed")
    windows = sorted(_window(each) for each in value)
    for before, after in pairwise(windows):
        if after[0] < before[1]:
            raise ValueError(f"{_shown(before)} and {_shown(after)} overlap")
    return tuple(windows)


def _window(value: Any) -> Window:
    match = _FORM.fullmatch(str(value))
    if match is None:
        raise ValueError(f"'{value}' is no window: write its ends as 08:30-20:00")
    opens, closes = (_minute(end) for end in match.groups())
    if opens >= closes:
        raise ValueError(f"{value} is empty: it ends before it begins")
    return opens, closes


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def _shown(window: Window) -> str:
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in window)


def _week(value: Any) -> tuple[tuple[Window, ...], ...]:
    if not isinstance(value, dict):
        raise ValueError("give days, each with its windows: {Mon-Sat: [08:30-20:00], Sun: closed}")  # noqa: TRY004 pydantic's
    week: dict[str, tuple[Window, ...]] = {}
    for days, windows in value.items():
        for day in _days(days):
            if day in week:
                raise ValueError(f"the day {day} stands here twice")
            try:
                week[day] = _windows(windows)
            except ValueError as error:
                raise ValueError(f"on {days}, {error}") from None
    if missing := [day for day in DAYS if day not in week]:
        raise ValueError(f"the day {missing[0]} is missing: write its windows, or closed")
    return tuple(week[day] for day in DAYS)


def _days(name: Any) -> Sequence[str]:
    first, _, last = str(name).partition("-")
    try:
        days = DAYS[DAYS.index(first) : DAYS.index(last or first) + 1]
    except ValueError:
        days = ()
    if not days:
        raise ValueError(f"'{name}' is no day of the week: write Mon, or Mon-Sat")
    return days


def _place(value: Any) -> str:
    country, _, region = str(value).partition("-")
    is_known = country_of(country) == country and (not region or region_of(country, region) == region)
    if value != EVERYWHERE and not is_known:
        raise ValueError(f"'{value}' is no place: write a country as FR, a region as US-TX, or everywhere")
    return str(value)


def _zone(value: Any) -> ZoneInfo:
    zones = zones_of(value, None)
    if not zones:
        raise ValueError(f"'{value}' is no time zone: write one as Europe/Paris")
    return zones[0]


Windows = Annotated[tuple[Window, ...], BeforeValidator(_windows)]
Week = Annotated[tuple[tuple[Window, ...], ...], BeforeValidator(_week)]
Place = Annotated[str, BeforeValidator(_place)]
Zone = Annotated[Any, BeforeValidator(_zone)]
Source = Annotated[str, Field(min_length=1)]


class Hours(_Part):
    """Some hours: where and for what they count, and when they are open.

    Attributes:
        week: the windows of each day, from Monday.
        holidays: what public holidays leave of them, and ``eves`` the days before; None where they change nothing.

    """

    places: tuple[Place, ...] = Field(min_length=1)
    media: tuple[Medium, ...] = Field(min_length=1)
    week: Week
    holidays: Windows | None = None
    eves: Windows | None = None
    source: Source

    @model_validator(mode="after")
    def _holidays_are_known(self) -> Hours:
        if self.holidays is None and self.eves is None:
            return self
        for place in self.places:
            country, _, region = place.partition("-")
            try:
                is_holiday(date(2026, 1, 1), country, region or None)
            except NotImplementedError:
                raise ValueError(f"no public holidays are known of {place}: leave holidays and eves out") from None
        return self

    def on(self, day: date, country: str | None, region: str | None) -> tuple[Window, ...]:
        """Give the windows of a local date, in order."""
        windows = self.week[day.weekday()]
        if windows and country and self.holidays is not None and is_holiday(day, country, region):
            windows = tuple(_common(windows, self.holidays))
        if windows and country and self.eves is not None and is_holiday(day + timedelta(days=1), country, region):
            windows = tuple(_common(windows, self.eves))
        return windows


def _common(some: tuple[Window, ...], others: tuple[Window, ...]) -> Iterator[Window]:
    for one in some:
        for other in others:
            opens, closes = max(one[0], other[0]), min(one[1], other[1])
            if opens < closes:
                yield opens, closes


class Exemption(_Part):
    """What has no hours: messages of these purposes by these media; where none are named, by any."""

    purposes: tuple[Purpose, ...] | None = None
    media: tuple[Medium, ...] | None = None
    source: Source

    @model_validator(mode="after")
    def _of_something(self) -> Exemption:
        if not self.purposes and not self.media:
            raise ValueError("name purposes or media: nothing else is exempt")
        return self

    def holds(self, medium: str, purpose: str) -> bool:
        """Tell whether a message is exempt."""
        return (self.media is None or medium in self.media) and (self.purposes is None or purpose in self.purposes)


class Table(_Part):
    """The whole file."""

    exempt: tuple[Exemption, ...]
    zones_where_nothing_is_known: tuple[Zone, ...] = Field(min_length=1)
    hours: tuple[Hours, ...]

    @model_validator(mode="after")
    def _complete(self) -> Table:
        places = [(place, medium) for hours in self.hours for place in hours.places for medium in hours.media]
        if twice := next((each for each in places if places.count(each) > 1), None):
            raise ValueError(f"{twice[1]} in {twice[0]} has two entries")
        exempt = {medium for each in self.exempt if each.purposes is None for medium in each.media or MEDIA}
        if missing := [m for m in MEDIA if m not in exempt and (EVERYWHERE, m) not in places]:
            raise ValueError(f"{missing[0]} has no entry for everywhere")
        return self

    def hours_of(self, medium: str, purpose: str, country: str | None, region: str | None) -> Hours | None:
        """Find the hours of a message: those of the region, else of the country, else of everywhere.

        Returns:
            None where the message may go at any time.

        Raises:
            ValueError: there is no such medium.

        """
        if medium not in MEDIA:
            raise ValueError(f"there are no hours for '{medium}'; the media are {', '.join(MEDIA)}")
        if any(exemption.holds(medium, purpose) for exemption in self.exempt):
            return None
        places = (f"{country}-{region}", country, EVERYWHERE)
        return next(
            hours for place in places for hours in self.hours if place in hours.places and medium in hours.media
        )


@cache
def table() -> Table:
    """Give the table that comes along."""
    return yamlfile.parse(Table, resources.files("journeys").joinpath(FILE).read_text("utf-8"), f"journeys/{FILE}")
