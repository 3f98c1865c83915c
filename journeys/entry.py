"""What lets people into a plan: events, or moments at which everybody in its audience enters."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from journeys.durations import Duration
from journeys.local_time import next_moment
from journeys.steps import LocalTime, Weekday
from journeys.zones import zones_of

PER_HOUR = 3_000
"""So many people enter in an hour, unless the plan says otherwise."""
LEAST_PER_HOUR = 60
"""One in a minute."""
MOST_PER_HOUR = 60_000
"""More would take a database for itself."""
_JUST_AFTER = timedelta(microseconds=1)


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ByEvents(_Data):
    """What the shop tells starts a journey.

    Attributes:
        events: names of events, as the shop sends them.
        within: an event that is older than this when it comes in starts nothing.

    """

    events: Annotated[list[str], Field(min_length=1)]
    within: Duration


def _zone(name: str) -> str:
    # By the list of them: what a machine has beside it, such as localtime, is another zone on each.
    zones = zones_of(name, None)
    if not zones:
        raise ValueError(f"there is no time zone '{name}'; write one such as Europe/Paris")
    return str(zones[0])


def _moment(value: Any) -> Any:
    """Read a moment. One without an offset would be another moment on each machine."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    try:
        read = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        read = None
    if read is None or read.utcoffset() is None:
        raise ValueError('write day, time and offset from UTC: "2026-12-05T10:00:00+01:00"')
    return read


class ByMoments(_Data):
    """Everybody in the audience enters from a moment on, one after the other.

    Attributes:
        per_hour: so many people at most.

    """

    per_hour: Annotated[int, Field(ge=LEAST_PER_HOUR, le=MOST_PER_HOUR)] = PER_HOUR

    @property
    def per_minute(self) -> int:
        """So many people at most enter in any minute."""
        return self.per_hour // 60

    @abstractmethod
    def next(self, after: datetime) -> datetime | None:
        """Tell which moment comes next, at or after one; None where there is none any more."""

    @abstractmethod
    def show(self, moment: datetime) -> str:
        """Write a moment by the clock that the plan goes by."""

    @abstractmethod
    def __str__(self) -> str:
        """Say when people enter."""

    def moments(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Give the moments after one, up to another, which is included."""
        moment = self.next(after + _JUST_AFTER)
        while moment is not None and moment <= until:
            yield moment
            moment = self.next(moment + _JUST_AFTER)

    def has(self, moment: datetime) -> bool:
        """Tell whether a moment is one of these."""
        return self.next(moment) == moment


class Weekly(LocalTime):
    """A time of day on some days of the week, by the clocks of a place.

    Attributes:
        timezone: an IANA name, such as ``Europe/Paris``.

    """

    timezone: Annotated[str, AfterValidator(_zone)]


class Recurring(ByMoments):
    """People enter again and again."""

    schedule: Weekly

    @property
    def period(self) -> timedelta:
        """The shortest time from one moment to the next, in whole days."""
        days = sorted({list(Weekday).index(day) for day in self.schedule.on})
        return timedelta(days=min(later - day for day, later in pairwise([*days, days[0] + len(Weekday)])))

    def next(self, after: datetime) -> datetime:
        """Tell which moment comes next, at or after one."""
        return next_moment(self.schedule, self.schedule.timezone, after)

    def show(self, moment: datetime) -> str:
        """Write a moment by the clocks of the schedule's place."""
        return f"{moment.astimezone(ZoneInfo(self.schedule.timezone)):%Y-%m-%d %H:%M %Z}"

    def __str__(self) -> str:
        """Say when people enter."""
        days = "every day" if set(self.schedule.on) == set(Weekday) else ", ".join(self.schedule.on)
        return f"{days} at {self.schedule.time:%H:%M}, {self.schedule.timezone}"


class Once(ByMoments):
    """People enter once, from ``at`` on."""

    at: Annotated[datetime, BeforeValidator(_moment)]

    def next(self, after: datetime) -> datetime | None:
        """Give the moment, unless it has passed."""
        return self.at if self.at >= after else None

    def show(self, moment: datetime) -> str:
        """Write a moment with the offset that the plan names."""
        return f"{moment.astimezone(self.at.tzinfo):%Y-%m-%d %H:%M %Z}"

    def __str__(self) -> str:
        """Say when people enter."""
        return self.show(self.at)


_KINDS = {"events": "by events", "schedule": "recurring", "at": "once"}
"""The field that tells each kind of entry from the others, and what it is called."""


def _kind(value: object) -> str | None:
    fields = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    kinds = [kind for field, kind in _KINDS.items() if field in fields]
    return kinds[0] if len(kinds) == 1 else None


Entry = Annotated[
    Annotated[ByEvents, Tag("by events")] | Annotated[Recurring, Tag("recurring")] | Annotated[Once, Tag("once")],
    Discriminator(
        _kind,
        custom_error_type="entry_kind",
        custom_error_message="an entry has one of: events (with within), schedule, at",
    ),
]
