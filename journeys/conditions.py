"""What a branch asks: structured data over the facts of a look. There is no expression language.

A condition's fields must all hold; within one field any of the listed values is enough.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from journeys.facts import CUSTOMER_FIELDS, Facts, Segment
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
    def _is_a_range(self) -> ScoreRange:
        if not self.model_fields_set:
            raise ValueError("give at_least, at_most, or both")
        if self.at_least > self.at_most:
            raise ValueError(f"nothing is at least {self.at_least} and at most {self.at_most}")
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


def _known_fields(fields: dict[str, list[str]]) -> dict[str, list[str]]:
    for name in fields:
        if name not in CUSTOMER_FIELDS:
            known = ", ".join(sorted(CUSTOMER_FIELDS))
            raise ValueError(f"'{name}' is not one of the customer fields a branch may ask: {known}")
    return fields


class Condition(BaseModel):
    """What must hold for an arm of a branch to be taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segment: list[Segment] | None = Field(default=None, min_length=1)
    rfm: RfmRange | None = None
    cart_value: ValueRange | None = None
    cart_category: list[str] | None = Field(default=None, min_length=1)
    customer: Annotated[dict[str, list[str]], AfterValidator(_known_fields)] | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Condition:
        if not self.model_fields_set:
            raise ValueError("give at least one of segment, rfm, cart_value, cart_category, customer")
        return self

    def holds(self, facts: Facts) -> bool:
        """Tell whether the facts of a look fulfil the condition."""
        return (
            (self.segment is None or any(s in facts.segments for s in self.segment))
            and (self.rfm is None or self.rfm.holds(facts.rfm))
            and (self.cart_value is None or self.cart_value.holds(facts.cart_value, facts.currency))
            and (self.cart_category is None or any(c in facts.cart_categories for c in self.cart_category))
            and (self.customer is None or all(facts.customer.get(f) in v for f, v in self.customer.items()))
        )
