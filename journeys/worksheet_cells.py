"""What stands in the cells of a worksheet: who, by which channels, in which language; read, and written."""

from __future__ import annotations

import re
from functools import cache

from journeys.facts import Channel, Segment
from journeys.saying import All, First
from journeys.worksheet_words import EVERYBODY, LANGUAGES, PUSH, Place, all_words, bare, fold, one_of, vocabulary

_PUSHES = [Channel.APP_PUSH, Channel.WEB_PUSH]
_LANGUAGE_NAMES = {
    "fr": ("fr", "francais", "french", "francese", "frances"),
    "it": ("it", "italien", "italiano", "italian"),
    "pt": ("pt", "pt-br", "pt-pt", "portugais", "portoghese", "portugues", "portuguese"),
    "en": ("en", "anglais", "inglese", "ingles", "english"),
}


class CellError(ValueError):
    """A cell that cannot be read; it says what would be right."""


def segments(text: str, language: str) -> tuple[Segment, ...]:
    """Read who a row is for; nobody in particular means all whom no other row of the plan is for.

    Raises:
        CellError: somebody is named whom Relance does not know, or by a word that others are called as well.

    """
    for unclear in (each for words in all_words() for each in words.unclear):
        if match := re.search(one_of(map(fold, unclear.names)), fold(text)):
            either = " or ".join(f"'{vocabulary(language).segments[each][0]}'" for each in unclear.may_be)
            raise CellError(f"'{match[0]}' may mean {either}; write one of them")
    names = {fold(name): str(who) for words in all_words() for who, ways in words.segments.items() for name in ways}
    known = ", ".join(ways[0] for ways in vocabulary(language).segments.values())
    found, _ = _listed(text, names, f"is not a segment; write {known}")
    if not found:
        raise CellError(f"is empty; write {known}")
    if EVERYBODY in found and len(found) > 1:
        raise CellError("names everybody and somebody; write one of the two")
    return tuple(segment for segment in Segment if segment in found)


def show_segments(who: tuple[Segment, ...], language: str) -> str:
    """Write who a row is for."""
    names = vocabulary(language).segments
    return ", ".join(names[each][0] for each in who) or names["everybody"][0]


def channels(text: str, language: str) -> First | All:
    """Read the channels: with commas or *or* between them the first that reaches the person, with *and* all that do.

    Raises:
        CellError: a channel is unknown, or *and* stands beside *or*.

    """
    names = {fold(name): str(which) for words in all_words() for which, ways in words.channels.items() for name in ways}
    known = "one or several of " + ", ".join(ways[0] for ways in vocabulary(language).channels.values())
    found, how = _listed(text, names, f"is not a channel; write {known}")
    if not found:
        raise CellError(f"is empty; write {known}")
    if how == {"and", "or"}:
        raise CellError("has both 'and' and 'or'; write one of them between all channels, or two rows")
    named = list(dict.fromkeys(each for one in found for each in (_PUSHES if one == PUSH else [Channel(one)])))
    return All(all=named) if how == {"and"} else First(first=named)


def named(how: First | All) -> list[Channel]:
    """List the channels of a row."""
    return how.first if isinstance(how, First) else how.all


def show_channels(how: First | All, language: str) -> str:
    """Write the channels of a row."""
    names = vocabulary(language).channels
    if isinstance(how, All):
        return " + ".join(names[each][0] for each in how.all)
    return ", ".join(names[each][0] for each in how.first)


def language_of(text: str) -> str:
    """Read a language.

    Raises:
        CellError: it is none that messages are written in.

    """
    for language, names in _LANGUAGE_NAMES.items():
        if fold(text) in names:
            return language
    raise CellError(f"'{text.strip()}' is not a language of messages; write one of {', '.join(LANGUAGES)}")


def stuck_at(text: str) -> Place:
    """Tell where a sticking point is; in the cart, where it names no place.

    Raises:
        CellError: it is after the order.

    """
    said = bare(text)
    for place in (Place.CHECKOUT, Place.CART):
        if _stuck_words()[place].search(said):
            return place
    for plan in vocabulary(LANGUAGES[0]).after_order:
        if found := _stuck_words()[plan].search(said):
            after = f"names '{found[0]}', which comes after the order"
            about = "a worksheet makes plans about browsing, carts and the checkout"
            raise CellError(f"{after}, and {about}; the plan {plan} of the library is about it")
    return Place.BROWSING if _stuck_words()[Place.BROWSING].search(said) else Place.CART


@cache
def _stuck_words() -> dict[str, re.Pattern[str]]:
    """Give what names each place, and what names something after the order, by the plan that is about it."""
    named: dict[str, list[str]] = {}
    for words in all_words():
        for what, ways in (*words.stuck.items(), *words.after_order.items()):
            named.setdefault(what, []).extend(map(bare, ways))
    return {what: re.compile(one_of(ways)) for what, ways in named.items()}


@cache
def _joins() -> dict[str, str | None]:
    """Give what stands between names, and what it means; a comma means nothing of its own."""
    joins: dict[str, str | None] = dict.fromkeys(",;")
    joins |= dict.fromkeys("+&", "and") | dict.fromkeys("/>|", "or")
    for words in all_words():
        joins |= dict.fromkeys(map(fold, words.and_), "and") | dict.fromkeys(map(fold, words.or_), "or")
    return joins


def _listed(text: str, names: dict[str, str], wrong: str) -> tuple[list[str], set[str]]:
    """Read a list of names: what they mean, each once, and the kinds of words that join them.

    Raises:
        CellError: something is neither, ``wrong`` says what would be right; or two names have nothing between them,
            which may mean either of them, or both at once.

    """
    said, joins = fold(text), _joins()
    means: list[str] = []
    how: set[str] = set()
    name: str | None = None
    end = 0
    for match in re.finditer(one_of({**joins, **names}), said):
        _nothing_in(said[end : match.start()], wrong)
        end = match.end()
        if match[0] in names:
            if name:
                raise CellError(f"'{name} {match[0]}' is two names and nothing between them; join them by ', ' or 'or'")
            means.append(names[match[0]])
        elif join := joins[match[0]]:
            how.add(join)
        name = match[0] if match[0] in names else None
    _nothing_in(said[end:], wrong)
    return list(dict.fromkeys(means)), how


def _nothing_in(piece: str, wrong: str) -> None:
    if piece := piece.strip(" ."):
        raise CellError(f"'{piece[:40]}' {wrong}")
