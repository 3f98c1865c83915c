"""Money and moments, written as the person writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from journeys import sms
from journeys.zones import zones_of
from messages.render import moment, money
from tests.unit.saying import AT, LOCALES, PARIS


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "written"),
    [
        ("1234.5", "EUR", "fr_FR", "1 234,50 €"),
        ("1234.5", "EUR", "it_IT", "1.234,50 €"),
        ("1234.5", "BRL", "pt_BR", "R$ 1.234,50"),
        ("1234.5", "EUR", "pt_PT", "1 234,50 €"),
        ("5", "GBP", "en_GB", "£5.00"),
        ("5", "USD", "en_US", "$5.00"),
        ("5", "USD", "en_GB", "US$5.00"),
        ("5", "XXQ", "fr_FR", "5,00 XXQ"),
        ("1E+3", None, "fr_FR", "1 000"),
    ],
)
def test_money_is_written_as_the_person_writes_it(amount: str, currency: str | None, locale: str, written: str) -> None:
    assert money(Decimal(amount), currency, locale) == written


@pytest.mark.parametrize(
    ("timezone", "locale", "written"),
    [
        ("Europe/Paris", "fr_FR", "12 aout, 18:00"),  # no û: it is not in GSM-7
        ("America/Sao_Paulo", "pt_BR", "12 de ago., 13:00"),
        ("Europe/Lisbon", "pt_PT", "12/08, 17:00"),
        ("Europe/London", "en_GB", "12 Aug, 17:00"),
        ("America/New_York", "en_US", "Aug 12, 12:00 PM"),
        ("Europe/Rome", "it_IT", "12 ago, 18:00"),
        ("Asia/Tokyo", "en_GB", "13 Aug, 01:00"),
    ],
)
def test_a_moment_is_written_in_the_persons_own_time(timezone: str, locale: str, written: str) -> None:
    assert moment(AT, zones_of(timezone, None), locale) == written


@pytest.mark.parametrize(
    ("timezone", "country", "region", "written"),
    [
        (None, "FR", None, "12 aout, 18:00"),
        ("Europe/Nowhere", "FR", None, "12 aout, 18:00"),
        (None, "DE", None, "12 aout, 18:00"),  # two zones, and the same time in both
        (None, "US", "TX", "12 aout, 11:00 UTC-05:00"),
        (None, "US", None, "12 aout, 12:00 UTC-04:00"),
        (None, "IN", None, "12 aout, 21:30"),
        ("UTC", "FR", None, "12 aout, 18:00 UTC+02:00"),  # a device that hides where it is
        (None, None, None, "12 aout, 16:00 UTC"),
        ("../../etc/passwd", "ZZ", None, "12 aout, 16:00 UTC"),
    ],
)
def test_a_moment_is_written_in_the_time_of_the_country_and_names_it_where_its_clocks_differ(
    timezone: str | None, country: str | None, region: str | None, written: str
) -> None:
    assert moment(AT, zones_of(timezone, country, region), "fr_FR") == written


@pytest.mark.parametrize(
    ("day", "timezone", "locale", "written"),
    [
        (1, "Europe/Paris", "fr_FR", "1er aout, 12:00"),
        (1, "Europe/Paris", "fr_CA", "1er aout, 12 h 00"),
        (11, "Europe/Paris", "fr_FR", "11 aout, 12:00"),
        (31, "Pacific/Auckland", "fr_FR", "31 aout, 22:00"),
        (1, "Europe/Rome", "it_IT", "1 ago, 12:00"),
    ],
)
def test_the_first_of_a_month_is_an_ordinal_in_french(day: int, timezone: str, locale: str, written: str) -> None:
    assert moment(datetime(2026, 8, day, 10, tzinfo=UTC), (ZoneInfo(timezone),), locale) == written


@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize("locale", [*LOCALES.values(), "pt_BR", "en_US", "fr_CA"])
def test_no_month_takes_an_sms_out_of_gsm_7(locale: str, month: int) -> None:
    assert sms.outside_gsm7(moment(datetime(2026, month, 12, tzinfo=UTC), (PARIS,), locale)) == ""
