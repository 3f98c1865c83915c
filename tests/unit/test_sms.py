"""The length of an SMS, which is what is paid for."""

from __future__ import annotations

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from journeys.sms import BASIC, EXTENSION, outside_gsm7, parts, room, transliterate


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


GSM7 = st.text(st.sampled_from(sorted(BASIC | EXTENSION)))


@given(st.one_of(st.text(max_size=400), GSM7, st.text(st.sampled_from("aé€ê🎁|"), min_size=50, max_size=500)))
def test_parts_are_counted_as_another_library_counts_them(text: str) -> None:
    assert parts(text) == max(len(smsutil.split(text).parts), 1)


# Written in GSM-7


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("La fenêtre de l\u2019été où ça gêne", "La fenetre de l'été où ca gene"),
        ("não, amanhã: 40\u00a0€ \u2013 só 2\u202fdias\u2026", "nao, amanha: 40 € - so 2 dias..."),
        ("«\u00a0œuf\u00a0» \u201cŒuvre\u201d", '" oeuf " "OEuvre"'),
        ("Łódź ½ ™ №", "Lodz 1/2 TM No"),
        ("e\u0301te\u0301", "été"),  # the same letters, written apart
        ("zero\u200bwidth", "zerowidth"),
    ],
)
def test_a_text_is_written_in_gsm_7(text: str, plain: str) -> None:
    assert transliterate(text) == plain


@pytest.mark.parametrize("text", ["ê 🎁", "ê привет", "ê 日本", "ê https://bücher.example/ê"])
def test_where_something_foreign_is_left_all_stays_as_it_is(text: str) -> None:
    assert transliterate(text) == text


def test_a_link_is_never_touched() -> None:
    assert transliterate("ê https://x.example/?a=~b ê") == "e https://x.example/?a=~b e"


def test_a_text_that_would_take_more_parts_stays_as_it_is() -> None:
    text = "\u2026" * 70
    assert transliterate(text) == text


@given(st.text(st.one_of(st.characters(), st.sampled_from("êçãœ\u2019\u00a0€é")), max_size=300))
def test_it_is_all_or_nothing_and_never_takes_more_parts(text: str) -> None:
    plain = transliterate(text)
    assert plain == text or not outside_gsm7(plain)
    assert parts(plain) <= parts(text)
    assert transliterate(plain) == plain


@given(GSM7)
def test_what_is_gsm_7_stays_as_it_is(text: str) -> None:
    assert transliterate(text) == text


@given(st.text(max_size=200), st.text(max_size=200), st.integers(min_value=1, max_value=4))
def test_as_much_as_there_is_room_for_fits_and_one_character_more_does_not(before: str, after: str, most: int) -> None:
    mark = "\ue000"
    before, after = before.replace(mark, ""), after.replace(mark, "")
    length = room(f"{before}{mark}{after}", mark, most)

    def taken(characters: int) -> int:
        return parts(f"{before}{'x' * characters}{after}")

    assert taken(length) <= most or (length, taken(0) > most) == (0, True)
    assert taken(length + 1) > most
