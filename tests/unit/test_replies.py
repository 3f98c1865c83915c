"""What people answer, in four languages, is read as what was asked for, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import replies
from journeys.facts import Answered
from journeys.saying import Expects, Question
from journeys.steps import Ask, walk
from relance import plan_files


def read(expects: Expects, text: str, options: tuple[str, ...] = ()) -> Answered | None:
    """Read an answer to a question that gives its options no words."""
    asked = {"message": "m", "channels": {"first": ["sms"]}, "expects": expects, "options": options}
    return replies.read(Question.model_validate(asked), text)


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
        *(
            ("5/10", 5),
            ("10/10 ⭐⭐⭐⭐⭐", 10),
            ("9, 9 !", 9),
            ("9 (neuf)", 9),
            ("un un", 1),
            ("1, c'est une honte", 1),
        ),
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


@given(st.integers(1, 10), st.text(max_size=20))
def test_what_is_below_zero_is_no_score(number: int, behind: str) -> None:
    assert read(Expects.SCORE, f"-{number} {behind}") is None


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        *(("Oui !", True), ("SÌ", True), ("sim", True), ("yes", True), ("D'accord", True)),
        *(("oui merci", True), ("Sì, grazie mille", True), ("sim, por favor", True), ("Yes please!", True)),
        *(("Non, merci.", False), ("não", False), ("No grazie", False), ("nope", False)),
        *(("of course", True), ("va bene", True), ("y", True), ("oui bien sûr", True), ("oui, volontiers", True)),
        *(
            ("claro que sim", True),
            ("oui oui", True),
            ("Si, si!", True),
            ("sim sim", True),
            ("Oui, avec plaisir !", True),
        ),
        *(("👍", True), ("👍🏽", True), ("oui 👍", True), ("OK 🙂", True), ("bien sûr que oui", True)),
        *(("n", False), ("👎", False), ("pas du tout", False), ("never", False), ("jamais", False), ("no no", False)),
        *(
            ("non merci", False),
            ("no grazie", False),
            ("não obrigado", False),
            ("no thanks", False),
            ("Não, não!", False),
        ),
        *(("non, pas du tout", False), ("of course not", False), ("claro que não", False), ("pas d'accord", False)),
    ],
)
def test_yes_and_no_are_read(text: str, yes: bool) -> None:  # noqa: FBT001 what is expected
    assert read(Expects.YES_NO, text) == Answered(yes=yes)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "yes and no",
            "maybe",
            "merci",
            "yes, no thanks",
            "oui merci mais plus tard",
            "",
            "no idea",
            "yes but not now",
        ),
        *(
            "oui 👎",
            "👍👎",
            "non 👍",
            "y/n",
            "ok, no",
            "perché no",
            "pourquoi pas",
            "oui bien sûr que non",
            "not of course",
        ),
        *("n'importe", "ça va", "no problem", "non plus", "yes if it is blue", "d'accord, pas du tout"),
    ],
)
def test_what_is_neither_yes_nor_no_is_not_understood(text: str) -> None:
    assert read(Expects.YES_NO, text) is None


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


SIDES = replies._sides()  # noqa: SLF001 the lists
YES, NO = ([phrase for phrase, is_yes in SIDES.items() if is_yes is side] for side in (True, False))
AROUND = st.text(" ,.;!\n\u00a0", max_size=5)


@given(st.sampled_from(list(SIDES)), st.integers(1, 3), AROUND)
def test_every_word_for_yes_and_no_is_read_however_often_it_is_said(phrase: str, times: int, between: str) -> None:
    assert read(Expects.YES_NO, f" {between}".join([phrase] * times)) == Answered(yes=SIDES[phrase])


@given(st.lists(st.sampled_from(YES), min_size=2, max_size=4) | st.lists(st.sampled_from(NO), min_size=2, max_size=4))
def test_several_words_of_one_side_never_say_the_other(phrases: list[str]) -> None:
    assert read(Expects.YES_NO, ", ".join(phrases)) == Answered(yes=SIDES[phrases[0]])


@given(st.sampled_from(YES), st.sampled_from(NO), st.lists(st.sampled_from([*SIDES, "merci", "9"])), st.randoms())
def test_what_says_both_yes_and_no_is_never_understood(yes: str, no: str, more: list[str], chance: Random) -> None:
    said = [yes, no, *more]
    chance.shuffle(said)
    assert read(Expects.YES_NO, "; ".join(said)) is None


SAID = [
    *(
        (Expects.SCORE, text)
        for text in ("9", "neuf", "9/10", "9 sur 10, merci", "je mets un 8", "9 car c'est bien", "5/5", "7 or 8", "une")
    ),
    *((Expects.CHOICE, text) for text in ("1", "deux", "shipping cost", "undecided", "the account", "4", "1 and 2")),
    *((Expects.YES_NO, text) for text in (*SIDES, "oui merci", "no no", "yes and no", "maybe", "sì, grazie")),
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


def test_every_word_for_a_number_is_read_as_it() -> None:
    for number, words in replies._vocabulary().numbers.items():  # noqa: SLF001 the list
        for word in words:
            assert read(Expects.SCORE, word.upper()) == Answered(score=number)


@given(st.sampled_from(Expects), st.text(max_size=5_000))
def test_no_answer_raises_and_none_gives_more_than_was_asked_for(expects: Expects, text: str) -> None:
    found = read(expects, text, WHY if expects is Expects.CHOICE else ())
    if found is not None:
        assert not found.unclear
        assert found.score is None or (expects is Expects.SCORE and 0 <= found.score <= 10)
        assert found.choice is None or (expects is Expects.CHOICE and found.choice in WHY)
        assert found.yes is None or expects is Expects.YES_NO
