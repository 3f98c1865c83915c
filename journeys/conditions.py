"""What a branch asks: structured data over the facts of a look. There is no expression language.

A condition's fields must all hold; within one field any of the listed values is enough.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from journeys.durations import Duration, show
from journeys.facts import CUSTOMER_FIELDS, Answered, Facts, Medium, Moment, Purpose, Segment
from journeys.rfm import Rfm, Score

Amounts = dict[Annotated[str, Field(pattern="^[A-Z]{3}$")], Annotated[Decimal, Field(ge=0)]]
"""An amount for each currency, such as ``{EUR: 100, BRL: 600}``."""


class ValueRange(BaseModel):
    """A range of cart values: from ``at_least`` (included) to ``below`` (excluded), by currency."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_least: Amounts | None = None
    below: Amounts | None = None

    @model_validator(mode="after")
    def _has_an_end(self) -> ValueRange:
        if self.at_least is None and self.below is None:
            raise ValueError("give at_least, below, or both")
        return self

    def holds(self, value: Decimal, currency: str | None) -> bool:
        """Tell whether the value lies in the range; False where the range names no amount in that currency."""
        for bound, within in ((self.at_least, value.__ge__), (self.below, value.__lt__)):
            if bound is not None and (currency not in bound or not within(bound[currency])):
                return False
        return True


class ScoreRange(BaseModel):
    """A range of one score, from 1 to 5, both ends included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_least: Score = 1
    at_most: Score = 5

    @model_validator(mode="after")
    def _has_an_end(self) -> ScoreRange:
        if not self.model_fields_set:
            raise ValueError("give at_least, at_most, or both")
        return self

    def holds(self, score: int) -> bool:
        """Tell whether a score lies in the range."""
        return self.at_least <= score <= self.at_most


class RfmRange(BaseModel):
    """Ranges of a person's scores; one that is not named may be any."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    r: ScoreRange | None = None
    f: ScoreRange | None = None
    m: ScoreRange | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> RfmRange:
        if not self.model_fields_set:
            raise ValueError("give at least one of r, f, m")
        return self

    def holds(self, rfm: Rfm | None) -> bool:
        """Tell whether scores lie in the ranges; False for whoever has none."""
        if rfm is None:
            return False
        asked = ((self.r, rfm.r), (self.f, rfm.f), (self.m, rfm.m))
        return all(wanted is None or wanted.holds(score) for wanted, score in asked)


class OrderCount(BaseModel):
    """How many orders a person has completed, each once, whoever told of it: both ends included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_least: Annotated[int, Field(ge=0)] = 0
    at_most: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _has_an_end(self) -> OrderCount:
        if not self.model_fields_set:
            raise ValueError("give at_least, at_most, or both")
        return self

    def holds(self, orders: int) -> bool:
        """Tell whether so many are in the range."""
        return self.at_least <= orders and (self.at_most is None or orders <= self.at_most)


def _words(value: object) -> set[str]:
    """Give the words that a property has: itself, or each element of a list; numbers as JSON writes them."""
    values = value if isinstance(value, list) else [value]
    return {one if isinstance(one, str) else json.dumps(one) for one in values if one is not None}


def _known_fields(fields: dict[str, list[str]]) -> dict[str, list[str]]:
    for name in fields:
        if name not in CUSTOMER_FIELDS:
            known = ", ".join(sorted(CUSTOMER_FIELDS))
            raise ValueError(f"'{name}' is not one of the customer fields a branch may ask: {known}")
    return fields


class EventCount(BaseModel):
    """How often an event happened: since the journey began, or in a length of time up to now.

    Attributes:
        name: the event's, as the shop sends it.
        at_least: included.
        at_most: included; None for any number.
        within: how far back is counted; who may enter is asked of a journey that has not begun, and needs one.
        same: counts events about one product, or one category, alone: of the one that comes most often.
        where: counts events alone of which each of these properties is one of its values, as text; of a list, any
            element counts.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    at_least: Annotated[int, Field(ge=0, le=1000)] = 1
    at_most: Annotated[int, Field(ge=0, le=1000)] | None = None
    within: Duration | None = None
    same: Literal["product_id", "category"] | None = None
    where: dict[str, Annotated[list[str], Field(min_length=1)]] = {}

    @property
    def key(self) -> str:
        """Name what is counted, in the facts of a look."""
        back = f" within {show(self.within)}" if self.within else ""
        one = f" of one {self.same}" if self.same else ""
        where = " and ".join(f"{name} is {' or '.join(values)}" for name, values in sorted(self.where.items()))
        return f"{self.name}{back}{one}{f' where {where}' if where else ''}"

    def fits(self, properties: Mapping[str, Any]) -> bool:
        """Tell whether an event with these properties is one of those that are counted."""
        return all(not _words(properties.get(name)).isdisjoint(values) for name, values in self.where.items())

    def holds(self, facts: Facts) -> bool:
        """Tell whether it happened as often."""
        count = facts.events.get(self.key, 0)
        return self.at_least <= count and (self.at_most is None or count <= self.at_most)


class ReplyIs(BaseModel):
    """What a question was answered. Without any field: it was answered, and understood.

    Attributes:
        at_least: the least score, included.
        at_most: the highest score, included.
        choice: one of these options.
        yes: yes, or no.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_least: Annotated[int, Field(ge=0, le=10)] | None = None
    at_most: Annotated[int, Field(ge=0, le=10)] | None = None
    choice: list[str] | None = None
    yes: bool | None = None

    def holds(self, answered: Answered | None) -> bool:
        """Tell whether an answer is one of these."""
        if answered is None or answered.unclear:
            return False
        score = answered.score
        return (
            (self.at_least is None or (score is not None and score >= self.at_least))
            and (self.at_most is None or (score is not None and score <= self.at_most))
            and (self.choice is None or answered.choice in self.choice)
            and (self.yes is None or answered.yes is self.yes)
        )


def _is_first_yes(media: list[Medium], facts: Facts) -> bool:
    """Tell whether a person agrees to marketing by one of some media, and did by none of them before."""
    return not set(media).isdisjoint(facts.consented) and set(media).isdisjoint(facts.consented_before)


class Condition(BaseModel):
    """What must hold for an arm of a branch to be taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segment: list[Segment] | None = Field(default=None, min_length=1)
    rfm: RfmRange | None = None
    cart_value: ValueRange | None = None
    cart_category: list[str] | None = Field(default=None, min_length=1)
    customer: Annotated[dict[str, list[str]], AfterValidator(_known_fields)] | None = None
    order_value: ValueRange | None = None
    orders: OrderCount | None = None
    event: EventCount | None = None
    label: dict[str, list[str]] | None = None
    variant: dict[str, list[str]] | None = None
    reply: dict[str, ReplyIs] | None = None
    task: dict[str, list[Literal["open", "done", "expired"]]] | None = None
    sent: list[str] | None = Field(default=None, min_length=1)
    open_cart: bool | None = None
    running: list[str] | None = Field(default=None, min_length=1)
    consented: list[Medium] | None = Field(default=None, min_length=1)
    newly_consented: list[Medium] | None = Field(default=None, min_length=1)
    agreed: dict[Purpose, Annotated[list[Medium], Field(min_length=1)]] | None = Field(default=None, min_length=1)
    known: list[Moment] | None = Field(default=None, min_length=1)
    any: list[Condition] | None = Field(default=None, min_length=2)
    unless: Condition | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Condition:
        if not self.model_fields_set:
            raise ValueError(f"give at least one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def asks_for(self) -> frozenset[str]:
        """The names of the fields that it asks for."""
        own = {name for name in type(self).model_fields if getattr(self, name) is not None}
        return frozenset(own).union(*(condition.asks_for for condition in self.inner))

    @property
    def counted(self) -> list[EventCount]:
        """The events that it asks for."""
        own = [self.event] if self.event else []
        return [*own, *(count for condition in self.inner for count in condition.counted)]

    @property
    def depth(self) -> int:
        """How many conditions stand in one another."""
        return 1 + max((condition.depth for condition in self.inner), default=0)

    @property
    def inner(self) -> list[Condition]:
        """The conditions that stand in it."""
        return [*(self.any or []), *([self.unless] if self.unless else [])]

    def holds(self, facts: Facts) -> bool:
        """Tell whether the facts of a look fulfil the condition."""
        return (
            (self.segment is None or any(s in facts.segments for s in self.segment))
            and (self.rfm is None or self.rfm.holds(facts.rfm))
            and (self.cart_value is None or self.cart_value.holds(facts.cart_value, facts.currency))
            and (self.cart_category is None or any(c in facts.cart_categories for c in self.cart_category))
            and (self.customer is None or all(facts.customer.get(f) in v for f, v in self.customer.items()))
            and self._holds_of_others(facts)
            and self._holds_of_the_journey(facts)
            and (self.any is None or any(condition.holds(facts) for condition in self.any))
            and (self.unless is None or not self.unless.holds(facts))
        )

    def _holds_of_others(self, facts: Facts) -> bool:
        value = facts.order_value
        return (
            (self.order_value is None or (value is not None and self.order_value.holds(value, facts.order_currency)))
            and (self.orders is None or self.orders.holds(facts.orders))
            and (self.event is None or self.event.holds(facts))
            and (self.label is None or all(facts.labels.get(name) in v for name, v in self.label.items()))
            and (self.open_cart is None or facts.open_cart is self.open_cart)
            and (self.running is None or any(plan in facts.running for plan in self.running))
            and (self.consented is None or any(medium in facts.consented for medium in self.consented))
            and (self.newly_consented is None or _is_first_yes(self.newly_consented, facts))
            and (
                self.agreed is None
                or any(not set(facts.agreed.get(p, ())).isdisjoint(m) for p, m in self.agreed.items())
            )
            and (self.known is None or any(moment in facts.moments for moment in self.known))
        )

    def _holds_of_the_journey(self, facts: Facts) -> bool:
        return (
            (self.variant is None or all(facts.variants.get(step) in v for step, v in self.variant.items()))
            and (self.reply is None or all(is_.holds(facts.replies.get(step)) for step, is_ in self.reply.items()))
            and (self.task is None or all(facts.tasks.get(step) in v for step, v in self.task.items()))
            and (self.sent is None or any(step in facts.out for step in self.sent))
        )
