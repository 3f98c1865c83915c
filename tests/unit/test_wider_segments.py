"""Which segments lie within which: never more than holds of whoever did whatever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import wider_segments, yamlfile
from journeys.facts import LIVE, Segment
from journeys.segment_table import Table
from journeys.segments import Summary, segments_of, with_live
from journeys.wider_segments import EVERYBODY, wider
from tests.unit.test_segments import NOW, SUMMARIES, TEXT


def test_whoever_comes_back_or_stays_away_has_ordered() -> None:
    within = {segment: set(wider(segment)) - {segment} for segment in Segment}
    assert {segment: wide for segment, wide in within.items() if wide} == {
        Segment.LOYAL: {Segment.CUSTOMER},
        Segment.LAPSING: {Segment.CUSTOMER},
    }


@given(did=SUMMARIES, since=st.integers(0, 60).map(lambda days: timedelta(days=days)), ordered=st.booleans())
def test_whoever_is_in_a_segment_is_in_each_that_it_lies_within(
    did: Summary, since: timedelta, *, ordered: bool
) -> None:
    later = replace(did, at=did.at + since, orders=(*did.orders, NOW + since) if ordered else did.orders)
    live = tuple(segment for segment in segments_of(later) if segment in LIVE)
    found = set(with_live(live, segments_of(did)))
    assert all(wider(segment) <= found for segment in found)
    assert found & EVERYBODY


LOYAL = "orders, within: 365d, at_least: 3"


@pytest.mark.parametrize(
    ("right", "wrong", "within"),
    [
        (LOYAL, "purchases_begun, within: 7d, at_least: 2", {Segment.BUYER}),
        (LOYAL, "abandoned_carts, within: 30d, at_least: 1", {Segment.BUYER}),
        (LOYAL, "orders, within: 30d, at_least: 1", {Segment.BUYER, Segment.CUSTOMER}),
        # Over a longer time, more are fewer: none of these says anything of the newest month.
        (LOYAL, "purchases_begun, within: 60d, at_least: 3", set()),
        # Kept, it may be older than an order that makes a customer.
        (LOYAL, "orders, at_most: 0", set()),
        # Asked anew, it may be newer than what is kept.
        ("purchases_begun, within: 30d, at_least: 1", "abandoned_carts, within: 90d, at_least: 1", {Segment.CUSTOMER}),
    ],
)
def test_what_lies_within_what_follows_the_table(
    monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, within: set[Segment]
) -> None:
    assert right in TEXT
    changed = yamlfile.parse(Table, TEXT.replace(right, wrong, 1), "segments.yaml")
    monkeypatch.setattr(wider_segments, "table", lambda: changed)
    fresh = wider.__wrapped__
    assert fresh(Segment.LOYAL) == within | {Segment.LOYAL}
    assert fresh(Segment.SERIAL_ABANDONER) == {Segment.SERIAL_ABANDONER}
    assert fresh(Segment.LAPSING) == {Segment.LAPSING, Segment.CUSTOMER}
