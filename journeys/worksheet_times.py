"""When a row of a worksheet says something: *2 h*, *dopo 12 ore*, *no dia seguinte*, *24 h later*."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from journeys import durations
from journeys.worksheet_cells import CellError
from journeys.worksheet_words import LANGUAGES, fold, vocabulary

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
LONGEST = timedelta(days=30)


@dataclass(frozen=True)
class When:
    """A length of time, counted from when the person left, or from the message before.

    Attributes:
        later: whether it is counted from the message before, where the row's people were sent one.

    """

    length: timedelta
    later: bool


def when(text: str, language: str) -> When:
    """Read a time.

    Raises:
        CellError: it cannot be read, or is none that makes sense.

    """
    said = fold(text).rstrip(".")
    found = next((read for each in (language, *LANGUAGES) if (read := _read(said, each))), None)
    if found is None:
        raise CellError(f"'{text.strip()[:40]}' cannot be read as a time; write it as {_examples(language)}")
    if not found.length:
        raise CellError("is at once, while the person may still be there; wait a little, such as 30 min")
    if found.length > LONGEST:
        raise CellError(f"is longer than the {LONGEST.days} days that a journey may wait")
    return found


def show_when(time: When, language: str) -> str:
    """Write a time."""
    words = vocabulary(language).times
    unit = durations.show(time.length)[-1]
    number = time.length // _UNITS[unit]
    several, one, *_ = words.units[unit]
    length = f"{number} {one if number == 1 else several}"
    return f"{length} {words.later[0]}" if time.later else length


def examples(language: str) -> list[str]:
    """Give times as people write them, to choose from."""
    hours = (When(timedelta(hours=hours), later=False) for hours in (1, 2, 12, 24, 48))
    later = When(timedelta(hours=24), later=True)
    return [show_when(each, language) for each in (*hours, later)] + [
        ways[0] for ways in vocabulary(language).times.named.values()
    ]


def _examples(language: str) -> str:
    return ", ".join(examples(language)[1:7:2] + examples(language)[6:7])


def _read(said: str, language: str) -> When | None:
    words = vocabulary(language).times
    for length, ways in words.named.items():
        if said in map(fold, ways):
            return When(length, later=True)
    match = _form(language).fullmatch(said)
    if match is None:
        return None
    units = {fold(way): _UNITS[unit] for unit, ways in words.units.items() for way in ways}
    numbers = {fold(way): number for number, ways in words.numbers.items() for way in ways}
    number = numbers[match["number"]] if match["number"] in numbers else int(match["number"])
    length = number * units[match["unit"]] + timedelta(minutes=int(match["minutes"] or 0))
    return When(length, later=bool(match["later"]))


@cache
def _form(language: str) -> re.Pattern[str]:
    """Make the pattern of a language: a word before, number, unit, a word behind; ``1 h 30`` has minutes, too."""
    words = vocabulary(language).times
    units = _any([way for ways in words.units.values() for way in ways])
    numbers = _any([way for ways in words.numbers.values() for way in ways])
    return re.compile(
        rf"(?:(?:{_any(words.after)}) ?)?(?P<number>[0-9]{{1,5}}|{numbers}) ?(?P<unit>{units})"
        rf"(?:(?<=h) ?(?P<minutes>[0-5][0-9]))?"
        rf"(?: (?:(?:{_any(words.away)})|(?P<later>{_any(words.later)})))?"
    )


def _any(ways: list[str]) -> str:
    """Write a pattern for any of some ways, the longest first; letters do not follow them."""
    folded = sorted(map(fold, ways), key=len, reverse=True)
    return "|".join(rf"{re.escape(way)}(?![^\W\d])" if way[-1].isalpha() else re.escape(way) for way in folded)
