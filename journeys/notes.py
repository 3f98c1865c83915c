"""What looks like a mistake in an event that can be taken: the shop is told, and the event is kept as it is."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable, Iterator

from journeys.events import BadEventError, Event, Name
from journeys.told_moments import TOLD, told

_ALIKE = 0.9
"""As difflib measures it: a letter or two that are wrong are above, another event of Segment's spec is below."""
_WORDS = re.compile(r"[A-Z]?[^\W_A-Z]+|[A-Z]+")


def notes_on(events: Iterable[Event]) -> Iterator[str | None]:
    """Tell the shop what of each event of a call may be a mistake; None where nothing looks like one.

    It is a name that may be meant to be that of an event that Relance acts on, or a moment of an order that cannot be
    read. No more than twenty different names are looked at: it is slow, and who made more mistakes has heard of enough.
    """
    looked_at: set[str] = set()
    for event in events:
        if event.kind != "track" or event.name in _NAMES:
            yield _unread(event)
            continue
        if len(looked_at) < _MOST:
            looked_at.add(event.name)
        meant = _meant(event.name) if event.name in looked_at else None
        yield _unread(event) if meant is None else f"did you mean '{meant}'? This name has no effect on carts"


_MOST = 20
_NAMES = frozenset(Name)


def _unread(event: Event) -> str | None:
    """Name a moment of an order that counts as if it had not been told."""
    if event.order_id is None:
        return None
    for name in TOLD:
        try:
            told(event, name)
        except BadEventError as error:
            return f"{error}; it counts as not told"
    return None


@functools.lru_cache(maxsize=1_000)
def _meant(name: str) -> str | None:
    close = difflib.get_close_matches(_plain(name), _BY_PLAIN, n=1, cutoff=_ALIKE)
    return _BY_PLAIN[close[0]] if close else None


def _plain(name: str) -> str:
    """Write a name as its words in small letters, in the order of the alphabet: OrderCompleted, completed_order."""
    return " ".join(sorted(word.casefold() for word in _WORDS.findall(name)))


_BY_PLAIN = {_plain(name): name.value for name in Name}
