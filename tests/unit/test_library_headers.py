"""The numbers in the headers of the plans that come along, each with its reason: who changes one does it on purpose.

They are written out by hand, and read from no plan; docs/library.md tells shops the same.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from journeys.conditions import Condition
from journeys.entry import ByEvents
from journeys.facts import Purpose
from journeys.plan import Plan
from relance import plan_files

Rows = list[tuple[str, Any, str]]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEVER, NOTHING = "never", timedelta(0)
PLANS = {name: plan_files.read(name).plan for name in (*plan_files.names(), *plan_files.library())}
BY_EVENTS = {name: plan for name, plan in PLANS.items() if isinstance(plan.entry, ByEvents)}
MARKETING = {name: plan for name, plan in PLANS.items() if plan.purpose is Purpose.MARKETING}

HOLDOUT: Rows = [
    ("abandonment-survey", 10, "what asking and the offer bring is told by whom nobody asks"),
    ("browse-abandonment", 10, "what the reminder brings is told by who gets none"),
    ("cart-recovery", 10, "what the reminders bring is told by who gets none"),
    ("nps", 0, "who is not asked gives no score: there is nothing to compare"),
    ("promotion", 10, "what the news bring is told by who hears none"),
    ("review-request", 0, "every buyer is asked: of some alone the reviews would mislead"),
    ("service-review", 0, "who is not asked gives no score: there is nothing to compare"),
    ("welcome", 0, "whoever agreed is told how to stop, everybody"),
    ("win-back", 0, "a person writes, and would for nothing"),
]
RE_ENTRY: Rows = [
    ("abandonment-survey", NEVER, "about one cart the question is put once"),
    ("browse-abandonment", 30 * DAY, "looking is no promise: once in 30 days at most"),
    ("cart-recovery", NEVER, "one cart is reminded of once"),
    ("nps", NEVER, "the first order's delivery happens once; that is less than one question in 90 days"),
    ("order-updates", NEVER, "one order is told of once"),
    ("payment-pending", NEVER, "one payment is reminded of once"),
    ("promotion", 6 * DAY, "each Tuesday, so less than the seven days between two of them"),
    ("review-request", 90 * DAY, "whoever buys each month is asked each quarter"),
    ("service-review", 30 * DAY, "whoever writes often is asked once a month"),
    ("welcome", NEVER, "the first yes is given once"),
    ("win-back", 180 * DAY, "a person's letter that comes more than twice a year is none"),
]
ATTRIBUTION: Rows = [
    ("abandonment-survey", 5 * DAY, "as for the cart itself"),
    ("browse-abandonment", 5 * DAY, "as for a cart"),
    ("cart-recovery", 5 * DAY, "an order that comes later is not the reminder's"),
    ("nps", NOTHING, "there is no goal: it asks, and sells nothing"),
    ("order-updates", NOTHING, "there is no goal: it tells, and sells nothing"),
    ("payment-pending", 5 * DAY, "a transfer takes days to be told of"),
    ("promotion", 5 * DAY, "over before the news of the Tuesday after it"),
    ("review-request", 14 * DAY, "a review is written when there is time for one"),
    ("service-review", NOTHING, "there is no goal: it asks, and sells nothing"),
    ("welcome", NOTHING, "there is no goal: it thanks, and sells nothing"),
    ("win-back", 14 * DAY, "whoever has not bought for long thinks a letter over"),
]
AT_MOST: Rows = [
    ("abandonment-survey", {}, "the question, its repetition and what answers the reply are several SMS"),
    ("browse-abandonment", {"sms": 1}, "one SMS each time: nothing lies in a cart yet"),
    ("cart-recovery", {"sms": 1}, "one SMS for one cart, by whichever of its messages and journeys"),
    ("nps", {}, "the question, its repetition and what answers the reply are several SMS"),
    ("order-updates", {}, "an order received, shipped and delivered are three"),
    ("payment-pending", {}, "its one step is one reminder"),
    ("promotion", {}, "its one step is one message, and by no SMS"),
    ("review-request", {}, "its one step is one request"),
    ("service-review", {}, "the question, its repetition and the thanks are several SMS"),
    ("welcome", {}, "its one step is one message"),
    ("win-back", {"sms": 1, "email": 1}, "one letter, and nothing beside it"),
]
PRIORITY: Rows = [
    ("abandonment-survey", 4, "the reminders of the cart go before it"),
    ("browse-abandonment", 4, "what lies in a cart goes before what is looked at"),
    ("cart-recovery", 3, "after the first thanks alone"),
    ("nps", 4, "a question waits for a cart"),
    ("order-updates", 5, "it holds back no journey that advertises: an order is on its way for weeks"),
    ("payment-pending", 5, "it holds back no journey that advertises"),
    ("promotion", 5, "after all that is about what a person does themselves"),
    ("review-request", 4, "a question waits for a cart"),
    ("service-review", 4, "a question waits for a cart"),
    ("welcome", 2, "what a person agreed to is told before all that advertises"),
    ("win-back", 3, "a person has written it, and it is to go out"),
]
ENTRY_WITHIN: Rows = [
    ("abandonment-survey", 12 * HOUR, "an older checkout is told of too late for a journey that counts from it"),
    ("browse-abandonment", 12 * HOUR, "an older look is nothing to come back to"),
    ("cart-recovery", 12 * HOUR, "an older cart is told of too late for a journey that counts from it"),
    ("nps", 3 * DAY, "deliveries are told of late, and it is asked three days after them anyway"),
    ("order-updates", 12 * HOUR, "a receipt of yesterday is no news"),
    ("payment-pending", 12 * HOUR, "an older payment is due or paid"),
    ("review-request", 3 * DAY, "deliveries are told of late, and it is asked ten days after them anyway"),
    ("service-review", 12 * HOUR, "whoever was helped yesterday is not asked any more"),
    ("welcome", 12 * HOUR, "thanks that come a day later are no welcome"),
    ("win-back", 12 * HOUR, "whoever dropped before may have come back"),
]


def counted_in(asked: Condition | None) -> timedelta | None:
    """Tell in which time an audience counts its event."""
    return asked.event.within if asked and asked.event else None


COUNTED_IN: Rows = [
    ("browse-abandonment", 24 * HOUR, "seen twice in a day: once a week is no interest"),
    ("win-back", 1 * HOUR, "the change that let them in, and none before it"),
]


@pytest.mark.parametrize(("name", "percent", "why"), HOLDOUT)
def test_a_plan_that_advertises_holds_out_as_many_as_are_needed_to_compare_with(
    name: str, percent: int, why: str
) -> None:
    assert PLANS[name].holdout == percent, why


@pytest.mark.parametrize(("name", "after", "why"), RE_ENTRY)
def test_the_same_key_enters_a_plan_again_after_a_time_that_has_a_reason(name: str, after: object, why: str) -> None:
    assert PLANS[name].re_entry == after, why


@pytest.mark.parametrize(("name", "within", "why"), ATTRIBUTION)
def test_a_plan_claims_orders_for_a_time_that_has_a_reason(name: str, within: timedelta, why: str) -> None:
    assert PLANS[name].attribution == within, why


@pytest.mark.parametrize(("name", "sends", "why"), AT_MOST)
def test_a_plan_sends_one_key_at_most_what_has_a_reason(name: str, sends: dict[str, int], why: str) -> None:
    assert PLANS[name].at_most == sends, why


@pytest.mark.parametrize(("name", "priority", "why"), PRIORITY)
def test_a_plan_gives_way_to_those_that_go_before_it(name: str, priority: int, why: str) -> None:
    assert PLANS[name].priority == priority, why


@pytest.mark.parametrize(("name", "within", "why"), ENTRY_WITHIN)
def test_an_event_starts_a_plan_while_it_is_news(name: str, within: timedelta, why: str) -> None:
    entry = PLANS[name].entry
    assert isinstance(entry, ByEvents)
    assert entry.within == within, why


@pytest.mark.parametrize(("name", "within", "why"), COUNTED_IN)
def test_an_audience_counts_what_happened_in_a_time_that_has_a_reason(name: str, within: timedelta, why: str) -> None:
    assert counted_in(PLANS[name].audience) == within, why


@pytest.mark.parametrize(
    ("rows", "plans"),
    [
        (HOLDOUT, MARKETING),
        (RE_ENTRY, PLANS),
        (ATTRIBUTION, PLANS),
        (AT_MOST, PLANS),
        (PRIORITY, PLANS),
        (ENTRY_WITHIN, BY_EVENTS),
        (COUNTED_IN, {name: plan for name, plan in PLANS.items() if counted_in(plan.audience)}),
    ],
    ids=["holdout", "re_entry", "attribution", "at_most", "priority", "entry", "audience"],
)
def test_each_plan_that_comes_along_has_its_row(rows: Rows, plans: dict[str, Plan]) -> None:
    assert [name for name, *_ in rows] == sorted(plans)
