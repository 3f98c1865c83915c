"""What people may say for an option of a question: it is heard as that option, or the plan is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import replies, words
from journeys.misheard import misheard
from journeys.saying import Question
from journeys.words import Word, word_of
from tests.unit.test_plan_in_vain import found

QUESTION: dict[str, Any] = {"message": "why", "channels": {"first": ["sms"]}, "expects": "choice"}
NO_ANSWER = "is sent nothing more, and has not answered"
STOPS = [said for said in words._MEANT if word_of(said) is Word.STOP]  # noqa: SLF001 all that there are


def question(*options: str, **said: list[str]) -> Question:
    return Question.model_validate({**QUESTION, "options": options, "words": said})


@pytest.mark.parametrize("said", STOPS)
def test_an_option_that_stops_all_messages_is_refused_by_its_name_and_by_its_words(said: str) -> None:
    name = said.replace(" ", "-")
    assert list(misheard(question(name, "help"))) == [
        f"options: whoever answers '{name}' {NO_ANSWER}; name it otherwise"
    ]
    shouted = f"{said.upper()}!"
    assert list(misheard(question("leave", "help", leave=["go", shouted]))) == [
        f"words: whoever says '{shouted}' for leave {NO_ANSWER}; drop it"
    ]
    assert list(misheard(question("leave", leave=[f"{said} it now"]))) == []


def test_words_that_start_or_ask_for_help_are_answers_where_they_are_asked_for() -> None:
    assert list(misheard(question("start", "help", start=["yes"], help=["info", "aide"]))) == []


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (question("a", "b", a=["yes"], b=["Yes!"]), "'yes' stands for a and b, and is understood as neither"),
        (question("price", "size", price=["Size"]), "'size' stands for price and size, and is understood as neither"),
        (question("price", "size", price=["2"]), "'2' stands for price, and is the number of size"),
        (question("price", "size", price=["deux"]), "'deux' stands for price, and is the number of size"),
        (question("price", "size", price=["option 2"]), "'option 2' stands for price, and is the number of size"),
        (question("two", "one"), "'two' stands for two, and is the number of one"),
        (question("price", "size", price=["1", "one", "3", "2 euros", "too dear"], size=["2", "taille"]), None),
        (question("price", "size", price=["dear", "Dear"]), None),
    ],
)
def test_words_that_mean_another_option_as_well_are_refused(asked: Question, problem: str | None) -> None:
    assert [sentence.split(";")[0] for sentence in misheard(asked)][:1] == ([f"words: {problem}"] if problem else [])


OPTIONS = ["price", "size", "two", "info", "quit"]
said = st.sampled_from(["1", "2", "3", "one", "un", "deux", "tre", "yes", "stop", "Size", "dear", "le 2", "size 1"])
questions = st.lists(st.sampled_from(OPTIONS), min_size=1, max_size=4, unique=True).flatmap(
    lambda options: st.builds(
        lambda words: question(*options, **words),
        st.dictionaries(st.sampled_from(options), st.lists(said, min_size=1, max_size=3)),
    )
)


@given(asked=questions)
def test_of_a_question_that_is_let_through_every_word_and_every_number_is_heard_as_its_option(asked: Question) -> None:
    if [*misheard(asked)]:
        return
    for number, option in enumerate(asked.options, start=1):
        for word in (str(number), option, *asked.words.get(option, ())):
            read = replies.read(asked, word)
            assert (word, read and read.choice) == (word, option)
            assert word_of(word) is not Word.STOP


def test_a_plan_says_which_step_asks_so() -> None:
    asked = {"id": "why", "ask": {**QUESTION, "options": ["stop", "help"]}}
    assert found(asked) == [("error", f"step why: options: whoever answers 'stop' {NO_ANSWER}; name it otherwise")]
