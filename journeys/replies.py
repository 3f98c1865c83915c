"""What an answer to a question says. What may mean two things is not understood, and waits for a person."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict

from journeys import yamlfile
from journeys.events import MESSAGE_REPLIED
from journeys.facts import Answered
from journeys.saying import Expects

REPLIED = MESSAGE_REPLIED
"""The event that tells of an answer."""
HIGHEST = 10
LONGEST = 300
"""In characters: no longer answer is a number, a choice, a yes or a no."""
_WORD = re.compile(r"[^\W_]+")
_OUT_OF = re.compile(r"(?<!\d)(\d{1,2})\s*(?:/|sur|su|de|em|out of)\s*10(?!\d)")


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    numbers: dict[int, list[str]]
    around: dict[str, list[str]]
    yes: list[str]
    no: list[str]


def read(expects: Expects, text: str, options: Sequence[str] = ()) -> Answered | None:
    """Read an answer as what was asked for; None where it cannot be.

    Args:
        expects: a score from 0 to 10, one of the options, yes or no, or any text.
        text: what somebody wrote, in any of the languages of messages.
        options: the names of the choices, in the order of their numbers.

    """
    if expects is Expects.TEXT:
        return Answered() if text.strip() else None
    said = _plain(text)
    if len(said) > LONGEST:
        return None
    match expects:
        case Expects.SCORE:
            score = _number(_OUT_OF.sub(r"\1", said))
            return None if score is None or score > HIGHEST else Answered(score=score)
        case Expects.CHOICE:
            choice = _option(said, options)
            return None if choice is None else Answered(choice=choice)
        case Expects.YES_NO:
            yes = _yes(said)
            return None if yes is None else Answered(yes=yes)


def _plain(text: str) -> str:
    """Write a text small and without accents; digits of every width and script become plain ones."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(char for char in apart if not unicodedata.combining(char))
    return "".join(str(unicodedata.digit(char)) if char.isdecimal() else char for char in kept)


def _number(said: str) -> int | None:
    """Find the one number in words among which nothing else says anything; of two different ones none counts."""
    numbers: set[int] = set()
    articles: set[int] = set()
    for word in _WORD.findall(said):
        if word.isdecimal():
            numbers.add(int(word[:3]))
        elif (number := _named().get(word)) is not None:
            # "Un 8" and "a nine" name one number: the article counts where it stands alone.
            (articles if word in _around() else numbers).add(number)
        elif word not in _around():
            return None
    found = numbers or articles
    return found.pop() if len(found) == 1 else None


def _option(said: str, options: Sequence[str]) -> str | None:
    words = " ".join(_WORD.findall(said))
    for option in options:
        if words == _plain(option).replace("-", " "):
            return option
    number = _number(said)
    return options[number - 1] if number is not None and 1 <= number <= len(options) else None


def _yes(said: str) -> bool | None:
    words = " ".join(_WORD.findall(said))
    if words in _vocabulary().yes:
        return True
    return False if words in _vocabulary().no else None


@cache
def _vocabulary() -> _Words:
    text = resources.files("journeys").joinpath("replies.yaml").read_text(encoding="utf-8")
    return yamlfile.parse(_Words, text, "replies.yaml")


@cache
def _named() -> dict[str, int]:
    return {word: number for number, words in _vocabulary().numbers.items() for word in words}


@cache
def _around() -> frozenset[str]:
    return frozenset(word for words in _vocabulary().around.values() for word in words)
