"""Rows of files: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.customers import consents
from journeys.facts import Medium, Purpose
from journeys.imports import COLUMNS, EPOCH, NEEDED, Reading, Suppression, What, event, missing, suppressions
from journeys.rows import BadRowError, moment

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PARIS = Reading(ZoneInfo("Europe/Paris"))
CUSTOMER = {"customer_id": "u-1", "email": "ann@example.com"}
ORDER = {"order_id": "o-1", "customer_id": "u-1", "at": "2026-03-01T10:15:00Z", "total": "12.50", "currency": "EUR"}
CONSENT = {"customer_id": "u-1", "channel": "sms", "granted": "yes", "at": "2026-03-01T10:15:00Z"}


def read(what: What, row: dict[str, Any], reading: Reading = PARIS) -> Any:
    return event(what, row, reading, received_at=NOW)


SHOPIFY = {
    "Customer ID": "6789",
    "First Name": "Ann",
    "Last Name": "Bell",
    "Email": "ann@example.com",
    "Accepts Email Marketing": "yes",
    "Default Address Country Code": "FR",
    "Phone": "'+33639980001",
    "Total Spent": "12.50",
}
WOOCOMMERCE = {
    "customer_id": 6789,
    "first_name": "Ann",
    "last_name": "Bell",
    "user_email": "ann@example.com",
    "billing_country": "FR",
    "billing_phone": "06 39 98 00 01",
    "Total Spent": "12.50",
    "Accepts Email Marketing": "yes",
}
KLAVIYO = {
    "External ID": "6789",
    "First Name": "Ann",
    "Last Name": "Bell",
    "Email": "ann@example.com",
    "Phone Number": "+33639980001",
    "Country": "FR",
    "Total Spent": "12.50",
    "Accepts Email Marketing": "yes",
}


@pytest.mark.parametrize("row", [SHOPIFY, WOOCOMMERCE, KLAVIYO], ids=["Shopify", "WooCommerce", "Klaviyo"])
def test_a_customer_is_read_from_the_columns_of_the_usual_exports_and_keeps_the_others_as_traits(
    row: dict[str, Any],
) -> None:
    found = read(What.CUSTOMERS, row)
    assert (found.kind, found.user_id, found.from_backend) == ("identify", "6789", True)
    assert found.traits == {
        "firstName": "Ann",
        "lastName": "Bell",
        "email": "ann@example.com",
        "phone": "+33639980001",
        "country": "FR",
        "Total Spent": "12.50",
        "Accepts Email Marketing": "yes",
    }


def test_a_tick_in_a_customers_file_is_no_consent() -> None:
    assert consents(read(What.CUSTOMERS, SHOPIFY)) == []


@pytest.mark.parametrize(
    ("dates", "as_of", "at"),
    [
        ({"updated_at": "2026-02-01", "created_at": "2025-01-01"}, NOW, "2026-01-31T23:00:00+00:00"),
        ({"created_at": "2025-01-01"}, datetime(2026, 5, 1, tzinfo=UTC), "2026-05-01T00:00:00+00:00"),
        ({"created_at": "2025-01-01"}, None, "2024-12-31T23:00:00+00:00"),
        ({}, None, EPOCH.isoformat()),
    ],
)
def test_a_customers_row_is_as_old_as_it_says_and_else_as_old_as_is_sure(
    dates: dict[str, str], as_of: datetime | None, at: str
) -> None:
    assert read(What.CUSTOMERS, CUSTOMER | dates, Reading(PARIS.zone, as_of)).at.isoformat() == at


def test_an_order_is_told_at_its_own_time_with_its_money_to_the_last_digit() -> None:
    row = ORDER | {"total": "0.10", "currency": "eur", "items": '[{"product_id": "p-1"}]', "cart_token": "c-1"}
    found = read(What.ORDERS, row | {"billing_address": "1 rue de la Paix"})
    assert (found.name, found.order_id, found.cart_id) == ("Order Completed", "o-1", "c-1")
    assert found.at == datetime(2026, 3, 1, 10, 15, tzinfo=UTC)
    assert found.properties == {
        "order_id": "o-1",
        "cart_id": "c-1",
        "total": "0.10",
        "currency": "EUR",
        "products": [{"product_id": "p-1"}],
    }


@pytest.mark.parametrize(
    ("said", "granted"), [("Yes", True), (True, True), (1, True), ("UNSUBSCRIBED", False), ("0", False)]
)
def test_a_consent_carries_its_proof_and_its_date(said: object, granted: bool) -> None:  # noqa: FBT001 a parameter of the test
    row = CONSENT | {"granted": said, "text": "Yes, by SMS", "channel": "SMS", "purpose": "service"}
    (found,) = consents(read(What.CONSENTS, row))
    assert (found.channel, found.purpose, found.granted) == (Medium.SMS, Purpose.SERVICE, granted)
    assert (found.wording, found.at) == ("Yes, by SMS", datetime(2026, 3, 1, 10, 15, tzinfo=UTC))


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"email": " Ann@Example.com "}, [(Medium.EMAIL, "ann@example.com")]),
        ({"Phone Number": "06 39 98 00 01", "country": "FR"}, [(Medium.SMS, "+33639980001")]),
        ({"address": "ANN@example.com"}, [(Medium.EMAIL, "ann@example.com")]),
        ({"address": "+33 6 39 98 00 01"}, [(Medium.SMS, "+33639980001")]),
        ({"address": "+33639980001", "channel": "sms"}, [(Medium.SMS, "+33639980001")]),
        (
            {"email": "ann@example.com", "phone": "+33639980001"},
            [(Medium.EMAIL, "ann@example.com"), (Medium.SMS, "+33639980001")],
        ),
    ],
)
def test_every_address_of_a_row_is_suppressed_in_the_form_in_which_addresses_are_compared(
    row: dict[str, str], found: list[tuple[Medium, str]]
) -> None:
    read_at = datetime(2026, 2, 1, tzinfo=UTC)
    row |= {"reason": "bounced", "date": "2026-02-01 00:00:00 UTC"}
    assert suppressions(row, PARIS) == [Suppression(*each, "bounced", read_at) for each in found]


@pytest.mark.parametrize(
    ("what", "row", "column", "problem"),
    [
        (What.CUSTOMERS, {"email": "ann@example.com"}, "customer_id", "is missing"),
        (What.CUSTOMERS, {"Customer ID": "u" * 10_000}, "Customer ID", "must have at most 256 characters"),
        (What.CUSTOMERS, {"id": 1.5}, "id", "must be a string that is not empty"),
        (What.CUSTOMERS, {"id": "0"}, "id", "stands for a guest"),
        (What.CUSTOMERS, CUSTOMER | {"email": "ann at example.com"}, "email", "is no e-mail address"),
        (What.CUSTOMERS, CUSTOMER | {"Phone": "0639980001"}, "Phone", "needs a column country_code"),
        (What.CUSTOMERS, CUSTOMER | {"phone": "3,36E+10"}, "phone", "is no telephone number"),
        (What.CUSTOMERS, CUSTOMER | {"first_name": ["Ann"]}, "first_name", "must be text"),
        (What.CUSTOMERS, CUSTOMER | {"first_name": "A\0"}, "first_name", "without NUL"),
        (What.CUSTOMERS, CUSTOMER | {"Note": "A\0"}, None, "contains a NUL character"),
        (What.CUSTOMERS, CUSTOMER | {"Note": "\ud800"}, None, "half of a surrogate pair"),
        (What.CUSTOMERS, CUSTOMER | {"Note": float("nan")}, None, "contains NaN"),
        (What.CUSTOMERS, CUSTOMER | {"Note": "x" * 40_000}, None, "is larger than 32 KB"),
        (What.CUSTOMERS, CUSTOMER | {"Consent": "yes"}, "Consent", "relance import consents"),
        (What.CUSTOMERS, CUSTOMER | {"": ["surplus"]}, None, "has more fields than the header"),
        (What.CUSTOMERS, CUSTOMER | {"updated_at": "2027-01-01"}, "updated_at", "lies in the future"),
        (What.ORDERS, ORDER | {"total": "1.299,50"}, "total", "no comma"),
        (What.ORDERS, ORDER | {"total": "12,50"}, "total", "no comma"),
        (What.ORDERS, ORDER | {"total": "NaN"}, "total", "must be an amount"),
        (What.ORDERS, ORDER | {"total": "-1"}, "total", "must be an amount"),
        (What.ORDERS, ORDER | {"total": ""}, "total", "is missing"),
        (What.ORDERS, ORDER | {"currency": "€"}, "currency", "three letters, such as EUR"),
        (What.ORDERS, ORDER | {"order_id": ""}, "order_id", "is missing"),
        (What.ORDERS, ORDER | {"customer_id": 0}, "customer_id", "all guests would be one person"),
        (
            What.ORDERS,
            ORDER | {"at": "2026-03-01 10:15"},
            "at",
            "has no time zone: say which one it is in with --timezone",
        ),
        (What.ORDERS, ORDER | {"at": "03/01/2026"}, "at", "must be a date of ISO 8601"),
        (What.ORDERS, ORDER | {"at": "0001-01-01T00:00:00+14:00"}, "at", "lies outside the years 1 to 9999"),
        (What.ORDERS, ORDER | {"at": "2026-11-23T12:10:00Z"}, "at", "lies in the future"),
        (What.ORDERS, ORDER | {"at": {"year": 2026}}, "at", "must be text"),
        (What.ORDERS, ORDER | {"cart_id": "c" * 10_000}, "cart_id", "at most 256 characters"),
        (What.ORDERS, ORDER | {"items": "tent x 2"}, "items", "must be a JSON list"),
        (What.ORDERS, ORDER | {"items": "[" * 10_000}, "items", "must be a JSON list"),
        (What.ORDERS, ORDER | {"items": ["tent"]}, "items", "must be a JSON list"),
        (What.CONSENTS, CONSENT | {"at": None}, "at", "is missing"),
        (What.CONSENTS, CONSENT | {"granted": "maybe"}, "granted", "must be one of"),
        (What.CONSENTS, CONSENT | {"granted": ["yes"]}, "granted", "must be one of"),
        (What.CONSENTS, CONSENT | {"channel": "pigeon"}, "channel", "must be one of sms, email"),
        (What.CONSENTS, CONSENT | {"purpose": "fun"}, "purpose", "must be one of transactional, service, marketing"),
        (What.SUPPRESSIONS, {"reason": "bounced"}, "address", "is missing"),
        (What.SUPPRESSIONS, {"email": "a\0@example.com"}, "email", "without NUL"),
        (What.SUPPRESSIONS, {"address": "\ud800@example.com"}, "address", "halves of surrogate pairs"),
        (What.SUPPRESSIONS, {"address": "ann@example.com", "channel": "sms"}, "address", "is no telephone number"),
        (What.SUPPRESSIONS, {"email": "ann@example.com", "reason": "\0"}, "reason", "without NUL"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_with_its_column_and_what_would_be_right(
    what: What, row: dict[str, Any], column: str | None, problem: str
) -> None:
    with pytest.raises(BadRowError) as error:
        suppressions(row, Reading()) if what is What.SUPPRESSIONS else read(
            what, row, PARIS if what is What.CUSTOMERS else Reading()
        )
    assert error.value.column == column
    assert problem in error.value.problem


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-07-01 10:15:00", "2026-07-01T08:15:00+00:00"),
        ("2026-07-01", "2026-06-30T22:00:00+00:00"),
        ("2026-07-01 10:15:00 +0100", "2026-07-01T09:15:00+00:00"),
        ("2026-07-01 10:15:00 UTC", "2026-07-01T10:15:00+00:00"),
        ("2026-07-01T10:15:00.123Z", "2026-07-01T10:15:00.123000+00:00"),
    ],
)
def test_dates_are_read_as_exports_write_them(text: str, at: str) -> None:
    assert moment(text, PARIS.zone).isoformat() == at


def test_what_a_file_lacks_is_named_with_the_columns_that_would_do() -> None:
    assert missing(What.CUSTOMERS, ["Email", "CUSTOMER ID"]) == []
    assert missing(What.SUPPRESSIONS, ["E-Mail"]) == []
    assert [group[0] for group in missing(What.ORDERS, ["Id", "Total", "Email"])] == ["customer_id", "at", "currency"]


def test_every_needed_field_is_a_field_and_no_column_stands_for_two() -> None:
    for what, fields in COLUMNS.items():
        assert {field for group in NEEDED[what] for field in group} <= fields.keys()
        aliases = [alias for names in fields.values() for alias in names]
        assert len(set(aliases)) == len(aliases), what


def test_the_same_row_is_the_same_message_however_its_columns_are_named_and_ordered() -> None:
    one = read(What.CUSTOMERS, {"Customer ID": "u-1", "First Name": "Ann", "Note": ""})
    other = read(What.CUSTOMERS, {"firstName": " Ann", "customer_id": "u-1"})
    assert one.message_id == other.message_id
    later = event(
        What.CUSTOMERS, {"customer_id": "u-1", "firstName": "Ann"}, PARIS, received_at=NOW + timedelta(days=9)
    )
    assert later.message_id == one.message_id


def test_rows_that_differ_are_different_messages() -> None:
    rows = [CUSTOMER, CUSTOMER | {"note": "x"}, CUSTOMER | {"email": "bob@example.com"}, {"customer_id": "u-2"}]
    assert len({read(What.CUSTOMERS, row).message_id for row in rows}) == len(rows)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = sorted({alias for fields in COLUMNS.values() for names in fields.values() for alias in names})


@given(st.sampled_from(What), st.dictionaries(st.sampled_from(NAMES) | st.text(), JSON, max_size=8))
def test_whatever_a_row_holds_it_is_read_or_told_what_is_wrong(what: What, row: dict[str, Any]) -> None:
    with contextlib.suppress(BadRowError):
        suppressions(row, PARIS) if what is What.SUPPRESSIONS else read(what, row)
