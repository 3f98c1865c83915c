"""The arms of a worksheet's plan: which comes first of those that somebody fits, and whom nobody is left for. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from journeys.facts import Segment
from journeys.wider_segments import EVERYBODY, wider
from journeys.worksheet_cells import show_segments

Who = tuple[Segment, ...]
"""The segments of a row; none are all whom no other row of the plan is for."""


def in_order(groups: Iterable[Who]) -> list[Who]:
    """Put the arms so that each is taken, whatever the order of the rows; those that are for no segment are left out.

    Whoever leaves carts again and again goes that way first. Everybody is prospect or customer, so these come last,
    and a segment before those that it lies within. Of others the row that comes first counts.
    """
    return sorted(filter(None, groups), key=_rank)


def _rank(who: Who) -> tuple[bool, bool, int]:
    within = {segment for segment in Segment if wider(segment) & set(who)} - set(who)
    return Segment.SERIAL_ABANDONER not in who, not EVERYBODY.isdisjoint(who), len(within)


def overlapping(groups: Sequence[Who]) -> Iterator[tuple[Who, str]]:
    """Tell which name a segment that stands alone here and with others there: nobody goes two ways."""
    for at, who in enumerate(groups):
        if any(not set(who).isdisjoint(other) for other in groups[:at]):
            yield who, "names people of another row together with others; name the same ones in each row"


def unreached(groups: Iterable[Who], language: str) -> Iterator[tuple[Who, str]]:
    """Tell which name somebody of whom nobody is left, with why.

    Args:
        groups: as the rows name them; no segment is in two.
        language: of the sheet.

    """
    groups = list(groups)
    named: set[Segment] = set()
    for who in [*in_order(groups), *(() for each in groups if not each)]:
        lost = tuple(segment for segment in who if wider(segment) & named)
        if named >= EVERYBODY:
            rows = f"{_shown(EVERYBODY, language)}, whose rows come first"
            yield who, f"is for nobody: everybody is in {rows}; delete it, or name fewer in those"
        elif lost:
            wide = _shown({wide for segment in lost for wide in wider(segment)} & named, language)
            rows = f"{wide}, whose row comes first"
            yield who, f"is for nobody in {_shown(lost, language)}: all are in {rows}; name {wide} in a row alone"
        named.update(who)


def _shown(segments: Collection[Segment], language: str) -> str:
    return show_segments(tuple(segment for segment in Segment if segment in segments), language)
