"""What a condition demands of single facts: of each a value out of a set, or a number in a range."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from journeys.conditions import Condition, EventCount, OrderCount, ReplyIs, RfmRange, ScoreRange, ValueRange
from journeys.replies import HIGHEST


@dataclass(frozen=True)
class Range:
    """Numbers from ``least``, included, to ``below``, excluded; None for no end."""

    least: Decimal | int = 0
    below: Decimal | int | None = None

    def covers(self, other: Range) -> bool:
        """Tell whether each number of another range is one of this."""
        ends_later = self.below is None or (other.below is not None and other.below <= self.below)
        return self.least <= other.least and ends_later


Fact = tuple[str, ...]
"""What is asked about: the field, and what it names in it."""
Values = frozenset[Any] | Range | dict[str, Range]
"""What it may be: one of a set, a number, or an amount in one of some currencies. What is empty can never be."""


Demand = tuple[Fact, Values]


@dataclass(frozen=True)
class Demands:
    """What a condition demands: all of some facts, one of some other demands, and none of others."""

    facts: tuple[Demand, ...]
    any: tuple[Demands, ...] = ()
    unless: tuple[Demands, ...] = ()

    @property
    def ways(self) -> list[Demands]:
        """The ways in which they may be fulfilled: one for each demand of ``any``, all else with it."""
        return [replace(way, facts=self.facts + way.facts, unless=self.unless + way.unless) for way in self.any]


def demands(condition: Condition) -> Demands:
    """Read what a condition demands."""
    asked = [(field, read, getattr(condition, field)) for field, read in READ.items()]
    return Demands(
        tuple(demand for field, read, value in asked if value is not None for demand in read(field, value)),
        tuple(map(demands, condition.any or ())),
        (demands(condition.unless),) if condition.unless else (),
    )


def answer_to(step: str) -> Fact:
    """Name the fact that a question was answered, and understood."""
    return ("reply", step)


def of_reply(step: str, asked: ReplyIs) -> Iterator[Demand]:
    """Read what is demanded of the answer to a question."""
    fact = answer_to(step)
    yield fact, frozenset({"understood"})
    if asked.at_least is not None or asked.at_most is not None:
        most = HIGHEST if asked.at_most is None else asked.at_most
        yield (*fact, "score"), _closed(asked.at_least or 0, most)
    if asked.choice is not None:
        yield (*fact, "choice"), frozenset(asked.choice)
    if asked.yes is not None:
        yield (*fact, "yes"), frozenset({asked.yes})


_Read = Iterator[Demand]
_ANY_SCORE = Range(1, 6)


def _one_of(field: str, values: list[str]) -> _Read:
    yield (field,), frozenset(values)


def _each(field: str, named: dict[str, list[str]]) -> _Read:
    yield from (((field, name), frozenset(values)) for name, values in named.items())


def _exact(field: str, value: bool) -> _Read:  # noqa: FBT001 a value as any other
    yield (field,), frozenset({value})


def _all_of(field: str, values: list[str]) -> _Read:
    # Asked of two moments, more values are wider at the one and narrower at the other.
    yield (field,), frozenset({frozenset(values)})


def _agreed(field: str, media: dict[str, list[str]]) -> _Read:
    yield (field,), frozenset((purpose, medium) for purpose, them in media.items() for medium in them)


def _worth(field: str, asked: ValueRange) -> _Read:
    named = [set(bound) for bound in (asked.at_least, asked.below) if bound is not None]
    least, below = asked.at_least or {}, asked.below or {}
    ranges = {currency: Range(least.get(currency, 0), below.get(currency)) for currency in set.intersection(*named)}
    yield (field,), {c: range_ for c, range_ in ranges.items() if range_.below is None or range_.least < range_.below}


def _scores(field: str, asked: RfmRange) -> _Read:
    yield (field,), frozenset({"known"})
    for score in RfmRange.model_fields:
        wanted: ScoreRange | None = getattr(asked, score)
        if wanted is not None and (range_ := _closed(wanted.at_least, wanted.at_most)) != _ANY_SCORE:
            yield (field, score), range_


def _orders(field: str, asked: OrderCount) -> _Read:
    yield from _counted((field,), asked)


def _event(field: str, asked: EventCount) -> _Read:
    yield from _counted((field, asked.key), asked)


def _counted(fact: Fact, asked: OrderCount | EventCount) -> _Read:
    if (wanted := _closed(asked.at_least, asked.at_most)) != Range():
        yield fact, wanted


def _replies(_: str, asked: dict[str, ReplyIs]) -> _Read:
    for step, wanted in asked.items():
        yield from of_reply(step, wanted)


def _closed(least: int, most: int | None) -> Range:
    return Range(least, None if most is None else most + 1)


READ: dict[str, Callable[[str, Any], _Read]] = {
    "segment": _one_of,
    "rfm": _scores,
    "cart_value": _worth,
    "cart_category": _one_of,
    "customer": _each,
    "order_value": _worth,
    "orders": _orders,
    "event": _event,
    "label": _each,
    "variant": _each,
    "reply": _replies,
    "task": _each,
    "sent": _one_of,
    "open_cart": _exact,
    "running": _one_of,
    "consented": _one_of,
    "newly_consented": _all_of,
    "agreed": _agreed,
    "known": _one_of,
}
"""How each field is read, but those that hold conditions themselves."""
