"""What an answer to a question says. What may mean two things is not understood, and waits for a person."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict

from journeys import yamlfile
from journeys.events import MESSAGE_REPLIED
from journeys.facts import Answered
from journeys.saying import Expects, Question

REPLIED = MESSAGE_REPLIED
"""The event that tells of an answer."""
HIGHEST = 10
LONGEST = 300
"""In characters: no longer answer is a number, a choice, a yes or a no."""
SHORT = 12
"""In words: in more of them, an option's words may stand for anything."""
_WORD = re.compile(r"[^\W_]+")
_ASKING = "?\u2753\u2754"
"""Whoever asks something back wants an answer from a person, whatever else they say."""
_LAID_ON = {"Mn", "Me"}
"""Unicode's names for what is laid on the character before it."""
_KEYCAP_TEN = "\U0001f51f"
_TOKEN = re.compile(r"[^\W_]+|[^\w\s]|_")
_LIGHT = frozenset(",;.!()")
"""What may part two words for the same number that are no score and its scale."""
_NOT_WHOLE = re.compile(r"(?<!\w)[-\u2010-\u2015\u2212]\d|[<>\u2264\u2265]\s*\d|\d[.,]\d|\d\s*[%\u2030]")
"""Below zero, more or less than it, with a fraction, or of a hundred."""
_SET_OFF = re.compile(r"\W*\d+\s*(?:[,;:.!]+|[-\u2010-\u2015])\s")
"""A number that comes first, and by itself: ``9, I like it``."""
_LEADING = re.compile(r"\W*(\d+)\b")


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    numbers: dict[int, list[str]]
    around: dict[str, list[str]]
    also: list[str]
    out_of: list[str]
    stars: frozenset[str]
    because: list[str]
    against: list[str]
    measures: dict[str, list[str]]
    thanks: list[str]
    yes: dict[str, list[str]]
    no: dict[str, list[str]]


def read(asked: Question, text: str) -> Answered | None:
    """Read an answer as what was asked for; None where it cannot be.

    Args:
        asked: what wants a score from 0 to 10, one of its options, yes or no, or any text.
        text: what somebody wrote, in any of the languages of messages.

    """
    if asked.expects is Expects.TEXT:
        return Answered() if text.strip() else None
    said = _plain(text)
    if len(said) > LONGEST or any(sign in said for sign in _ASKING):
        return None
    match asked.expects:
        case Expects.SCORE:
            score = _score(said)
            return None if score is None or score > HIGHEST else Answered(score=score)
        case Expects.CHOICE:
            choice = _option(said, asked.options, asked.words)
            return None if choice is None else Answered(choice=choice)
        case Expects.YES_NO:
            yes = _yes(said)
            return None if yes is None else Answered(yes=yes)


def _plain(text: str) -> str:
    """Write a text small, without accents and the frames of keys; digits of every width and script become plain."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(char for char in apart if unicodedata.category(char) not in _LAID_ON).replace(_KEYCAP_TEN, "10")
    return "".join(str(unicodedata.digit(char)) if char.isdecimal() else char for char in kept)


def _score(said: str) -> int | None:
    """Find a score: ``9/10`` in any words that do not turn it, one that comes first by itself, or one alone."""
    if _NOT_WHOLE.search(said):
        return None
    graded = list(_out_of_ten().finditer(said))
    if graded:
        scores = {int(one[1]) if one[1].isdecimal() else _named()[one[1]] for one in graded}
        others = _numbers(_WORD.findall(_out_of_ten().sub(" ", said)))
        found = set() if _turned(said[: graded[0].start()]) else scores | others
        return found.pop() if len(found) == 1 else None
    if not _vocabulary().stars.isdisjoint(_TOKEN.findall(said)):
        return None
    is_first = _SET_OFF.match(said) or (_because().match(said) and not _turned(said))
    return _alone(_naming(_WORD.findall(said)), said) if is_first else number_of(said)


def number_of(said: str) -> int | None:
    """Find the one number in words among which nothing else says anything; of two different ones none counts."""
    words = _WORD.findall(said)
    if not _is_plain(words):
        return None
    # "Un 8" and "a nine" name one number: the article counts where it stands alone.
    return _alone(_naming(words) or {word: _named()[word] for word in words if word in _named()}, said)


def _alone(naming: Mapping[str, int], said: str) -> int | None:
    """Give the one number that is named. Twice with something between, it has another scale: five of five."""
    tokens = [token for token in _TOKEN.findall(said) if token not in _LIGHT]
    places = [place for place, token in enumerate(tokens) if token in naming]
    is_one = len(set(naming.values())) == 1 and places[-1] - places[0] < len(places)
    return naming[tokens[places[0]]] if is_one else None


def _numbers(words: Sequence[str]) -> set[int]:
    """Give the numbers among words."""
    return set(_naming(words).values())


def _naming(words: Sequence[str]) -> dict[str, int]:
    """Give the words that name numbers, but for what may be an article, or in a sentence another word."""
    unsure = _around() if _is_plain(words) else _around().union(_vocabulary().also)
    digits = {word: int(word) for word in words if word.isdecimal()}
    return digits | {word: _named()[word] for word in words if word in _named() and word not in unsure}


def _is_plain(words: Sequence[str]) -> bool:
    """Tell whether nothing but numbers says anything."""
    return all(word.isdecimal() or word in _named() or word in _around() for word in words)


def _turned(said: str) -> bool:
    """Tell whether words turn what comes with them into something else: not, less than."""
    return not set(_WORD.findall(said)).isdisjoint(_vocabulary().against)


def _option(said: str, options: Sequence[str], words: Mapping[str, Sequence[str]]) -> str | None:
    """Find the one option that is meant: none by a time or an amount, nor where number and words mean two."""
    exactly = phrases(options, words).get(_spaced(said), set())
    if len(exactly) == 1:
        return min(exactly)
    is_doubted = _NOT_WHOLE.search(said) or _measured().search(_spaced(said))
    if is_doubted or len(_numbers(_WORD.findall(said))) > 1:
        return None
    leading = _LEADING.match(said)
    number = int(leading[1]) if leading else number_of(said)
    if number is not None and not 1 <= number <= len(options):
        return None
    meant = _meant(said, options, words) | ({options[number - 1]} if number is not None else set())
    return meant.pop() if len(meant) == 1 else None


def _meant(said: str, options: Sequence[str], words: Mapping[str, Sequence[str]]) -> set[str]:
    """Give the options whose words stand in a short answer that does not say no to them."""
    known = phrases(options, words)
    text = _spaced(said)
    # The longest first: what "no time" says is not what "time" says.
    found = _any_of(known)
    if len(text.split()) > SHORT or _turned(found.sub(" ", text)):
        return set()
    return {option for match in found.finditer(text) for option in known[match[0]]}


def phrases(options: Sequence[str], words: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    """Give what is said for options, each with those that it is said for."""
    known: dict[str, set[str]] = {}
    for option in options:
        for phrase in (option, *words.get(option, ())):
            known.setdefault(_spaced(_plain(phrase)), set()).add(option)
    known.pop("", None)
    return known


def _yes(said: str) -> bool | None:
    """Find a yes or a no, in any number of words for it: what says both, or anything else, is neither."""
    signs = " ".join(token for token in _TOKEN.findall(said) if token.isalnum() or token in _sides())
    text = _thanks().sub(" ", signs)
    meant = {_sides()[match[0]] for match in _either().finditer(text)}
    return meant.pop() if len(meant) == 1 and not _either().sub(" ", text).strip() else None


def _spaced(said: str) -> str:
    return " ".join(_WORD.findall(said))


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


@cache
def _measured() -> re.Pattern[str]:
    measures = (measure for words in _vocabulary().measures.values() for measure in words)
    return re.compile(rf"(?<!\S)\d+ (?:{'|'.join(sorted(measures, key=len, reverse=True))})(?!\S)")


@cache
def _because() -> re.Pattern[str]:
    return re.compile(rf"\W*\d+\s+(?:{'|'.join(_vocabulary().because)})(?!\w)")


@cache
def _thanks() -> re.Pattern[str]:
    return _any_of(_vocabulary().thanks)


@cache
def _sides() -> dict[str, bool]:
    said = {True: _vocabulary().yes, False: _vocabulary().no}
    return {phrase: side for side, spoken in said.items() for phrases in spoken.values() for phrase in phrases}


@cache
def _either() -> re.Pattern[str]:
    return _any_of(_sides())


def _any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    """Find any of them among words with a space between; the longest first."""
    either = "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))
    return re.compile(rf"(?<!\S)(?:{either})(?!\S)")


@cache
def _out_of_ten() -> re.Pattern[str]:
    named, ten = "|".join(sorted(_named())), "|".join(_vocabulary().numbers[HIGHEST])
    return re.compile(
        rf"(?<!\w)(\d{{1,2}}|{named})\s*(?:/|\b(?:{'|'.join(_vocabulary().out_of)})\b)\s*(?:10|{ten})(?!\w)"
    )
