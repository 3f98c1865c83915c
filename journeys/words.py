"""Opt-out words: what a person answers to stop messages, to get them again, or to ask for help.

A word counts where it is all that was said. Never where a text contains it: "don't stop" is no opt-out.
The words are those of the CTIA's Messaging Principles and of the operators in each country.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum


class Word(StrEnum):
    """What an answer asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"


_LONGEST = 60
_SAID = {
    Word.STOP: (
        *(
            "stop",
            "stopall",
            "stop all",
            "unsubscribe",
            "cancel",
            "end",
            "quit",
            "revoke",
            "optout",
            "opt out",
            "remove",
        ),
        # French
        *("arret", "arrete", "arreter", "desabonner", "me desabonner", "desinscription"),
        # German
        *("stopp", "abmelden", "abbestellen"),
        # Portuguese
        *("pare", "parar", "sair", "cancelar"),
        # Spanish
        *("baja", "alto"),
        # Italian
        *("annulla", "cancella", "disiscrivi", "disiscrivimi"),
    ),
    Word.START: (
        *("start", "yes", "unstop"),
        # French, German, Portuguese, Spanish, Italian: what undoes the words above, and no plain yes
        *("reprendre", "reabonner", "starten", "anmelden", "retomar", "iniciar", "alta", "inizia", "iscrivimi"),
    ),
    Word.HELP: ("help", "info", "aide", "hilfe", "ajuda", "ayuda", "aiuto"),
}
_MEANT = {said: word for word, all_said in _SAID.items() for said in all_said}


def word_of(text: str) -> Word | None:
    """Tell what an answer asks for, by its words alone: case, accents and punctuation do not matter.

    But "yes?" wants to know something, and opts nobody in.

    Args:
        text: what the person wrote.

    Returns:
        None where it is something else, which a person should read.

    """
    if len(text) > _LONGEST:
        return None
    word = _MEANT.get(_plain(text))
    asks = word is Word.START and "?" in unicodedata.normalize("NFKD", text)
    return None if asks else word


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text).casefold()
    # An accent is no letter; everything else that is none parts two words.
    kept = (char if char.isalnum() else " " for char in letters if not unicodedata.combining(char))
    return " ".join("".join(kept).split())
