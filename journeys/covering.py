"""What conditions say of one another, as far as that can be decided without a person to ask about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from journeys.conditions import Condition, ValueRange
from journeys.facts import Segment

EVERYBODY = {Segment.PROSPECT, Segment.CUSTOMER}
"""Each person is one of them."""


def covers(wide: Condition, narrow: Condition) -> bool:
    """Tell whether one condition surely holds whenever another does; False where that cannot be known."""
    return all(_field_covers(name, asked, getattr(narrow, name)) for name, asked in _asked(wide).items())


def is_for_everybody(conditions: Sequence[Condition]) -> bool:
    """Tell whether one of some conditions holds for each person, by their segments."""
    asked = [_asked(condition) for condition in conditions]
    return {segment for one in asked if set(one) == {"segment"} for segment in one["segment"]} >= EVERYBODY


def never_holds(condition: Condition) -> bool:
    """Tell whether a condition's range of values has nothing in it, in any currency."""
    worth = condition.cart_value
    if worth is None or worth.at_least is None or worth.below is None:
        return False
    return all(worth.at_least[c] >= worth.below[c] for c in worth.at_least.keys() & worth.below.keys())


def _asked(condition: Condition) -> dict[str, Any]:
    """Give what a condition asks; a field that is not there asks nothing."""
    return {name: value for name, value in condition if value is not None}


def _field_covers(name: str, wide: Any, narrow: Any) -> bool:
    if narrow is None:
        return False
    return _COVERS[name](wide, narrow) if name in _COVERS else bool(wide == narrow)


def _values(wide: list[str], narrow: list[str]) -> bool:
    return set(narrow) <= set(wide)


def _customers(wide: dict[str, list[str]], narrow: dict[str, list[str]]) -> bool:
    return all(field in narrow and _values(values, narrow[field]) for field, values in wide.items())


def _ranges(wide: ValueRange, narrow: ValueRange) -> bool:
    bounds = [bound for bound in (narrow.at_least, narrow.below) if bound is not None]
    currencies = set.intersection(*(set(bound) for bound in bounds))
    return all(_covers_in(currency, wide, narrow) for currency in currencies)


def _covers_in(currency: str, wide: ValueRange, narrow: ValueRange) -> bool:
    from_, to = (narrow.at_least or {}).get(currency, 0), (narrow.below or {}).get(currency)
    if wide.at_least is not None and (currency not in wide.at_least or from_ < wide.at_least[currency]):
        return False
    return wide.below is None or (currency in wide.below and to is not None and to <= wide.below[currency])


_COVERS: dict[str, Callable[[Any, Any], bool]] = {
    "segment": _values,
    "cart_value": _ranges,
    "cart_category": _values,
    "customer": _customers,
}
"""How the fields of conditions are compared; any other field covers only what is the same."""
