"""When a payment is due, and an order expected, as shops write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.events import Event, parse
from journeys.facts import Moment
from journeys.notes import notes_on
from journeys.order import fold
from tests.unit.test_event_times import NOW

PARIS, SAO_PAULO = ZoneInfo("Europe/Paris"), ZoneInfo("America/Sao_Paulo")
HOW = (
    "properties.payment_due: must be ISO 8601, such as 2026-12-03, 2026-12-03T18:00:00 or 2026-12-03T18:00:00-03:00;"
    " it counts as not told"
)


def event(number: int = 0, **properties: Any) -> Event:
    message = {"type": "track", "userId": "ann", "event": "Payment Pending", "messageId": f"m-{number}"}
    at = NOW + timedelta(hours=number)
    properties = {"order_id": "o-1", **properties}
    return parse({**message, "timestamp": at.isoformat(), "properties": properties}, received_at=at)


def due(told: object, zone: tzinfo = UTC) -> datetime | None:
    return fold([event(payment_due=told)]).moments(zone).get(Moment.PAYMENT_DUE)


def note(**properties: Any) -> str | None:
    [found] = notes_on([event(**properties)])
    return found


@pytest.mark.parametrize(
    ("told", "zone", "at"),
    [
        ("2026-12-03", UTC, "2026-12-03T23:59:59Z"),
        ("2026-12-03", PARIS, "2026-12-03T22:59:59Z"),
        ("2026-07-03", PARIS, "2026-07-03T21:59:59Z"),
        ("2026-12-03", SAO_PAULO, "2026-12-04T02:59:59Z"),
        ("2026-12-03T23:59:59", SAO_PAULO, "2026-12-04T02:59:59Z"),
        ("2026-12-03 18:00", PARIS, "2026-12-03T17:00:00Z"),
        ("2026-12-03T18:00:00Z", SAO_PAULO, "2026-12-03T18:00:00Z"),
        ("2026-12-03T18:00:00-03:00", PARIS, "2026-12-03T21:00:00Z"),
    ],
)
def test_a_day_lasts_until_its_end_and_a_time_without_a_zone_is_by_the_clocks_of_the_place(
    told: str, zone: tzinfo, at: str
) -> None:
    assert due(told, zone) == datetime.fromisoformat(at)
    assert note(payment_due=told) is None


@pytest.mark.parametrize("told", [None, "", "0001-01-01", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+02:00"])
def test_what_backends_write_for_none_is_none_and_no_mistake(told: object) -> None:
    assert due(told, PARIS) is None
    assert note(payment_due=told) is None


@pytest.mark.parametrize(
    "told",
    ["03/12/2026", "2026-13-03", "tomorrow", "2026-12-03Z", "9999-12-31T23:00:00-05:00", 1_700_000_000, True, []],
)
def test_what_cannot_be_read_is_not_told_and_the_shop_hears_how_it_is_written(told: object) -> None:
    assert due(told) is None
    assert note(payment_due=told) == HOW


@pytest.mark.parametrize("told", ["2206-12-03", "9999-12-31", "1999-12-03T10:00:00Z"])
def test_a_moment_ten_years_away_is_a_mistake(told: str) -> None:
    assert due(told) is None
    assert note(expected_delivery=told) == (
        "properties.expected_delivery: must lie within ten years of the event; it counts as not told"
    )


def test_of_an_event_that_names_no_order_nothing_is_asked() -> None:
    assert note(order_id=None, payment_due="tomorrow") is None


def test_what_cannot_be_read_leaves_the_word_before() -> None:
    order = fold([event(1, payment_due="2026-12-03"), event(2, payment_due="tomorrow")])
    assert order.moments(UTC) == {Moment.PAYMENT_DUE: datetime(2026, 12, 3, 23, 59, 59, tzinfo=UTC)}


WORDS = st.sampled_from(["2026-12-03", "2026-12-04T09:00:00", "2026-12-05T09:00:00Z", "tomorrow", "", None])


@given(st.lists(WORDS, max_size=5).flatmap(lambda told: st.tuples(st.just(told), st.permutations(range(len(told))))))
def test_in_whatever_order_they_come_the_newest_word_counts(case: tuple[list[str | None], list[int]]) -> None:
    told, order = case
    events = [event(number, payment_due=word) for number, word in enumerate(told)]
    assert fold(events[number] for number in order) == fold(events)
