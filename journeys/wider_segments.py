"""Which segments lie within which: by what the table says of two, whoever is in the one is in the other. Pure."""

from __future__ import annotations

from functools import cache

from journeys.facts import LIVE, Segment
from journeys.segment_table import Count, Rule, table

EVERYBODY = frozenset({Segment.PROSPECT, Segment.CUSTOMER})
"""Each person is one of them."""
_PART_OF: dict[Count, Count] = {
    "orders": "purchases_begun",
    "abandoned_carts": "purchases_begun",
    "similar_products_viewed": "products_viewed",
}
"""What counts nothing that the other does not count as well."""


@cache
def wider(segment: Segment) -> frozenset[Segment]:
    """Name the segments that whoever is in one is in as well, itself among them."""
    return frozenset(other for other in Segment if other is segment or _lies_within(segment, other))


def _lies_within(narrow: Segment, wide: Segment) -> bool:
    rules = table().segments
    given = rules[narrow.value]
    return all(_is_askable(rule, narrow, wide) and _follows(rule, given) for rule in rules[wide.value])


def _is_askable(rule: Rule, narrow: Segment, wide: Segment) -> bool:
    """Tell whether a rule of the wide one holds still when it is asked: what is kept was counted before the live."""
    if (narrow in LIVE) == (wide in LIVE):
        return True
    return wide in LIVE and rule.within is None and rule.at_most is None


def _follows(rule: Rule, given: tuple[Rule, ...]) -> bool:
    enough = not rule.at_least or any((one.at_least or 0) >= rule.at_least and _has_all_of(rule, one) for one in given)
    few = rule.at_most is None or any(
        one.at_most is not None and one.at_most <= rule.at_most and _has_all_of(one, rule) for one in given
    )
    return enough and few


def _has_all_of(one: Rule, other: Rule) -> bool:
    """Tell whether one counts whatever another counts."""
    counted = other.count == one.count or _PART_OF.get(other.count) == one.count
    return counted and (one.within is None or (other.within is not None and other.within <= one.within))
