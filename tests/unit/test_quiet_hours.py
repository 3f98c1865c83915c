"""Quiet hours: every line of the table to the minute, holidays, clocks that are set, and those who are little known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from journeys import quiet_hours, yamlfile
from journeys.hours_table import MEDIA, Hours
from journeys.quiet_hours import next_allowed, window_reason
from journeys.zones import zones_of

ROOT = Path(__file__).parents[2]
RAW = yaml.safe_load((ROOT / "journeys" / "quiet_hours.yaml").read_text())
ZONE_TAB = [
    line.split("\t")
    for line in resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text().splitlines()
    if not line.startswith("#")
]
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MINUTE = timedelta(minutes=1)
PARIS = (ZoneInfo("Europe/Paris"),)


def asked(medium: str, place: str, at: datetime, zones: Sequence[ZoneInfo] | None = None) -> datetime | None:
    country, _, region = place.partition("-")
    zones = zones_of(None, country, region) if zones is None else zones
    return next_allowed(medium, "marketing", country, region, zones, at.astimezone(UTC))


def local(zone: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


# Every line of the table

WORKDAYS = DAYS[:5]
ALL = ("sms", "whatsapp", "voice")
TEXTS = ("sms", "whatsapp")


def week(days: str, sat: str | None = None, sun: str | None = None) -> dict[str, str]:
    return dict.fromkeys(WORKDAYS, days) | {"Sat": days if sat is None else sat, "Sun": days if sun is None else sun}


LINES: list[tuple[Sequence[str], str, str, dict[str, str]]] = [
    (ALL, "JP", "Asia/Tokyo", week("09:00-20:00")),
    (("push",), "JP", "Asia/Tokyo", week("09:00-21:00")),
    (("push",), "FR", "Europe/Paris", week("09:00-21:00")),
    (("push",), "US-RI", "America/New_York", week("09:00-21:00")),
    *((TEXTS, place, "Europe/Paris", week("08:30-20:00", sun="")) for place in ("FR", "GP", "MQ", "GF", "RE", "YT")),
    *(
        (("voice",), place, "Europe/Paris", week("10:00-13:00 14:00-20:00", sat="", sun=""))
        for place in ("FR", "GP", "MQ", "GF", "RE", "YT")
    ),
    (TEXTS, "IT", "Europe/Rome", week("09:00-20:00")),
    (("voice",), "IT", "Europe/Rome", week("09:00-20:00", sat="10:00-19:00", sun="")),
    (ALL, "ES", "Europe/Madrid", week("09:00-20:00")),
    (ALL, "PT", "Europe/Lisbon", week("09:00-20:00")),
    (ALL, "GB", "Europe/London", week("08:00-21:00")),
    (ALL, "IE", "Europe/Dublin", week("08:00-21:00")),
    (ALL, "DE", "Europe/Berlin", week("08:00-21:00")),
    (ALL, "NL", "Europe/Amsterdam", week("08:00-21:00")),
    (ALL, "CA", "America/Toronto", week("08:00-21:00")),
    (ALL, "AU", "Australia/Sydney", week("08:00-21:00")),
    (ALL, "NZ", "Pacific/Auckland", week("08:00-21:00")),
    (TEXTS, "BR", "America/Sao_Paulo", week("09:00-21:00")),
    (("voice",), "BR", "America/Sao_Paulo", week("09:00-21:00", sat="10:00-16:00", sun="")),
    (ALL, "US", "America/Los_Angeles", week("08:00-21:00")),
    (ALL, "US-CA", "America/Los_Angeles", week("08:00-21:00")),
    (ALL, "US-FL", "America/New_York", week("08:00-20:00")),
    (ALL, "US-MD", "America/New_York", week("08:00-20:00")),
    (ALL, "US-OK", "America/Chicago", week("08:00-20:00")),
    (ALL, "US-CT", "America/New_York", week("09:00-20:00")),
    (ALL, "US-TX", "America/Chicago", week("09:00-21:00", sun="12:00-21:00")),
    (ALL, "US-RI", "America/New_York", week("09:00-18:00", sat="10:00-17:00", sun="10:00-17:00")),
    (ALL, "US-KY", "America/New_York", week("10:00-21:00")),
    (ALL, "US-AL", "America/Chicago", week("08:00-21:00", sun="")),
    (ALL, "US-LA", "America/Chicago", week("08:00-21:00", sun="")),
]
"""Media, place, zone, and the windows of each day as the law or our default has them."""


@pytest.mark.parametrize(("media", "place", "zone", "expected"), LINES, ids=str)
def test_each_line_of_the_table_opens_and_closes_to_the_minute(
    media: Sequence[str], place: str, zone: str, expected: dict[str, str]
) -> None:
    zones = (ZoneInfo(zone),)
    for medium in media:
        # A week without a holiday in any of the places but one.
        for number, windows in enumerate(expected.values()):
            day = f"2026-06-{15 + number:02}" if place == "GF" else f"2026-06-{8 + number:02}"
            opens_next = asked(medium, place, local(zone, f"{day} 00:00"), zones)
            first = f"{day} {windows[:5]}" if windows else None
            assert first is None or opens_next == local(zone, first)
            assert first is not None or (opens_next and opens_next > local(zone, f"{day} 23:59"))
            for window in windows.split():
                opens, closes = (local(zone, f"{day} {end}") for end in window.split("-"))
                assert asked(medium, place, opens - MINUTE, zones) == opens, "the minute before"
                assert asked(medium, place, opens, zones) == opens, "the first"
                assert asked(medium, place, closes - MINUTE, zones) == closes - MINUTE, "the last"
                refused = asked(medium, place, closes, zones)
                assert refused, "the first after it"
                assert refused > closes


def test_every_line_of_the_data_has_been_looked_at() -> None:
    looked_at = {(medium, place) for media, place, _, _ in LINES for medium in media}
    in_the_data = {(medium, place) for entry in RAW["hours"] for place in entry["places"] for medium in entry["media"]}
    assert {each for each in in_the_data if each[1] != "everywhere"} <= looked_at
    assert {medium for medium, place in in_the_data if place == "everywhere"} == {m for m, p in looked_at if p == "JP"}


@pytest.mark.parametrize("medium", MEDIA)
def test_what_a_person_waits_for_goes_out_at_night_and_service_messages_do_not(medium: str) -> None:
    night = local("Europe/Paris", "2026-06-14 03:00").astimezone(UTC)
    assert next_allowed(medium, "transactional", "FR", None, PARIS, night) == night
    for purpose in ("marketing", "service", "something new"):
        found = next_allowed(medium, purpose, "FR", None, PARIS, night)
        assert (found == night) is (medium in {"email", "on_site"})


@pytest.mark.parametrize(
    ("medium", "place", "zone", "at", "opens"),
    [
        ("sms", "FR", "Europe/Paris", "2026-06-14 10:00", "2026-06-15 08:30"),  # a Sunday
        ("sms", "FR", "Europe/Paris", "2026-07-14 10:00", "2026-07-15 08:30"),  # the 14th of July
        ("sms", "FR", "Europe/Paris", "2026-07-13 20:00", "2026-07-15 08:30"),
        ("sms", "FR", "Europe/Paris", "2026-12-24 20:00", "2026-12-26 08:30"),  # 26 December is a day as any other …
        ("sms", "FR", "Europe/Paris", "2026-12-26 10:00", "2026-12-26 10:00"),
        ("sms", "FR-Alsace", "Europe/Paris", "2026-12-26 10:00", "2026-12-28 08:30"),  # … but in Alsace
        ("push", "FR", "Europe/Paris", "2026-07-14 10:00", "2026-07-14 10:00"),  # notifications keep no holidays
        ("voice", "FR", "Europe/Paris", "2026-07-14 13:30", "2026-07-15 10:00"),
        ("voice", "FR", "Europe/Paris", "2026-07-15 13:00", "2026-07-15 14:00"),  # lunch
        ("sms", "GP", "America/Guadeloupe", "2026-05-27 10:00", "2026-05-28 08:30"),  # abolition of slavery, there
        ("voice", "IT", "Europe/Rome", "2026-12-26 11:00", "2026-12-28 09:00"),  # Santo Stefano, then a Sunday
        ("voice", "IT", "Europe/Rome", "2026-06-01 09:00", "2026-06-01 10:00"),  # the eve of 2 June, a Monday
        ("voice", "IT", "Europe/Rome", "2026-06-01 18:59", "2026-06-01 18:59"),
        ("voice", "IT", "Europe/Rome", "2026-06-01 19:00", "2026-06-03 09:00"),
        ("voice", "IT", "Europe/Rome", "2025-01-04 19:00", "2025-01-07 09:00"),  # an eve that is a Sunday stays one
        ("voice", "IT", "Europe/Rome", "2026-12-31 10:00", "2026-12-31 10:00"),  # an eve whose holiday is next year
        ("voice", "IT", "Europe/Rome", "2026-12-31 19:00", "2027-01-02 10:00"),
        ("sms", "IT", "Europe/Rome", "2026-06-02 09:00", "2026-06-02 09:00"),
        ("sms", "US-AL", "America/Chicago", "2026-07-03 10:00", "2026-07-06 08:00"),  # observed, then the 4th, a Sunday
        ("sms", "US-LA", "America/Chicago", "2026-02-17 10:00", "2026-02-18 08:00"),  # Mardi Gras
        ("sms", "US-AL", "America/Chicago", "2026-02-17 10:00", "2026-02-17 10:00"),
        ("sms", "US-TX", "America/Chicago", "2026-06-14 10:00", "2026-06-14 12:00"),
        ("voice", "BR", "America/Sao_Paulo", "2026-06-13 16:00", "2026-06-15 09:00"),
    ],
)
def test_sundays_holidays_and_their_eves(medium: str, place: str, zone: str, at: str, opens: str) -> None:
    assert asked(medium, place, local(zone, at), (ZoneInfo(zone),)) == local(zone, opens)


# Clocks that are set, and the date line


@pytest.mark.parametrize(
    ("medium", "place", "zone", "at", "opens"),
    [
        ("push", "FR", "Europe/Paris", "2026-03-28T21:00+01:00", "2026-03-29T09:00+02:00"),
        ("sms", "FR", "Europe/Paris", "2026-03-28T20:00+01:00", "2026-03-30T08:30+02:00"),
        ("push", "FR", "Europe/Paris", "2026-10-24T21:00+02:00", "2026-10-25T09:00+01:00"),
        ("push", "FR", "Europe/Paris", "2026-10-25T20:59+01:00", "2026-10-25T20:59+01:00"),
        ("sms", "US", "America/New_York", "2026-03-07T21:00-05:00", "2026-03-08T08:00-04:00"),
        ("sms", "US", "America/New_York", "2026-10-31T21:00-04:00", "2026-11-01T08:00-05:00"),
        ("sms", "AU", "Australia/Lord_Howe", "2026-10-03T21:00+10:30", "2026-10-04T08:00+11:00"),
        # Half past nine of a Saturday evening in UTC is Sunday in Auckland, and Saturday in Paris.
        ("sms", "FR", "Pacific/Auckland", "2026-06-13T21:30+00:00", "2026-06-14T20:30+00:00"),
        ("sms", "FR", "Europe/Paris", "2026-06-13T17:30+00:00", "2026-06-13T17:30+00:00"),
        # Samoa and American Samoa show the same clock, a day apart: Monday here, Sunday there.
        ("sms", "FR", "Pacific/Apia", "2026-06-14T21:00+00:00", "2026-06-14T21:00+00:00"),
        ("sms", "FR", "Pacific/Pago_Pago", "2026-06-14T21:00+00:00", "2026-06-15T19:30+00:00"),
        # Samoa left out the 30th of December 2011.
        ("sms", "WS", "Pacific/Apia", "2011-12-29T20:00-10:00", "2011-12-31T09:00+14:00"),
        ("sms", "KI", "Pacific/Kiritimati", "2026-06-14T20:00+14:00", "2026-06-15T09:00+14:00"),
    ],
)
def test_the_clock_on_the_wall_counts(medium: str, place: str, zone: str, at: str, opens: str) -> None:
    found = asked(medium, place, datetime.fromisoformat(at), (ZoneInfo(zone),))
    assert found == datetime.fromisoformat(opens)


def test_three_zones_of_one_country_on_both_sides_of_the_date_line_are_open_at_once() -> None:
    zones = zones_of(None, "KI")
    assert {zone.key for zone in zones} == {"Pacific/Tarawa", "Pacific/Kanton", "Pacific/Kiritimati"}
    # From nine in Tarawa to eight in Kiritimati, two hours ahead of it.
    assert asked("sms", "KI", datetime(2026, 6, 14, 20, 59, tzinfo=UTC)) == datetime(2026, 6, 14, 21, tzinfo=UTC)
    assert asked("sms", "KI", datetime(2026, 6, 15, 6, tzinfo=UTC)) == datetime(2026, 6, 15, 21, tzinfo=UTC)
    # Where it is Sunday in either of the two Samoas, French hours are closed in both.
    samoas = (ZoneInfo("Pacific/Apia"), ZoneInfo("Pacific/Pago_Pago"))
    saturday_in_both = datetime(2026, 6, 12, 19, 30, tzinfo=UTC)
    assert asked("sms", "FR", saturday_in_both, samoas) == saturday_in_both
    assert asked("sms", "FR", datetime(2026, 6, 13, 19, 30, tzinfo=UTC), samoas) == local(
        "Pacific/Pago_Pago", "2026-06-15 08:30"
    )


def own_hours(windows: str) -> Hours:
    text = f"places: [everywhere]\nmedia: [sms]\nweek: {{Mon-Sun: [{windows}]}}\nsource: a test"
    return yamlfile.parse(Hours, text, "own.yaml")


@pytest.mark.parametrize(
    ("windows", "at", "opens"),
    [
        # Spring in Paris: after 01:59 comes 03:00.
        ("02:30-03:30", "2026-03-29T00:59+00:00", "2026-03-29T01:00+00:00"),
        ("02:30-03:30", "2026-03-29T01:29+00:00", "2026-03-29T01:29+00:00"),
        ("02:30-03:30", "2026-03-29T01:30+00:00", "2026-03-30T00:30+00:00"),
        ("02:15-02:45", "2026-03-28T12:00+00:00", "2026-03-30T00:15+00:00"),
        ("01:30-03:30", "2026-03-29T00:30+00:00", "2026-03-29T00:30+00:00"),
        # Autumn: the hour from two to three comes twice.
        ("02:15-02:45", "2026-10-25T00:00+00:00", "2026-10-25T00:15+00:00"),
        ("02:15-02:45", "2026-10-25T00:45+00:00", "2026-10-25T01:15+00:00"),
        ("02:15-02:45", "2026-10-25T01:45+00:00", "2026-10-26T01:15+00:00"),
        ("02:30-04:00", "2026-10-25T01:10+00:00", "2026-10-25T01:30+00:00"),
    ],
)
def test_a_local_hour_that_is_left_out_is_never_and_one_that_comes_twice_is_twice(
    windows: str, at: str, opens: str
) -> None:
    found = quiet_hours.first_open(own_hours(windows), None, None, PARIS, datetime.fromisoformat(at))
    assert found == datetime.fromisoformat(opens)


def test_the_moment_that_was_asked_for_is_given_back_as_it_is() -> None:
    at = local("Europe/Paris", "2026-06-15 10:00").replace(second=12, microsecond=345)
    assert next_allowed("sms", "marketing", "FR", None, PARIS, at) is at
    late = local("Europe/Paris", "2026-06-15 19:59").replace(second=59, microsecond=999_999)
    assert next_allowed("sms", "marketing", "FR", None, PARIS, late) is late


def test_a_call_that_makes_no_sense_says_why() -> None:
    with pytest.raises(ValueError, match="at has no time zone"):
        next_allowed("sms", "marketing", "FR", None, PARIS, datetime(2026, 6, 15))  # noqa: DTZ001 the point
    with pytest.raises(ValueError, match="no hours for 'pigeon'; the media are sms, email"):
        next_allowed("pigeon", "marketing", "FR", None, PARIS, datetime(2026, 6, 15, tzinfo=UTC))


# Whom one knows little of


def test_somewhere_in_the_united_states_is_where_all_its_zones_are_open() -> None:
    zones = zones_of(None, "US")
    assert len(zones) == sum(row[0] == "US" for row in ZONE_TAB)
    # From eight in the western Aleutians to nine in the evening in New York.
    assert asked("sms", "US", datetime(2026, 12, 1, 17, 59, tzinfo=UTC)) == datetime(2026, 12, 1, 18, tzinfo=UTC)
    last = datetime(2026, 12, 2, 1, 59, tzinfo=UTC)
    assert asked("sms", "US", last) == last
    assert asked("sms", "US", last + MINUTE) == datetime(2026, 12, 2, 18, tzinfo=UTC)


def test_of_a_state_its_zones_count() -> None:
    # Florida: from eight in the west to eight in the evening in the east.
    assert [zone.key for zone in zones_of(None, "US", "Florida")] == ["America/New_York", "America/Chicago"]
    assert asked("sms", "US-FL", datetime(2026, 12, 1, 13, tzinfo=UTC)) == datetime(2026, 12, 1, 14, tzinfo=UTC)
    assert asked("sms", "US-FL", datetime(2026, 12, 2, 1, tzinfo=UTC)) == datetime(2026, 12, 2, 14, tzinfo=UTC)


@pytest.mark.parametrize("country", ["XX", "", "France, I think", None, 7, ["FR"]])
def test_of_an_unknown_country_the_default_counts_in_the_zone_that_is_known(country: object) -> None:
    at = local("Asia/Tokyo", "2026-06-14 08:59").astimezone(UTC)
    assert next_allowed("sms", "marketing", country, None, (ZoneInfo("Asia/Tokyo"),), at) == at + MINUTE
    # And where no zone is either: from nine in New York to eight in the evening in Athens.
    assert zones_of(None, country) == ()
    at = datetime(2026, 12, 1, 18, tzinfo=UTC)
    assert next_allowed("sms", "marketing", country, None, (), at) == datetime(2026, 12, 2, 14, tzinfo=UTC)
    assert next_allowed("sms", "marketing", country, None, (), at - MINUTE) == at - MINUTE


def test_where_no_hour_suits_all_zones_there_is_no_moment() -> None:
    assert asked("sms", "AQ", datetime(2026, 6, 14, tzinfo=UTC)) is None
    around = {country for country, *_ in ZONE_TAB if asked("sms", country, datetime(2026, 6, 14, tzinfo=UTC)) is None}
    assert around == {"AQ"}


# The sentence


@pytest.mark.parametrize(
    ("medium", "place", "zones", "at", "sentence"),
    [
        ("sms", "FR", ["Europe/Paris"], "2026-06-14T10:00+02:00", "SMS in FR until Mon 08:30 (Europe/Paris)"),
        ("push", "JP", ["Asia/Tokyo"], "2026-06-14T22:00+09:00", "push in JP until Mon 09:00 (Asia/Tokyo)"),
        (
            "voice",
            "US-tx",
            [],
            "2026-12-06T10:00-06:00",
            "calls in US-TX until Sun 12:00 (America/Denver, the last of 2",
        ),
        (
            "whatsapp",
            "",
            [],
            "2026-12-06T21:00+00:00",
            "WhatsApp until Mon 09:00 (America/New_York, the last of 2 zones)",
        ),
        ("sms", "AQ", [], "2026-12-06T21:00+00:00", "SMS in AQ: no hour of the next 14 days is open in all of 10 time"),
    ],
)
def test_the_reason_is_a_sentence(medium: str, place: str, zones: list[str], at: str, sentence: str) -> None:
    country, _, region = place.partition("-")
    where = tuple(map(ZoneInfo, zones)) or zones_of(None, country, region)
    until = next_allowed(medium, "marketing", country, region, where, datetime.fromisoformat(at))
    assert window_reason(medium, country, region, where, until).startswith(f"quiet hours for {sentence}")
