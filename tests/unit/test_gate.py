from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.caps import Cap
from journeys.facts import Channel, Medium, Purpose
from journeys.gate import RULES, decide
from journeys.holdout import held_out, rolled_out
from journeys.policy import Policy
from journeys.question import Address, Busy, Defer, Mode, Person, Question, Refuse

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
IN_PARIS = Person(country="FR", timezone="Europe/Paris", consent=True)
FINE = Question(
    at=NOW,
    channel=Channel.SMS,
    purpose=Purpose.MARKETING,
    mode=Mode.ALLOWLIST,
    person=IN_PARIS,
    filled_at=NOW,
    at_most=1,
    deadline=NOW + 48 * HOUR,
)
TRANSACTIONAL = {"purpose": Purpose.TRANSACTIONAL}
ON_SITE: dict[str, Any] = {"channel": Channel.ON_SITE}
THERE: dict[str, Any] = {**ON_SITE, "looked_at": NOW - timedelta(seconds=89), "leaves_at": NOW + HOUR}


def asked(changes: dict[str, Any]) -> Question:
    """The question, changed: ``person_consent`` changes a field of the person, and so on."""
    question = FINE
    for name, value in changes.items():
        part, _, field = name.partition("__")
        question = replace(question, **{part: replace(getattr(question, part), **{field: value}) if field else value})
    return question


def with_policy(**changes: Any) -> Policy:
    return Policy.model_validate(changes)


def test_what_nothing_speaks_against_is_allowed() -> None:
    decision = decide(FINE)
    assert decision.allowed
    assert [answer.rule for answer in decision.answers] == [rule.__name__ for rule in RULES]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "paused"}, "journey is paused"),
        ({"status": "ended", "ended_because": "ordered: o-1"}, "journey ended: ordered: o-1"),
        ({"ordered": True}, "cart was ordered"),
        ({"empty": True}, "cart is empty"),
        ({"sold_out": True}, "everything in the cart is out of stock"),
        ({"mode": Mode.STOPPED}, "shop has stopped sending"),
        ({"held_out": True}, "customer is in the holdout"),
        ({"rolled_out": False}, "plan is not rolled out to this customer"),
        ({"person__consent": False}, "no consent to marketing by sms"),
        ({"person__consent": None}, "no consent to marketing by sms"),
        ({"channel": Channel.MMS, "person__consent": None}, "no consent to marketing by sms"),
        ({**TRANSACTIONAL, "person__consent": False}, "no consent to transactional by sms"),
        ({"channel": Channel.VOICE}, "marketing by voice is off for this shop"),
        ({"address__suppressed": True}, "address is suppressed"),
        ({**TRANSACTIONAL, "address__suppressed": True}, "address is suppressed"),
        ({"address__opted_out": True}, "STOP came from this address"),
        ({"address__known": False}, "no address for sms"),
        ({"channel": Channel.WEB_PUSH, "address__preferred": Channel.APP_PUSH}, "the person is reached by app_push"),
        ({"connected": False}, "shop has no account for sms"),
        (ON_SITE, "the person is not on the shop's pages"),
        ({**THERE, "looked_at": NOW - timedelta(seconds=90)}, "the person is not on the shop's pages"),
        ({**THERE, "looked_at": None}, "the person is not on the shop's pages"),
        ({**ON_SITE, **TRANSACTIONAL}, "the person is not on the shop's pages"),
        ({**THERE, "person__consent": False}, "no consent to marketing by on_site"),
        ({**THERE, "address__known": False}, "no address for on_site"),
        ({**THERE, "address__listed": False}, "address is not on the allowlist"),
        ({"address__listed": False}, "address is not on the allowlist"),
        ({"deadline": NOW - timedelta(seconds=1)}, "deadline of the step has passed"),
        ({"sent": 1}, "plan allows 1 by sms"),
        ({"policy": with_policy(caps={"sms": [{"at_most": 0, "within": "1h"}]})}, "shop allows no marketing by sms"),
        ({"person__country": "US", "sent_alike": 1, "at_most": None}, "one SMS for one cart in the US"),
        # first by MMS, then by SMS; and of somebody in Paris with a number of the US
        ({"address__country": "US", "sent_alike": 1, "at_most": None}, "one SMS for one cart in the US"),
        (
            {"person__country": "US", "filled_at": NOW - 48 * HOUR - timedelta(seconds=1)},
            "48 hours for a cart's SMS in the US are over",
        ),
        (
            {"person__sent": (NOW - HOUR,), "deadline": NOW + HOUR},
            "cap of 1 in 24h by sms is reached, which is too late for the step",
        ),
    ],
)
def test_each_rule_refuses_with_a_reason_that_a_person_understands(changes: dict[str, Any], reason: str) -> None:
    assert decide(asked(changes)).verdict == Refuse(reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"leaves_at": NOW},
        {"leaves_at": NOW + HOUR, "channel": Channel.WEB_PUSH},
        {"leaves_at": NOW + HOUR, **TRANSACTIONAL},
        {"leaves_at": NOW + HOUR, "purpose": Purpose.SERVICE},
    ],
)
def test_whoever_has_left_a_push_and_what_advertises_nothing_wait_for_nobody(changes: dict[str, Any]) -> None:
    assert decide(asked(changes)).allowed


SUNDAY = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "until", "reason"),
    [
        (
            {"policy": with_policy(daily_ceiling=50), "spent": Decimal(50)},
            datetime(2026, 3, 4, tzinfo=UTC),
            "the shop's daily ceiling of 50 is reached",
        ),
        ({"plan_paused": True}, NOW + HOUR, "plan is paused"),
        ({"down_until": NOW + HOUR}, NOW + HOUR, "the provider of sms is down"),
        (
            {"leaves_at": NOW + timedelta(minutes=7)},
            NOW + timedelta(minutes=7),
            "the person may still be on the shop's pages",
        ),
        ({"busy": Busy("win-back", NOW + 3 * HOUR)}, NOW + 3 * HOUR, "win-back goes first"),
        ({"busy": Busy("win-back", NOW - HOUR)}, NOW + HOUR, "win-back goes first"),
        ({"person__sent": (NOW - HOUR,)}, NOW + 23 * HOUR, "cap of 1 in 24h by sms is reached"),
        (
            {"person__sent": tuple(NOW - days * DAY for days in (3, 9, 20, 29))},
            NOW + DAY,
            "cap of 4 in 30d by sms is reached",
        ),
        # 10:00 on a Sunday in Paris
        (
            {"at": SUNDAY, "deadline": SUNDAY + 48 * HOUR},
            datetime(2026, 3, 2, 7, 30, tzinfo=UTC),
            "quiet hours for SMS in FR until Mon 08:30 (Europe/Paris)",
        ),
        # of two deferrals the later one counts
        (
            {"person__sent": (NOW - HOUR,), "plan_paused": True},
            NOW + 23 * HOUR,
            "cap of 1 in 24h by sms is reached",
        ),
    ],
)
def test_what_may_go_later_is_deferred_until_then(changes: dict[str, Any], until: datetime, reason: str) -> None:
    assert decide(asked(changes)).verdict == Defer(until, reason)


def test_a_refusal_counts_whatever_defers() -> None:
    assert decide(asked({"plan_paused": True, "person__consent": False})).verdict == Refuse(
        "no consent to marketing by sms"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": Mode.SANDBOX, "address__listed": False, "connected": False, "down_until": NOW + HOUR},
        {"mode": Mode.LIVE, "address__listed": False},
        {**TRANSACTIONAL, "person__consent": None},
        {**TRANSACTIONAL, "held_out": True, "rolled_out": False},
        {**TRANSACTIONAL, "address__opted_out": True},
        {**TRANSACTIONAL, "busy": Busy("win-back", NOW + HOUR)},
        {**TRANSACTIONAL, "person__sent": (NOW - HOUR,) * 9},
        {**TRANSACTIONAL, "policy": with_policy(daily_ceiling=1), "spent": Decimal(2)},
        {**TRANSACTIONAL, "at": SUNDAY},
        {"channel": Channel.VOICE, "policy": with_policy(voice_marketing=True), "at": NOW + HOUR},
        {"channel": Channel.APP_PUSH, "address__preferred": Channel.APP_PUSH},
        {"sent": 7, "at_most": None},
        {"deadline": None},
        {"policy": with_policy(quiet_hours=False), "at": SUNDAY},
        {"down_until": NOW},
        {"person__sent": (NOW - 24 * HOUR,)},
        {"policy": with_policy(daily_ceiling=50), "spent": Decimal("49.99")},
        # on the shop's own pages: without a yes, an account and an hour
        {
            **THERE,
            "person__consent": None,
            "connected": False,
            "at": SUNDAY,
            "looked_at": SUNDAY,
            "leaves_at": SUNDAY + HOUR,
        },
    ],
)
def test_a_rule_that_does_not_apply_says_nothing(changes: dict[str, Any]) -> None:
    assert decide(asked(changes)).allowed


@pytest.mark.parametrize("country", ["FR", "DE", "IT", "ES"])
def test_the_soft_opt_in_stands_for_a_yes_where_the_law_and_the_shop_have_it(country: str) -> None:
    soft = {
        "channel": Channel.EMAIL,
        "policy": with_policy(soft_opt_in=True),
        "person": Person(country=country, orders=1),
    }
    assert decide(asked(soft)).allowed
    refused = Refuse("no consent to marketing by email")
    for but in (
        {"person__orders": 0},
        {"person__consent": False},
        {"person__country": "US"},
        {"policy": Policy()},
    ):
        assert decide(asked({**soft, **but})).verdict == refused
    assert decide(asked({**soft, "channel": Channel.SMS})).verdict == Refuse("no consent to marketing by sms")


# Caps

moments = st.lists(st.integers(0, 40 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes)), max_size=60)
caps = st.builds(
    Cap, at_most=st.integers(1, 6), within=st.integers(1, 30 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
)


@given(moments, st.lists(caps, min_size=1, max_size=3), st.integers(0, 3))
def test_whoever_sends_when_the_caps_allow_it_never_goes_above_them(
    asked_at: list[datetime], of_shop: list[Cap], ahead: int
) -> None:
    policy = Policy(caps={Medium.SMS: tuple(of_shop)}, quiet_hours=False)
    sent: list[datetime] = []
    for at in sorted(asked_at):
        question = replace(FINE, at=at, policy=policy, at_most=None, deadline=None)
        decision = decide(replace(question, person=replace(IN_PARIS, sent=tuple(sent))))
        if decision.later:
            # Neither too early nor later than it must be.
            then = replace(question, person=replace(IN_PARIS, sent=tuple(sent)))
            assert decide(replace(then, at=decision.later)).allowed
            assert not decide(replace(then, at=decision.later - timedelta(microseconds=1))).allowed
            if ahead and not sent:
                at = decision.later  # noqa: PLW2901 it goes out when it was deferred to
        if decision.allowed:
            sent.append(at)
    for cap in of_shop:
        for end in sent:
            assert sum(end - cap.within < moment <= end for moment in sent) <= cap.at_most


# Nothing that is refused is allowed, whatever else holds

bools = st.booleans()
questions = st.builds(
    Question,
    at=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC)),  # noqa: DTZ001 the zone is put on
    channel=st.sampled_from(Channel),
    purpose=st.sampled_from(Purpose),
    status=st.sampled_from(["running", "paused", "ended"]),
    ordered=bools,
    empty=bools,
    sold_out=bools,
    mode=st.sampled_from(Mode),
    plan_paused=bools,
    held_out=bools,
    rolled_out=bools,
    connected=bools,
    sent=st.integers(0, 2),
    at_most=st.sampled_from([None, 1]),
    person=st.builds(
        Person,
        country=st.sampled_from([None, "FR", "US", "IT", "BR", "KI"]),
        timezone=st.sampled_from([None, "Europe/Paris", "Nowhere", "America/New_York"]),
        consent=st.sampled_from([None, True, False]),
        orders=st.integers(0, 2),
    ),
    address=st.builds(Address, known=bools, suppressed=bools, opted_out=bools, listed=bools),
)


@given(questions)
def test_nothing_goes_out_against_a_law_whatever_else_holds(q: Question) -> None:
    decision = decide(q)
    if any(answer.verdict for answer in decision.answers):
        assert not decision.allowed
    if not decision.allowed:
        return
    assert q.status == "running"
    assert not q.ordered
    assert not q.empty
    assert not q.sold_out
    assert q.at_most is None or q.sent < q.at_most
    assert q.connected or q.mode is Mode.SANDBOX
    assert q.rolled_out or q.is_transactional
    assert not q.plan_paused
    assert q.mode is not Mode.STOPPED
    assert q.address.known
    assert not q.address.suppressed
    assert q.person.consent is not False
    if q.is_marketing:
        assert q.person.consent
        assert not q.held_out
        assert not q.address.opted_out
    if q.mode is Mode.ALLOWLIST:
        assert q.address.listed


@given(customer=st.text(), percent=st.integers(0, 99))
def test_whoever_is_held_out_stays_held_out_when_the_share_grows(customer: str, percent: int) -> None:
    if held_out("shop", "plan", customer, percent):
        assert held_out("shop", "plan", customer, percent + 1)


def test_the_holdout_has_the_share_that_the_plan_says() -> None:
    held = sum(held_out("shop", "plan", f"customer-{number}", 10) for number in range(20_000))
    assert 1_800 < held < 2_200
    assert not any(held_out("shop", "plan", f"customer-{number}", 0) for number in range(1_000))
    assert all(held_out("shop", "plan", f"customer-{number}", 100) for number in range(1_000))


@given(customer=st.text(), percent=st.integers(0, 99))
def test_whoever_has_the_plan_keeps_it_when_it_is_rolled_out_further(customer: str, percent: int) -> None:
    if rolled_out("shop", "plan", customer, percent):
        assert rolled_out("shop", "plan", customer, percent + 1)


def test_the_roll_out_does_not_follow_the_holdout() -> None:
    people = [f"customer-{number}" for number in range(20_000)]
    held = [person for person in people if held_out("shop", "plan", person, 10)]
    both = sum(rolled_out("shop", "plan", person, 10) for person in held)
    assert 120 < both < 280


@pytest.mark.parametrize(
    ("hour", "written", "allowed"),
    [
        (23, timedelta(minutes=59), True),
        (23, timedelta(minutes=61), False),
        (11, timedelta(hours=23), True),
    ],
)
def test_an_answer_wakes_nobody_unless_they_wrote_within_the_hour(
    hour: int, written: timedelta, *, allowed: bool
) -> None:
    at = datetime(2027, 1, 13, hour, tzinfo=UTC)
    answers = {**TRANSACTIONAL, "at": at, "answers": at - written, "deadline": None}
    assert decide(asked(answers)).allowed is allowed
