"""``Retry-After`` and the outcomes that are HTTP's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from channels.base import Released
from channels.http import LONGEST_WAIT, outcome_of_status, retry_after

NOW = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", timedelta(0)),
        ("90", timedelta(seconds=90)),
        (" 90 ", timedelta(seconds=90)),
        ("Sun, 01 Mar 2026 10:05:00 GMT", timedelta(minutes=5)),
        ("Sunday, 01-Mar-26 10:05:00 GMT", timedelta(minutes=5)),  # the obsolete RFC 850 form
        ("Sun Mar  1 10:05:00 2026", timedelta(minutes=5)),  # the obsolete asctime form, without a zone
        ("Sun, 01 Mar 2026 09:00:00 GMT", timedelta(0)),  # over already
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, wait: timedelta) -> None:
    assert retry_after(value, NOW) == wait


@pytest.mark.parametrize("value", [None, "", "soon", "-5", "1.5", "²", "9" * 5000])
def test_a_retry_after_that_says_nothing_is_none(value: str | None) -> None:
    assert retry_after(value, NOW) is None


@pytest.mark.parametrize("value", ["99999999", "9" * 30, "Fri, 01 Mar 2999 10:05:00 GMT"])
def test_a_retry_after_beyond_reason_is_cut(value: str) -> None:
    assert retry_after(value, NOW) == LONGEST_WAIT


def test_a_rate_limit_without_retry_after_is_released_all_the_same() -> None:
    outcome = outcome_of_status(httpx.Response(429), NOW)
    assert isinstance(outcome, Released)
    assert outcome.retry_after is None


@pytest.mark.parametrize("status", [200, 201, 400, 402, 422])
def test_other_answers_are_for_the_providers_own_words_to_settle(status: int) -> None:
    assert outcome_of_status(httpx.Response(status), NOW) is None
