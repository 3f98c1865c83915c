"""Addresses: whatever a shop says, what a provider gets is an address or nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.addresses import country_of, is_landline, usable
from journeys.facts import Medium


@pytest.mark.parametrize(
    ("said", "country", "number"),
    [
        ("+33639980001", None, "+33639980001"),
        ("+33 6 39 98 00 01", None, "+33639980001"),
        ("06 39 98 00 01", "FR", "+33639980001"),
        ("06.39.98.00.01", "fr", "+33639980001"),
        ("11 99955-0002", "BR", "+5511999550002"),
        ("0639980001", None, None),
        ("0639980001", "France", None),
        ("+33", None, None),
        ("12", "FR", None),
        ("ann@example.com", None, None),
        ("", None, None),
        (33639980001, "FR", None),
        (None, None, None),
    ],
)
def test_a_number_is_given_in_the_one_form_that_providers_take(said: object, country: str, number: str | None) -> None:
    assert usable(Medium.SMS, said, country) == number


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("ann@example.com", "ann@example.com"),
        (" ann@example.com\n", "ann@example.com"),
        ("nope", None),
        ("ann@localhost", None),
        ("Ann <ann@example.com>", None),
        ("ann@example.com, bob@example.com", None),
        ("ann@example.com\r\nBcc: all@example.com", None),
        (True, None),
        ("ann@münchen.example", "ann@xn--mnchen-3ya.example"),
        ("ann@почта.рф", "ann@xn--80a1acny.xn--p1ai"),
        ("ann@日本のメール.jp", "ann@xn--u9j0m4a5dy578acvb.jp"),
        # A Cyrillic a among Latin letters is made to be taken for another.
        ("ann@ex\u0430mple.com", None),
        ("ann@exa\u200bmple.com", None),
        ("ann@\u202eexample.com", None),
    ],
)
def test_one_e_mail_address_is_an_address(said: object, address: str | None) -> None:
    assert usable(Medium.EMAIL, said) == address


@pytest.mark.parametrize("medium", [Medium.SMS, Medium.WHATSAPP])
def test_a_landline_takes_calls_and_nothing_written(medium: Medium) -> None:
    assert usable(medium, "+33142681234") is None
    assert usable(Medium.VOICE, "+33142681234") == "+33142681234"
    # In North America a number does not tell which it is.
    assert usable(medium, "+12015550123") == "+12015550123"


@given(st.sampled_from(Medium), st.text() | st.from_regex(r"\+?[0-9 ()-]+"), st.text(max_size=3))
def test_whatever_is_said_the_address_is_one_word(channel: Medium, said: str, country: str) -> None:
    address = usable(channel, said, country)
    assert address is None or re.fullmatch(r"\+[0-9]{3,20}|[^@\s]+@[^@\s]+", address)


@pytest.mark.parametrize(
    ("number", "landline"),
    [
        ("+33142685300", True),
        ("+33939000001", False),  # a number of any kind of telephone
        ("+33612345678", False),
        ("+33639980001", False),  # unknown to the plan, so it may be one
        ("+442079460018", True),
        ("+447400123456", False),
        ("+390236618300", True),
        ("+12025550123", False),  # in America both look the same
        ("+18005550100", True),
        ("12", False),
        ("", False),
    ],
)
def test_a_landline_is_told_from_what_may_take_a_text(number: str, *, landline: bool) -> None:
    assert is_landline(number) is landline


@given(st.text())
def test_nothing_that_is_asked_of_a_number_ever_raises(text: str) -> None:
    assert is_landline(text) in {True, False}
    assert country_of(text) is None or len(str(country_of(text))) == 2
