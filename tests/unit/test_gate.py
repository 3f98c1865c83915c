from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.facts import Channel, Purpose
from journeys.gate import Mode, Question, refusal
from journeys.holdout import held_out

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FINE = Question(
    at=NOW,
    channel=Channel.SMS,
    purpose=Purpose.MARKETING,
    status="running",
    ended_because=None,
    ordered=False,
    empty=False,
    mode=Mode.ALLOWLIST,
    held_out=False,
    consent=True,
    suppressed=False,
    has_address=True,
    connected=True,
    listed=True,
    sent=0,
    at_most=1,
    deadline=NOW,
)


def test_what_nothing_speaks_against_is_allowed() -> None:
    assert refusal(FINE) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "paused"}, "journey is paused"),
        ({"status": "ended", "ended_because": "ordered: o-1"}, "journey ended: ordered: o-1"),
        ({"ordered": True}, "cart was ordered"),
        ({"empty": True}, "cart is empty"),
        ({"mode": Mode.STOPPED}, "shop has stopped sending"),
        ({"mode": Mode.LIVE}, "live mode is not open yet"),
        ({"held_out": True}, "customer is in the holdout"),
        ({"consent": False}, "no consent to marketing by sms"),
        ({"consent": None}, "no consent to marketing by sms"),
        ({"purpose": Purpose.TRANSACTIONAL, "consent": False}, "no consent to transactional by sms"),
        ({"suppressed": True}, "address is suppressed"),
        ({"purpose": Purpose.TRANSACTIONAL, "suppressed": True}, "address is suppressed"),
        ({"has_address": False}, "no address for sms"),
        ({"connected": False}, "shop has no account for sms"),
        ({"listed": False}, "address is not on the allowlist"),
        ({"at": NOW + timedelta(seconds=1)}, "deadline of the step has passed"),
        ({"sent": 1}, "plan allows 1 by sms for one cart"),
    ],
)
def test_each_rule_refuses_with_a_reason_that_a_person_understands(change: dict[str, Any], reason: str) -> None:
    assert refusal(replace(FINE, **change)) == reason


@pytest.mark.parametrize(
    "change",
    [
        {"mode": Mode.SANDBOX, "listed": False, "connected": False},
        {"purpose": Purpose.TRANSACTIONAL, "consent": None},
        {"purpose": Purpose.TRANSACTIONAL, "held_out": True},
        {"sent": 7, "at_most": None},
        {"at": NOW + timedelta(days=9), "deadline": None},
    ],
)
def test_a_rule_that_does_not_apply_refuses_nothing(change: dict[str, Any]) -> None:
    assert refusal(replace(FINE, **change)) is None


@given(customer=st.text(), percent=st.integers(0, 99))
def test_whoever_is_held_out_stays_held_out_when_the_share_grows(customer: str, percent: int) -> None:
    if held_out("shop", "plan", customer, percent):
        assert held_out("shop", "plan", customer, percent + 1)


def test_the_holdout_has_the_share_that_the_plan_says() -> None:
    held = sum(held_out("shop", "plan", f"customer-{number}", 10) for number in range(20_000))
    assert 1_800 < held < 2_200
    assert not any(held_out("shop", "plan", f"customer-{number}", 0) for number in range(1_000))
    assert all(held_out("shop", "plan", f"customer-{number}", 100) for number in range(1_000))
