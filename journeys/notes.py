"""What looks like a mistake in an event that can be taken: the shop is told, and the event is kept as it is."""

from __future__ import annotations

import difflib
import functools
import re

from journeys.events import Event, Name

_ALIKE = 0.9
"""As difflib measures it: a letter or two that are wrong are above, another event of Segment's spec is below."""
_WORDS = re.compile(r"[A-Z]?[^\W_A-Z]+|[A-Z]+")


def note_on(event: Event) -> str | None:
    """Tell the shop that an event's name may be meant to be one that Relance acts on; None where it is not."""
    if event.kind != "track" or event.name in _NAMES:
        return None
    meant = _meant(event.name)
    return None if meant is None else f"did you mean '{meant}'? This name has no effect on carts"


_NAMES = frozenset(Name)


@functools.lru_cache(maxsize=1_000)
def _meant(name: str) -> str | None:
    close = difflib.get_close_matches(_plain(name), _BY_PLAIN, n=1, cutoff=_ALIKE)
    return _BY_PLAIN[close[0]] if close else None


def _plain(name: str) -> str:
    """Write a name as its words in small letters, in the order of the alphabet: OrderCompleted, completed_order."""
    return " ".join(sorted(word.casefold() for word in _WORDS.findall(name)))


_BY_PLAIN = {_plain(name): name.value for name in Name}
