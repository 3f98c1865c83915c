"""How hard the relay presses."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from workers.pressure import FIRST, LONGEST_WAIT, NARROWEST, WIDEST, Outage, Pressure


@given(st.lists(st.booleans(), max_size=300))
def test_the_width_halves_when_pushed_back_grows_by_one_when_all_went_well_and_keeps_its_bounds(
    answers: list[bool],
) -> None:
    pressure = Pressure()
    for pushed_back in answers:
        before = pressure.width
        if pushed_back:
            pressure.pushed_back()
            assert pressure.width == max(before // 2, NARROWEST)
        else:
            pressure.went_well()
            assert pressure.width == min(before + 1, WIDEST)
        assert NARROWEST <= pressure.width <= WIDEST


def test_the_width_reaches_both_its_bounds() -> None:
    pressure = Pressure()
    for _ in range(WIDEST - FIRST):
        pressure.went_well()
    assert pressure.width == WIDEST
    for _ in range(6):
        pressure.pushed_back()
    assert pressure.width == NARROWEST


def test_an_outage_begins_once_waits_longer_each_time_up_to_half_a_minute_and_ends_once() -> None:
    outage = Outage()
    assert (outage.lasts, outage.wait, outage.ends()) == (False, timedelta(0), False)
    told = []
    waits = []
    for _ in range(10_000):
        told.append(outage.goes_on())
        waits.append(outage.wait)
    assert told == [True] + [False] * 9_999
    assert [wait.total_seconds() for wait in waits[:8]] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert waits[-1] == LONGEST_WAIT
    assert outage.lasts
    assert (outage.ends(), outage.ends()) == (True, False)
    assert (outage.lasts, outage.wait) == (False, timedelta(0))
    assert outage.goes_on()
    assert outage.wait == timedelta(seconds=0.5)
