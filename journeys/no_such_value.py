"""Values that conditions ask for and nothing ever has: a country, a language, a zone, a currency that is none. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache

from babel import Locale
from babel.core import get_global

from journeys.conditions import Condition, ValueRange
from journeys.currencies import no_currencies
from journeys.plan import Plan
from journeys.steps import Branch, walk
from journeys.zones import country_of, zone_name

_LETTERS = 2


def no_such_values(plan: Plan) -> Iterator[str]:
    """Tell which values no person, cart or order has, each in a sentence that names where and what would be right."""
    if plan.audience is not None:
        yield from (f"audience: {problem}" for problem in _of(plan.audience))
    for step in walk(plan.steps):
        if isinstance(step, Branch):
            for number, arm in enumerate(step.branch, start=1):
                yield from (f"step {step.id}: arm {number}: {problem}" for problem in _of(arm.condition))


def _of(condition: Condition) -> Iterator[str]:
    for field, values in (condition.customer or {}).items():
        for value in values:
            if problem := _CUSTOMER[field](value):
                yield f"customer: {field}: {problem}"
    for field, asked in (("cart_value", condition.cart_value), ("order_value", condition.order_value)):
        yield from no_currencies(field, _currencies(asked))
    for inner in condition.inner:
        yield from _of(inner)


def _currencies(asked: ValueRange | None) -> dict[str, object]:
    return {} if asked is None else {**(asked.at_least or {}), **(asked.below or {})}


def _country(value: str) -> str | None:
    code = country_of(value)
    if code == value:
        return None
    return f"'{value}' is no country; write {code or 'its two capitals of ISO 3166, such as FR'}"


def _language(value: str) -> str | None:
    if value in _languages():
        return None
    tag = value.strip().replace("_", "-").partition("-")[0].lower()
    right = tag if tag in _languages() else "its two small letters of ISO 639, such as fr"
    return f"'{value}' is no language; write {right}"


@cache
def _languages() -> frozenset[str]:
    """Every code of two letters, former ones such as ``iw`` included: devices still say them."""
    known = {*Locale("en").languages, *get_global("language_aliases")}
    return frozenset(code for code in known if len(code) == _LETTERS)


def _timezone(value: str) -> str | None:
    name = zone_name(value)
    if name == value:
        return None
    return f"'{value}' is no time zone; write {name or 'an IANA name, such as Europe/Paris'}"


_CUSTOMER: Mapping[str, Callable[[str], str | None]] = {
    "country": _country,
    "language": _language,
    "timezone": _timezone,
}
"""What is wrong with a value of each field that a branch may ask; None where nothing is."""
