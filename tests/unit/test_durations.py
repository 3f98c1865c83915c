"""Lengths of time as plans write them, and what is said of those that are none."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.durations import parse, show

WANTED = "write a number and a unit: 30m, 2h or 3d"


def trouble(said: object) -> str | None:
    """Tell what is said of something that is no length of time; None of one."""
    try:
        parse(said)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("-2h", "'-2h' is negative; write how long, such as 2h"),
        ("\u221230m", "'\u221230m' is negative; write how long, such as 30m"),
        ("-1y", "'-1y' is negative; write how long, such as 2h"),
        ("1y", "'1y' is in years; write days: 365d"),
        ("2 years", "'2 years' is in years; write days: 730d"),
        ("1yr", "'1yr' is in years; write days: 365d"),
        ("1w", "'1w' is in weeks; write days: 7d"),
        ("2 months", "'2 months' is in months; write days: 60d"),
        ("3mo", "'3mo' is in months; write days: 90d"),
        ("1.5h", "'1.5h' has a fraction; write 90m"),
        ("0,5d", "'0,5d' has a fraction; write 12h"),
        ("0.0001s", "'0.0001s' has a fraction; write 1s"),
        ("99999.99999d", WANTED),
        ("1h30m", WANTED),
        ("tomorrow", WANTED),
        ("-", WANTED),
        ("2", WANTED),
        (2, WANTED),
        (None, WANTED),
    ],
)
def test_what_is_no_length_of_time_is_told_with_what_to_write(said: object, told: str) -> None:
    assert trouble(said) == told


signs, units = (
    st.sampled_from(["", "-", "- "]),
    st.sampled_from(["s", "m", "h", "d", "w", "mo", "y", " weeks", "years"]),
)
numbers = st.one_of(
    st.integers(0, 200_000).map(str),
    st.tuples(st.integers(0, 200_000), st.integers(0, 200_000)).map(lambda parts: f"{parts[0]}.{parts[1]}"),
)


@given(said=st.tuples(signs, numbers, units).map("".join))
def test_what_is_told_to_be_written_instead_can_be_read(said: str) -> None:
    told = trouble(said) or WANTED
    for written in re.findall(r"(?:write|as|days:) (\d+[smhd])\b", told):
        assert isinstance(parse(written), timedelta)
    assert re.search(r"\d+[smhd]\b", told)


@given(seconds=st.integers(0, 99_999))
def test_what_is_shown_is_read_as_the_same(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse(show(length)) == length
