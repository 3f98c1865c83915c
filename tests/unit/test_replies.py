"""What people answer, in four languages, is read as what was asked for, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import replies
from journeys.facts import Answered
from journeys.replies import read
from journeys.saying import Expects


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
        "🙂",
        "don't stop",
        "9" * 400,
    ],
)
def test_what_may_be_another_score_or_none_is_not_understood(text: str) -> None:
    assert read(Expects.SCORE, text) is None


WHY = ("shipping-cost", "account", "undecided")


@pytest.mark.parametrize(
    ("text", "choice"),
    [("1", "shipping-cost"), ("deux", "account"), ("Shipping cost.", "shipping-cost"), ("UNDECIDED", "undecided")],
)
def test_a_choice_is_read_by_its_number_or_its_name(text: str, choice: str) -> None:
    assert read(Expects.CHOICE, text, WHY) == Answered(choice=choice)


@pytest.mark.parametrize("text", ["0", "4", "1 and 2", "the shipping cost and the account", "none"])
def test_what_is_no_one_choice_is_not_understood(text: str) -> None:
    assert read(Expects.CHOICE, text, WHY) is None


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        *(("Oui !", True), ("SÌ", True), ("sim", True), ("yes", True), ("D'accord", True)),
        *(("Non, merci.", False), ("não", False), ("No grazie", False), ("nope", False)),
    ],
)
def test_yes_and_no_are_read(text: str, yes: bool) -> None:  # noqa: FBT001 what is expected
    assert read(Expects.YES_NO, text) == Answered(yes=yes)


@pytest.mark.parametrize("text", ["yes and no", "maybe", "", "no idea", "yes but not now"])
def test_what_is_neither_yes_nor_no_is_not_understood(text: str) -> None:
    assert read(Expects.YES_NO, text) is None


def test_any_text_answers_an_open_question_and_none_does_not() -> None:
    assert read(Expects.TEXT, " It was late. " + "x" * 5_000) == Answered()
    assert read(Expects.TEXT, " \n") is None


def test_every_word_for_a_number_is_read_as_it() -> None:
    for number, words in replies._vocabulary().numbers.items():  # noqa: SLF001 the list
        for word in words:
            assert read(Expects.SCORE, word.upper()) == Answered(score=number)


@given(st.sampled_from(Expects), st.text(max_size=5_000))
def test_no_answer_raises_and_none_gives_more_than_was_asked_for(expects: Expects, text: str) -> None:
    found = read(expects, text, WHY)
    if found is not None:
        assert not found.unclear
        assert found.score is None or (expects is Expects.SCORE and 0 <= found.score <= 10)
        assert found.choice is None or (expects is Expects.CHOICE and found.choice in WHY)
        assert found.yes is None or expects is Expects.YES_NO
