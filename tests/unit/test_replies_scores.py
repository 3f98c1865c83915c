"""A score from 0 to 10 is read in four languages, and no other number is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import replies
from journeys.facts import Answered
from journeys.saying import Expects
from tests.unit.answering import read


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("9", 9),
        (" 10!! ", 10),
        ("0", 0),
        ("9/10", 9),
        ("9 sur 10, merci", 9),
        ("Je mets un 8", 8),
        ("un", 1),
        ("dix", 10),
        ("Direi sette", 7),
        ("Um 8, obrigada", 8),
        ("dez", 10),
        ("I would give it a nine", 9),
        ("nine nine", 9),
        ("\uff18", 8),
        ("\u0667", 7),
        ("seven 🙂", 7),
        ("huit sur 10", 8),
        ("un sur dix", 1),
        ("Dieci su dieci!", 10),
        ("c'est un 9", 9),
        ("plutôt 8", 8),
        ("È un 8", 8),
        ("it's a 7", 7),
        ("10/10 bravo, livraison très rapide", 10),
        ("9, très contente de mon achat", 9),
        ("8 - pas mal du tout", 8),
    ],
)
def test_a_score_is_read_in_digits_and_in_words(text: str, score: int) -> None:
    assert read(Expects.SCORE, text) == Answered(score=score)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "11",
        "100",
        "-",
        "7 or 8",
        "maybe 7 or 8, not sure",
        "8.5",
        "8,5",
        "it was not a 9",
        "-3",
        "\u22123",
        "-3/10",
        "5.5",
        "8.5/10",
        "je ne mettrais pas 9/10",
        "less than 8 out of 10",
        "9/10 mais la livraison 3/10",
        "9, mon mari dirait 4",
        "9 jours pour la livraison",
        "🙂",
        "don't stop",
        "9" * 400,
    ],
)
def test_what_may_be_another_score_or_none_is_not_understood(text: str) -> None:
    assert read(Expects.SCORE, text) is None


@pytest.mark.parametrize(
    "text",
    [
        *("5/5", "5 sur 5", "cinq sur cinq", "5 out of 5", "5 su 5", "cinque su cinque", "5 em 5", "5 de 5"),
        *("8/8", "3/3", "1 of 1", "un sur un", "5 points sur 5", "5, 5 sur 5 partout", "5 / 5 !", "5:5", "5_5", "5-5"),
        *("9%", "9 %", "100 %", "10\uff05", "9\u2030", "> 8", "\u22649"),
        *("5 ⭐", "5⭐️", "5, five stars", "5 étoiles", "4 stelle", "5! 5 estrelas"),
        *("7\ufe0f\u20e38\ufe0f\u20e3", "🔟5", "5 car 5 sur 5", "9 car 2 jours de retard", "9 because it was not fast"),
        *("je ne mets pas 9 car c'est lent", "pas 9 car lent", "9 cartes", "9 carte parce que", "11 car super"),
        *("9/20", "15/20", "4/5", "9/100", "0009/10", "0011"),
    ],
)
def test_what_is_or_may_be_on_another_scale_is_no_score(text: str) -> None:
    assert read(Expects.SCORE, text) is None


@pytest.mark.parametrize(
    ("text", "score"),
    [
        *(("9/10", 9), ("9 sur 10", 9), ("10/10", 10), ("10 su 10", 10), ("9 de 10", 9), ("9 out of ten", 9)),
        *(("5/10", 5), ("10/10 ⭐⭐⭐⭐⭐", 10), ("9, 9 !", 9), ("9 (neuf)", 9), ("un un", 1)),
        *(("1, c'est une honte", 1), ("8\u20e3/🔟", 8), ("🔟", 10), ("🔟 !", 10)),
        *(("9\ufe0f\u20e3", 9), ("1\ufe0f\u20e30\ufe0f\u20e3", 10)),
        *(("9 car livraison rapide", 9), ("9 because it was fast", 9), ("9, parce que c'était rapide", 9)),
        *(("8 perché è arrivato presto", 8), ("10 porque chegou logo", 10), ("9 parce qu'il est beau", 9)),
    ],
)
def test_a_score_is_read_where_nothing_makes_another_of_it(text: str, score: int) -> None:
    assert read(Expects.SCORE, text) == Answered(score=score)


@given(
    st.integers(0, 10), st.sampled_from(["/", " sur ", " su ", " de ", " em ", " of ", " out of ", " - ", " against "])
)
def test_a_number_out_of_itself_is_no_score_but_ten_out_of_ten(number: int, out_of: str) -> None:
    found = read(Expects.SCORE, f"{number}{out_of}{number}")
    assert found is None or number == 10


@given(st.integers(11, 10**30), st.sampled_from(["{}", "{}/10", "{}, merci", "je mets {}", "{} sur 10", "{} - bravo"]))
def test_no_number_above_ten_is_a_score(number: int, text: str) -> None:
    assert read(Expects.SCORE, text.format(number)) is None


@given(st.integers(1, 10), st.text(max_size=20))
def test_what_is_below_zero_is_no_score(number: int, behind: str) -> None:
    assert read(Expects.SCORE, f"-{number} {behind}") is None


def test_every_word_for_a_number_is_read_as_it() -> None:
    for number, words in replies._vocabulary().numbers.items():  # noqa: SLF001 the list
        for word in words:
            assert read(Expects.SCORE, word.upper()) == Answered(score=number)
