"""Yes and no are read in four languages, and never both at once."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import replies
from journeys.facts import Answered
from journeys.saying import Expects
from tests.unit.answering import read


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


SIDES = replies._sides()  # noqa: SLF001 the lists
VOCABULARY = replies._vocabulary()  # noqa: SLF001 the lists
YES, NO = ([phrase for phrase, is_yes in SIDES.items() if is_yes is side] for side in (True, False))


def test_no_word_says_both_yes_and_no() -> None:
    yes, no = ({word for words in side.values() for word in words} for side in (VOCABULARY.yes, VOCABULARY.no))
    assert yes
    assert yes.isdisjoint(no)


@given(st.sampled_from(list(SIDES)), st.integers(1, 3), st.text(" ,.;!\n", max_size=5))
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
