"""What people answer, in four languages, is read as what was asked for, or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import replies
from journeys.facts import Answered
from journeys.saying import Expects, Question
from journeys.steps import Ask, walk
from relance import plan_files
from tests.unit.answering import WHY, read

AROUND = st.text(" ,.;!\n\u00a0", max_size=5)


@pytest.mark.parametrize(
    ("text", "choice"),
    [("1", "shipping-cost"), ("deux", "account"), ("Shipping cost.", "shipping-cost"), ("UNDECIDED", "undecided")],
)
def test_a_choice_is_read_by_its_number_or_its_name(text: str, choice: str) -> None:
    assert read(Expects.CHOICE, text, WHY) == Answered(choice=choice)


@pytest.mark.parametrize("text", ["0", "4", "1 and 2", "the shipping cost and the account", "none"])
def test_what_is_no_one_choice_is_not_understood(text: str) -> None:
    assert read(Expects.CHOICE, text, WHY) is None


SURVEY = plan_files.read("abandonment-survey").plan
WHY_LEFT = next(step.ask for step in walk(SURVEY.steps) if isinstance(step, Ask) and step.id == "why")


def why_left(text: str) -> str | None:
    found = replies.read(WHY_LEFT, text)
    return found.choice if found else None


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        *(
            ("frais de port", "shipping-cost"),
            ("1 frais de port", "shipping-cost"),
            ("La livraison !", "shipping-cost"),
        ),
        *(
            ("1 shipping cost", "shipping-cost"),
            ("le spese di spedizione", "shipping-cost"),
            ("o frete", "shipping-cost"),
        ),
        *(("2 compte à créer", "account"), ("un compte", "account"), ("non voglio creare un account", None)),
        *(
            ("j'hésite", "undecided"),
            ("réponse 3", "undecided"),
            ("ci penso", "undecided"),
            ("3. vou pensar", "undecided"),
        ),
        *(("je n'ai pas le temps", "no-time"), ("pas le temps", "no-time"), ("falta de tempo", "no-time")),
        *(("non ho tempo", "no-time"), ("I have no time", "no-time"), ("4 sorry", "no-time")),
    ],
)
def test_a_choice_is_read_in_the_words_of_four_languages(text: str, choice: str | None) -> None:
    assert why_left(text) == choice


@pytest.mark.parametrize(
    "text",
    [
        *("1 compte à créer", "frais de port et compte", "1 ou 2", "-1", "1,2", "5 frais de port", "0"),
        *("pas les frais de port", "combien coûte la livraison ?", "not the shipping"),
        "merci de me rendre mon argent car votre livraison est arrivée en retard chez ma voisine",
    ],
)
def test_words_that_mean_two_options_or_ask_or_say_no_are_not_understood(text: str) -> None:
    assert why_left(text) is None


WHICH_TIME = next(step.ask for step in walk(SURVEY.steps) if isinstance(step, Ask) and step.id == "which-time")


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        *(("1", "morning"), ("2 please", "noon"), ("9h", "morning"), ("à midi", "noon"), ("3, le soir", "evening")),
        *(("1 pm", None), ("2 pm", None), ("2 hours", None), ("2 de l'après-midi", None), ("3 ore", None)),
        *(("2? no", None), ("1 hora", None), ("2:30", None), ("20h", None), ("2 de la tarde", None)),
        ("l'après-midi", "evening"),
    ],
)
def test_a_time_of_day_is_no_options_number(text: str, choice: str | None) -> None:
    found = replies.read(WHICH_TIME, text)
    assert (found.choice if found else None) == choice


ASKED = [
    step.ask
    for name in plan_files.library()
    for step in walk(plan_files.read(name).plan.steps)
    if isinstance(step, Ask) and step.ask.options
]


@pytest.mark.parametrize("question", ASKED, ids=lambda question: question.message)
def test_each_option_of_the_library_is_read_by_each_of_its_words_and_by_its_number_with_them(
    question: Question,
) -> None:
    assert question.words.keys() == set(question.options)
    for number, option in enumerate(question.options, start=1):
        for word in question.words[option]:
            with_more = [] if any(map(str.isdigit, word)) else [f"{number} {word}", f"{word}, merci"]
            for text in (word, word.upper(), *with_more):
                assert replies.read(question, text) == Answered(choice=option), text


@given(st.permutations(WHY_LEFT.options), st.data())
def test_the_words_of_two_options_are_never_one_answer(options: list[str], data: st.DataObject) -> None:
    one, other = (data.draw(st.sampled_from(WHY_LEFT.words[option])) for option in options[:2])
    assert why_left(f"{one}; {other}") is None


@given(st.integers(0, 10), st.integers(0, 10), st.text(" ,.abc", max_size=20))
def test_two_different_numbers_are_never_one_answer(one: int, other: int, between: str) -> None:
    if one != other:
        assert read(Expects.SCORE, f"{one} {between} {other}") is None
        assert why_left(f"{one} {between} {other}") is None


@pytest.mark.parametrize("sign", ["?", " ?", "\uff1f", " \u2753", "?!"])
def test_what_asks_something_back_answers_no_question_but_an_open_one(sign: str) -> None:
    for expects, text in (
        (Expects.SCORE, "9"),
        (Expects.CHOICE, "account"),
        (Expects.CHOICE, "2"),
        (Expects.YES_NO, "oui"),
    ):
        options = WHY if expects is Expects.CHOICE else ()
        assert read(expects, text, options) is not None
        assert read(expects, text + sign, options) is None
    assert why_left("La livraison ?") is None
    assert read(Expects.TEXT, "Why" + sign) == Answered()


SAID = [
    *(
        (Expects.SCORE, text)
        for text in ("9", "neuf", "9/10", "9 sur 10, merci", "je mets un 8", "9 car c'est bien", "5/5", "7 or 8", "une")
    ),
    *((Expects.CHOICE, text) for text in ("1", "deux", "shipping cost", "undecided", "the account", "4", "1 and 2")),
    *(
        (Expects.YES_NO, text)
        for text in ("👍", "of course", "pas du tout", "oui merci", "no no", "yes and no", "maybe", "sì, grazie")
    ),
]


@given(st.sampled_from(SAID), st.sampled_from([str.upper, str.title, str.swapcase, str.casefold]), AROUND, AROUND)
def test_case_and_what_stands_around_an_answer_change_nothing(
    said: tuple[Expects, str], turn: Callable[[str], str], before: str, behind: str
) -> None:
    expects, text = said
    options = WHY if expects is Expects.CHOICE else ()
    assert read(expects, f"{before}{turn(text)}{behind}", options) == read(expects, text, options)


def test_any_text_answers_an_open_question_and_none_does_not() -> None:
    assert read(Expects.TEXT, " It was late. " + "x" * 5_000) == Answered()
    assert read(Expects.TEXT, " \n") is None


@given(st.sampled_from(Expects), st.text(max_size=5_000))
def test_no_answer_raises_and_none_gives_more_than_was_asked_for(expects: Expects, text: str) -> None:
    found = read(expects, text, WHY if expects is Expects.CHOICE else ())
    if found is not None:
        assert not found.unclear
        assert found.score is None or (expects is Expects.SCORE and 0 <= found.score <= 10)
        assert found.choice is None or (expects is Expects.CHOICE and found.choice in WHY)
        assert found.yes is None or expects is Expects.YES_NO
