"""Addresses: whatever a shop says, what a provider gets is an address or nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.addresses import usable
from journeys.facts import Channel


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
    assert usable(Channel.SMS, said, country) == number


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
    ],
)
def test_one_e_mail_address_is_an_address(said: object, address: str | None) -> None:
    assert usable(Channel.EMAIL, said) == address


@given(st.sampled_from(Channel), st.text() | st.from_regex(r"\+?[0-9 ()-]+"), st.text(max_size=3))
def test_whatever_is_said_the_address_is_one_word(channel: Channel, said: str, country: str) -> None:
    address = usable(channel, said, country)
    assert address is None or re.fullmatch(r"\+[0-9]{3,20}|[^@\s]+@[^@\s]+", address)
