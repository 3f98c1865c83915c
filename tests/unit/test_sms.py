"""The length of an SMS, which is what is paid for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.sms import BASIC, EXTENSION, outside_gsm7, parts


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("é" * 160, 1),
        # an extension character takes two places ...
        ("€" * 80, 1),
        ("€" * 81, 2),
        # ... and is not torn apart: 152 + 2 do not fit a part of 153
        ("a" * 152 + "€" + "a" * 152, 3),
        ("a" * 151 + "€" + "a" * 153, 2),
        # one foreign character flips the whole message
        ("ê" + "a" * 69, 1),
        ("ê" + "a" * 70, 2),
        ("ê" + "a" * 133, 2),
        ("ê" + "a" * 134, 3),
        # a character outside the basic plane is two units, and is not torn apart either
        ("🎁" * 35, 1),
        ("🎁" * 36, 2),
        ("🎁" * 66, 2),
        ("🎁" * 67, 3),
    ],
)
def test_parts_are_counted_as_operators_count_them(text: str, count: int) -> None:
    assert parts(text) == count


def test_the_alphabet_has_127_characters_and_ten_more() -> None:
    assert len(BASIC) == 127  # the 128th is the escape
    assert len(EXTENSION) == 10
    assert not BASIC & EXTENSION


@pytest.mark.parametrize("char", "êôîãõçâáíóúœ\u2019\u2013\u2026\u00a0\u202f")
def test_what_forces_ucs_2_is_named_once(char: str) -> None:
    assert outside_gsm7(f"à{char}€{char}") == char


@given(st.text(max_size=400), st.text(max_size=5))
def test_a_longer_text_never_has_fewer_parts(text: str, more: str) -> None:
    assert parts(text) <= parts(text + more)
