"""When an event happened, as Segment's rule tells it, whatever the sender's clock says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.events import CLOCK_TOLERANCE, BadEventError, Event, parse

NOW = datetime(2026, 3, 10, 10, 15, tzinfo=UTC)
PAGE = {"type": "page", "userId": "ann"}

OFFSETS = st.timedeltas(timedelta(days=-20_000), timedelta(days=20_000))
AGES = st.timedeltas(timedelta(0), timedelta(days=400))
TRANSITS = st.timedeltas(timedelta(0), timedelta(minutes=10))
ZONES = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(
    lambda by: timedelta(minutes=by // timedelta(minutes=1))
)


def read(**said: str) -> Event:
    return parse({**PAGE, **said}, received_at=NOW)


@given(offset=OFFSETS, age=AGES, transit=TRANSITS, field=st.sampled_from(["timestamp", "originalTimestamp"]))
def test_a_clock_that_is_wrong_by_anything_is_set_right(
    offset: timedelta, age: timedelta, transit: timedelta, field: str
) -> None:
    sent_at = NOW - transit
    happened = sent_at - age
    said = {field: (happened + offset).isoformat(), "sentAt": (sent_at + offset).isoformat()}
    assert read(**said).at == happened + transit


@given(age=AGES, zone=ZONES)
def test_without_sent_at_the_time_is_taken_as_it_is_told_in_whatever_zone(age: timedelta, zone: timedelta) -> None:
    happened = NOW - age
    assert read(timestamp=(happened + zone).replace(tzinfo=None).isoformat() + offset_of(zone)).at == happened


def offset_of(zone: timedelta) -> str:
    minutes = abs(zone) // timedelta(minutes=1)
    return f"{'-' if zone < timedelta(0) else '+'}{minutes // 60:02}:{minutes % 60:02}"


@pytest.mark.parametrize(
    ("said", "at"),
    [
        pytest.param({}, NOW, id="nothing is said"),
        pytest.param({"sentAt": "2030-01-01T00:00:00Z"}, NOW, id="only when it was sent"),
        pytest.param({"originalTimestamp": "2026-03-10T09:00:00Z"}, NOW - timedelta(minutes=75), id="the original"),
        pytest.param(
            # Who passes events on sets the time right and leaves both of the client's beside it.
            {
                "timestamp": "2026-03-10T10:05:00Z",
                "originalTimestamp": "2020-01-01T00:00:00Z",
                "sentAt": "2020-01-01T00:10:00Z",
            },
            NOW - timedelta(minutes=10),
            id="all three: the client's two are compared",
        ),
        pytest.param({"timestamp": (NOW + CLOCK_TOLERANCE).isoformat()}, NOW, id="a little ahead is now"),
        pytest.param(
            {"timestamp": "2026-03-10T10:14:59.1234567Z"},
            NOW.replace(minute=14, second=59, microsecond=123456),
            id="of .NET",
        ),
    ],
)
def test_the_time_of_an_event(said: dict[str, str], at: datetime) -> None:
    assert read(**said).at == at


AHEAD = (NOW + CLOCK_TOLERANCE + timedelta(seconds=1)).isoformat()


def test_the_future_is_refused_and_the_way_out_is_named() -> None:
    with pytest.raises(
        BadEventError, match="timestamp: lies in the future; correct the clock, or send sentAt beside it"
    ):
        read(timestamp=AHEAD)


def test_what_happened_after_it_was_sent_is_refused() -> None:
    with pytest.raises(BadEventError, match="timestamp: lies after sentAt"):
        read(timestamp=AHEAD, sentAt=NOW.isoformat())
