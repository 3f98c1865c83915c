"""How people fill in a worksheet, in four languages: what ``worksheet.yaml`` and ``worksheet_fr.yaml`` etc. say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from journeys import yamlfile
from journeys.durations import Duration
from journeys.facts import Channel, Segment

LANGUAGES = ("fr", "it", "pt", "en")


class Place(StrEnum):
    """Where people get stuck. Of several that a text names the first of these counts."""

    CHECKOUT = "checkout"
    CART = "cart"
    BROWSING = "browsing"


EVERYBODY = "everybody"
"""What a segment's cell says of the people whom no other row of the plan is for."""
PUSH = "push"
"""Both kinds of push; of the two only one reaches a person."""
NEEDED = ("sticking_point", "segment", "says", "when", "channels")
"""The columns of the worksheet, in their order."""
OPTIONAL = ("title", "offer", "language", "plan")

Names = Annotated[list[str], Field(min_length=1)]
"""Ways to say one thing; the first is the one that is written."""
SegmentName = Literal["everybody"] | Segment
ChannelName = Literal["push"] | Channel


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TimeWords(_Part):
    """How a length of time is said.

    Attributes:
        units: minutes, hours, days and weeks: of several, then of one.
        numbers: those that are written as words.
        after: before the number: counted from when the person left.
        away: behind the unit: the same.
        later: behind the unit: counted from the message before.
        named: lengths that have a name of their own; counted from the message before.

    """

    units: dict[str, Annotated[Names, Field(min_length=2)]]
    numbers: dict[int, Names]
    after: Names
    away: Names
    later: Names
    named: dict[Duration, Names]


class Unclear(_Part):
    """Words that some say of the one and some of the other of a few segments; none is guessed."""

    names: Names
    may_be: Annotated[list[Segment], Field(min_length=2)]


class OfferWords(_Part):
    """How an offer is said: what kind it is, and from which price on it is made."""

    free_shipping: Names
    off: Names
    next_order: Names
    from_: Names = Field(alias="from")


class Vocabulary(_Part):
    """One language's.

    Attributes:
        after_order: where nobody is stuck any more, by the plan of the library that is about it.

    """

    columns: dict[str, Names]
    stuck: dict[Place, Names]
    after_order: dict[str, Names]
    segments: dict[SegmentName, Names]
    unclear: list[Unclear]
    channels: dict[ChannelName, Names]
    and_: Names = Field(alias="and")
    or_: Names = Field(alias="or")
    times: TimeWords
    offers: OfferWords


class Defaults(_Part):
    """What a worksheet does not say of a plan."""

    header: dict[str, Any]
    places: dict[Place, dict[str, Any]]
    offer_valid_for: Duration
    currencies: dict[str, Names]


@cache
def vocabulary(language: str) -> Vocabulary:
    """Read one language's words."""
    return _read(Vocabulary, f"worksheet_{language}.yaml")


@cache
def defaults() -> Defaults:
    """Read what all plans of worksheets have in common."""
    return _read(Defaults, "worksheet.yaml")


class _Examples(RootModel[dict[str, list[dict[str, str]]]]):
    pass


def example_rows(language: str) -> list[dict[str, str]]:
    """Give rows as people fill them in, by field."""
    return _read(_Examples, "worksheet_examples.yaml").root[language]


def _read(model: type[yamlfile.Model], name: str) -> yamlfile.Model:
    return yamlfile.parse(model, resources.files("journeys").joinpath(name).read_text(encoding="utf-8"), name)


def all_words() -> Iterator[Vocabulary]:
    """Give the words of every language."""
    return (vocabulary(language) for language in LANGUAGES)


_SAME = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u02bc\u00b4\u0060", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        "œ": "oe",
        "æ": "ae",
    }
)


def fold(text: str) -> str:
    """Reduce a text to what ways to write it have in common: no capitals, no accents, one kind of space and quote."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_SAME))
    plain = "".join(char for char in apart if unicodedata.category(char) not in {"Mn", "Cf"})
    return " ".join(plain.translate(_SAME).split())


def bare(text: str) -> str:
    """Reduce a text to its words."""
    return re.sub(r"[\W_]+", " ", fold(text)).strip()


def one_of(names: Iterable[str]) -> str:
    """Write a pattern that finds any of some folded names, the longest first, and none inside a word."""
    return "|".join(_whole(name) for name in sorted(names, key=len, reverse=True))


def _whole(name: str) -> str:
    before = r"(?<!\w)" if name[0].isalnum() else ""
    after = r"(?!\w)" if name[-1].isalnum() else ""
    return f"{before}{re.escape(name)}{after}"
