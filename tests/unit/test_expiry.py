"""How long a message is worth delivering."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.expiry import LEAST, worth_until
from journeys.facts import Channel, Purpose
from journeys.policy import Policy
from journeys.question import Person
from journeys.quiet_hours import closes, next_allowed
from tests.unit.test_gate import FINE, asked

HOUR = timedelta(hours=1)
# A Tuesday, 19:00 in Paris: SMS may ring until 20:00.
EVENING = datetime(2026, 3, 3, 18, tzinfo=UTC)
LATER = EVENING + 48 * HOUR
NO_HOURS = {"policy": Policy(quiet_hours=False)}


@pytest.mark.parametrize(
    ("changes", "offered", "until"),
    [
        ({}, None, EVENING + HOUR),
        ({}, EVENING + HOUR / 2, EVENING + HOUR / 2),
        ({"deadline": EVENING + HOUR / 3}, EVENING + HOUR / 2, EVENING + HOUR / 3),
        # 19:59: a network needs a moment
        ({"at": EVENING + HOUR - timedelta(minutes=1)}, None, EVENING + HOUR + LEAST - timedelta(minutes=1)),
        ({"channel": Channel.APP_PUSH}, None, EVENING + 2 * HOUR),
        ({"channel": Channel.EMAIL}, None, LATER),
        ({"channel": Channel.EMAIL}, EVENING + 24 * HOUR, EVENING + 24 * HOUR),
        ({"purpose": Purpose.TRANSACTIONAL}, None, LATER),
        (NO_HOURS, None, LATER),
        ({**NO_HOURS, "deadline": None}, None, None),
        # in New York and in Los Angeles: the first one closes first
        ({"person": Person(country="US", region="TX")}, None, datetime(2026, 3, 4, 3, tzinfo=UTC)),
    ],
)
def test_a_message_is_worth_delivering_until_the_first_of_what_makes_it_late(
    changes: dict[str, Any], offered: datetime | None, until: datetime | None
) -> None:
    assert worth_until(asked({"at": EVENING, "deadline": LATER, **changes}), offered) == until


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC)),  # noqa: DTZ001 the zone is put on
    st.sampled_from(["FR", "US", "AU", "KI", None]),
    st.sampled_from(["sms", "push", "voice"]),
)
def test_until_its_hours_close_a_message_may_go_and_at_the_end_not_any_more(
    at: datetime, country: str | None, medium: str
) -> None:
    zones = [ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")]
    place = (medium, "marketing", country, None, zones)
    end = closes(*place, at)
    assert end is not None
    if next_allowed(*place, at) != at:
        assert end == at
        return
    assert at < end
    assert next_allowed(*place, end) != end
    for part in range(8):
        between = at + (end - at) * part / 8
        assert next_allowed(*place, between) == between


def test_a_question_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        closes("sms", "marketing", "FR", None, [], datetime(2026, 1, 1))  # noqa: DTZ001 that is the mistake
    with pytest.raises(ValueError, match="no hours for 'fax'"):
        closes("fax", "marketing", "FR", None, [], FINE.at)
