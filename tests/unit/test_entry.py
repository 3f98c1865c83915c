"""Entry by a schedule: what a plan may say of it, what is told where it says it wrongly, and when its moments come."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from journeys import plan_check, plan_diff, plan_show, yamlfile
from journeys.entry import ByEvents, ByMoments, Once, Recurring
from journeys.plan import Plan
from journeys.steps import Weekday
from messages import sheet_plans
from relance import plan_files
from storage.beginning import begins
from tests.support import HOUR, MINUTE, TestShop

SCHEDULE = 'schedule: {time: "10:00", on: [tue], timezone: Europe/Paris}'
FILE = """
name: news
sticking_point: Nobody hears of what is new
entry:
  ENTRY
key: customer
audience: {segment: [loyal]}
re_entry: 6d
purpose: marketing
longest_life: 2d
steps:
  - id: news
    send: {message: news, channels: {first: [email]}}
"""
DAY = timedelta(days=1)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ONE_OF = "an entry has one of: events (with within), schedule, at"
OFFSET = 'write day, time and offset from UTC: "2026-12-05T10:00:00+01:00"'


def text(entry: str = SCHEDULE, right: str = "", wrong: str = "") -> str:
    assert right in FILE
    return FILE.replace("ENTRY", entry).replace(right, wrong)


def read(entry: str = SCHEDULE, right: str = "", wrong: str = "") -> Plan:
    return yamlfile.parse(Plan, text(entry, right, wrong), "news.yaml")


def moments(plan: Plan) -> ByMoments:
    assert isinstance(plan.entry, ByMoments)
    return plan.entry


def recurring(clock: time, zone: str, *days: Weekday) -> Recurring:
    wanted = {"time": f"{clock:%H:%M}", "timezone": zone, "on": days or list(Weekday)}
    return Recurring.model_validate({"schedule": wanted})


# What a plan may say, and what it may not


def test_a_schedule_and_a_moment_are_read_and_let_in_3000_an_hour() -> None:
    weekly, once = read().entry, read('at: "2026-12-05T10:00:00+01:00"').entry
    assert isinstance(weekly, Recurring)
    assert isinstance(once, Once)
    assert (weekly.per_hour, once.per_hour, once.per_minute) == (3000, 3000, 50)
    assert once.at == datetime(2026, 12, 5, 9, tzinfo=UTC)
    assert isinstance(read("events: [a]\n  within: 12h").entry, ByEvents)


@pytest.mark.parametrize("entry", [SCHEDULE, 'at: "2026-12-05T10:00:00+01:00"', "events: [a]\n  within: 12h"])
def test_a_plan_is_the_same_after_it_was_kept_as_json(entry: str) -> None:
    plan = read(entry)
    again = Plan.model_validate_json(plan.model_dump_json(by_alias=True))
    assert (again, plan_show.text(again)) == (plan, plan_show.text(plan))


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (f"{SCHEDULE}\n  events: [a]", f"4: entry: {ONE_OF}"),
        (f"{SCHEDULE}\n  at: 2026-12-05T10:00:00+01:00", f"4: entry: {ONE_OF}"),
        ("per_hour: 100", f"4: entry: {ONE_OF}"),
        (f"{SCHEDULE}\n  within: 12h", "6: entry.within: is not a field here, beside schedule"),
        (f"{SCHEDULE}\n  per_hours: 70", "6: entry.per_hours: is not a field here; did you mean 'per_hour'?"),
        (f"{SCHEDULE}\n  per_hour: 0", "6: entry.per_hour: input should be at least 60"),
        (f"{SCHEDULE}\n  per_hour: 60001", "6: entry.per_hour: input should be at most 60000"),
        (f"{SCHEDULE}\n  per_hour: many", "6: entry.per_hour: input should be a whole number"),
        ("schedule: weekly", "5: entry.schedule: give its fields: time, timezone"),
        ('schedule: {time: "10:00"}', "5: entry.schedule.timezone: is missing"),
        ("schedule: {time: 10, timezone: UTC}", '5: entry.schedule.time: write hours and minutes in quotes: "18:30"'),
        ('schedule: {time: "10:00", on: [], timezone: UTC}', "5: entry.schedule.on: is empty"),
        *(
            (
                f'schedule: {{time: "10:00", timezone: {zone}}}',
                f"5: entry.schedule.timezone: there is no time zone '{zone}'; write one such as Europe/Paris",
            )
            for zone in ("Paris", "../etc/passwd", "/etc/passwd", "Europe", "localtime")
        ),
        *((f"at: {said}", f"5: entry.at: {OFFSET}") for said in ("2026-12-05T10:00:00", "Tuesday", "[1]", "12345")),
    ],
)
def test_what_is_wrong_with_an_entry_is_told_by_line(entry: str, told: str) -> None:
    with pytest.raises(yamlfile.FileError) as error:
        read(entry)
    assert str(error.value) == f"news.yaml:{told}"


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        (
            "key: customer",
            "key: cart\ngoal: Order Completed\nattribution: 5d",
            "entry: by a schedule people enter, and this plan's key is 'cart': write key: customer",
        ),
        (
            "key: customer",
            "key: order",
            "entry: by a schedule people enter, and this plan's key is 'order': write key: customer",
        ),
        (
            "audience: {segment: [loyal]}\n",
            "",
            "audience: is missing: say who enters; everybody who agreed is consented: [email, sms, push]",
        ),
        *(
            (
                "segment: [loyal]",
                asked,
                f"audience: {field} asks for a cart or an order, and by a schedule people enter",
            )
            for field, asked in (
                ("cart_value", "cart_value: {below: {EUR: 5}}"),
                ("cart_category", "unless: {cart_category: [tents]}"),
                ("order_value", "segment: [loyal], order_value: {below: {EUR: 5}}"),
            )
        ),
        (
            "segment: [loyal]",
            "newly_consented: [sms]",
            "audience: newly_consented asks what an event changes, and a schedule is none",
        ),
    ],
)
def test_who_enters_by_a_schedule_must_be_said_and_be_people(right: str, wrong: str, told: str) -> None:
    with pytest.raises(yamlfile.FileError) as error:
        read(SCHEDULE, right, wrong)
    assert str(error.value) == f"news.yaml:2: {told}"


def test_an_event_starts_nothing_where_a_schedule_lets_people_in(  # the shop is never opened
) -> None:
    shop = TestShop(parts=None)  # type: ignore[arg-type]
    assert not begins(read(), shop.event("Product Viewed"))
    assert read().names == frozenset()


# What is said of it


def test_a_schedule_that_comes_back_before_people_may_is_advised_against() -> None:
    def advice(again: str, days: str = "tue") -> list[str]:
        plan = read(SCHEDULE.replace("tue", days), "re_entry: 6d", f"re_entry: {again}")
        return [one.sentence for one in plan_check.check(plan) if one.level == "advice"]

    assert advice("6d") == []
    assert advice("7d") == [
        "re_entry: 7d is not shorter than from one moment to the next (7d): a person misses moments in between"
    ]
    assert advice("2d", "mon, thu, mon") == []
    assert advice("3d", "thu, mon") != []
    assert advice("1d", "sat, sun") != []
    assert advice("never") == [
        "re_entry: never: the schedule comes again and again, and each person enters once in all"
    ]
    assert plan_check.check(read('at: "2026-12-05T10:00:00+01:00"', "re_entry: 6d", "re_entry: never")) == []


def test_a_moment_that_has_passed_is_an_error() -> None:
    plan = read('at: "2026-12-05T10:00:00+01:00"')
    at = moments(plan).next(NOW)
    assert at is not None
    assert list(plan_check.passed(plan, at - MINUTE)) == []
    [found] = plan_check.passed(plan, at)
    assert (found.level, found.sentence) == (
        "error",
        "entry.at: 2026-12-05 10:00 UTC+01:00 has passed, so nobody would enter; write a moment that is still to come",
    )
    assert list(plan_check.passed(read(), at)) == []


def test_a_plan_with_a_schedule_is_told_in_words_with_its_next_moments() -> None:
    assert plan_show.text(read())[1] == "starts at: tue at 10:00, Europe/Paris (at most 3000 people an hour)"
    assert "every day at 10:00, UTC" in plan_show.mermaid(read('schedule: {time: "10:00", timezone: UTC}'))
    around = datetime(2027, 3, 20, tzinfo=UTC)
    told = "2027-03-23 10:00 CET, 2027-03-30 10:00 CEST, 2027-04-06 10:00 CEST"
    assert plan_show.next_moments(read(), around) == told
    once = read('at: "2026-12-05T10:00:00+01:00"')
    assert plan_show.next_moments(once, NOW) == "2026-12-05 10:00 UTC+01:00"
    assert plan_show.next_moments(once, around) is None
    assert plan_show.next_moments(read("events: [a]\n  within: 12h"), around) is None


def test_what_changed_of_a_schedule_is_told() -> None:
    other = SCHEDULE.replace("10:00", "11:00") + "\n  per_hour: 60"
    said = [plan_diff.sentence(change) for change in plan_diff.changes(read(), read(other), {}, {})]
    assert said == ["header: entry.per_hour: 3000 → 60", "header: entry.schedule.time: 10:00 → 11:00"]


def test_a_worksheet_has_no_words_for_a_schedule_and_says_so() -> None:
    written = sheet_plans.to_sheet(plan_files.read("promotion"), "en")
    assert [note for note in written.notes if note.startswith("entry: {'per_hour': 3000, 'schedule': {'time': '10:00'")]


# When its moments come


@pytest.mark.parametrize(
    ("clock", "after", "moment"),
    [
        ("10:00", "2026-10-24T12:00+02:00", "2026-10-25T10:00+01:00"),
        # Twice on that day: the first counts, and no second comes.
        ("02:30", "2026-10-24T12:00+02:00", "2026-10-25T02:30+02:00"),
        ("02:30", "2026-10-25T02:31+02:00", "2026-10-26T02:30+01:00"),
        # Never on that day: an hour later by the clock.
        ("02:30", "2027-03-27T12:00+01:00", "2027-03-28T03:30+02:00"),
        ("02:30", "2027-03-28T03:31+02:00", "2027-03-29T02:30+02:00"),
    ],
)
def test_a_moment_is_by_the_clocks_of_its_place_also_where_they_are_set(clock: str, after: str, moment: str) -> None:
    daily = recurring(time.fromisoformat(clock), "Europe/Paris")
    assert daily.next(datetime.fromisoformat(after)) == datetime.fromisoformat(moment)
    assert daily.has(datetime.fromisoformat(moment))


def test_what_an_evening_leaves_out_comes_after_midnight_and_is_that_evenings() -> None:
    """In Scoresbysund clocks are set forward from 23:00 to midnight."""
    daily = recurring(time(23, 30), "America/Scoresbysund")
    moment = datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert daily.show(moment) == "2027-03-28 00:30 -01"
    for after in (moment - 3 * HOUR, moment - MINUTE, moment):
        assert daily.next(after) == moment
    assert daily.has(moment)


ZONES = st.sampled_from(
    [
        *(
            "Europe/Paris",
            "America/Sao_Paulo",
            "America/New_York",
            "Australia/Lord_Howe",
            "Africa/Cairo",
            "Asia/Tehran",
        ),
        *("America/Nuuk", "America/Scoresbysund", "Pacific/Apia", "Asia/Gaza", "America/Asuncion", "UTC"),
    ]
)
CLOCKS = st.times().map(lambda told: told.replace(second=0, microsecond=0, fold=0))
DAYS = st.lists(st.sampled_from(Weekday), min_size=1)
MOMENTS = st.datetimes(datetime(2005, 1, 1), datetime(2040, 1, 1)).map(lambda told: told.replace(tzinfo=UTC))  # noqa: DTZ001


@given(ZONES, CLOCKS, DAYS, MOMENTS)
def test_the_next_moment_is_one_and_there_is_none_before_it(
    zone: str, clock: time, days: list[Weekday], after: datetime
) -> None:
    entry, there = recurring(clock, zone, *days), ZoneInfo(zone)
    moment = entry.next(after)
    assert moment >= after
    assert entry.has(moment)
    assert entry.next(moment + timedelta(microseconds=1)) > moment
    shown = moment.astimezone(there)
    if shown.time() == clock:
        assert list(Weekday)[shown.weekday()] in days
    else:
        # The clocks are set forward over the time: what they showed a moment before is earlier than it.
        before = (moment - HOUR).astimezone(there)
        assert before.utcoffset() != shown.utcoffset()
    # Minute by minute, by the clocks of the place.
    minutes = (after + n * MINUTE for n in range(int((moment - after) / MINUTE)))
    told = [at.replace(second=0, microsecond=0) for at in (one.astimezone(there) for one in minutes)]
    shows = [at for at in told if at.time() == clock and at.fold == 0 and list(Weekday)[at.weekday()] in days]
    assert [at for at in shows if at >= after] == []


@given(ZONES, CLOCKS, DAYS, MOMENTS, st.integers(1, 40))
def test_of_a_stretch_of_days_each_day_of_the_schedule_has_one_moment(
    zone: str, clock: time, days: list[Weekday], after: datetime, length: int
) -> None:
    entry = recurring(clock, zone, *days)
    found = list(entry.moments(after, after + length * DAY))
    assert found == sorted(set(found))
    assert all(after < moment <= after + length * DAY and entry.has(moment) for moment in found)
    wanted = _of_days(zone, clock, set(days), after.date() - DAY, length + 3)
    assert found == [moment for moment in wanted if after < moment <= after + length * DAY]


def _of_days(zone: str, clock: time, days: set[Weekday], first: date, length: int) -> list[datetime]:
    dates = [first + n * DAY for n in range(length)]
    said = [datetime.combine(day, clock, ZoneInfo(zone)) for day in dates if list(Weekday)[day.weekday()] in days]
    return sorted({moment.astimezone(UTC) for moment in said})


@given(MOMENTS, MOMENTS)
def test_once_is_once(at: datetime, after: datetime) -> None:
    entry = Once.model_validate({"at": at.isoformat()})
    assert list(entry.moments(after, after + 50 * 365 * DAY)) == ([at] if at > after else [])
    assert entry.has(at)
    assert not entry.has(at + MINUTE)


@pytest.mark.parametrize("value", [{"at": 5}, {"at": None}, {"at": datetime(2026, 1, 1)}, 5, None, [], {"at": "x"}])  # noqa: DTZ001
def test_what_is_no_entry_is_refused_whatever_it_is(value: Any) -> None:
    with pytest.raises(ValidationError):
        Plan.model_validate({**read().model_dump(mode="json", by_alias=True), "entry": value})
