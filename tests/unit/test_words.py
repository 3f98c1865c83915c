from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.words import Word, word_of

STOP = [
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
    "REVOKE",
    "OPTOUT",
    "REMOVE",
    "ARRET",
    "ARRETE",
    "ARRETER",
    "DESABONNER",
    "STOPP",
    "ABMELDEN",
    "ABBESTELLEN",
    "PARE",
    "PARAR",
    "SAIR",
    "CANCELAR",
    "BAJA",
    "ALTO",
    "ANNULLA",
    "CANCELLA",
    "DISISCRIVI",
]
SPELT = ["stop", " Stop. ", "STOP!!!", "«Stop»", "Arrêt", "ARRÊTER", "Désabonner", "opt out", "Opt-out"]


@pytest.mark.parametrize("said", [*STOP, *SPELT])
def test_one_word_that_means_stop_stops(said: str) -> None:
    assert word_of(said) is Word.STOP


@pytest.mark.parametrize(
    "said",
    [
        "don't stop",
        "stop it please",
        "Please do not stop",
        "bus stop",
        "nonstop",
        "stopped",
        "",
        "👍",
        "the end",
        "stop " * 1000,
        "1",
        "no",
    ],
)
def test_what_only_contains_a_word_is_for_a_person_to_read(said: str) -> None:
    assert word_of(said) is None


@pytest.mark.parametrize(
    ("said", "word"),
    [("START", Word.START), ("yes", Word.START), ("Unstop.", Word.START), ("HELP", Word.HELP), ("aide ?", Word.HELP)],
)
def test_start_and_help_are_understood(said: str, word: Word) -> None:
    assert word_of(said) is word


@pytest.mark.parametrize("said", ["yes?", "Start ?", "YES\uff1f"])
def test_who_asks_whether_to_start_has_not_said_so(said: str) -> None:
    assert word_of(said) is None


@given(st.text())
def test_whatever_is_said_is_one_of_the_words_or_none(said: str) -> None:
    assert word_of(said) in {*Word, None}


@given(st.sampled_from(STOP), st.text(st.characters(categories=["Po", "Zs", "Ps", "Pe"]), max_size=5))
def test_case_and_punctuation_around_a_word_do_not_matter(said: str, around: str) -> None:
    assert word_of(around + said.swapcase() + around) is Word.STOP


@pytest.mark.parametrize(
    ("word", "said"),
    [
        *((Word.START, said) for said in ("Start", "Réabonner", "anmelden", "Retomar", "ALTA", "Inizia")),
        *((Word.HELP, said) for said in ("help?", "Aide", "Hilfe!", "ajuda", "Ayuda", "AIUTO")),
    ],
)
def test_start_and_help_are_understood_in_six_languages(word: Word, said: str) -> None:
    assert word_of(said) is word
