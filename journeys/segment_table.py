"""The table of segments: what ``segments.yaml`` says, read strictly, once."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from journeys import yamlfile
from journeys.durations import Duration

FILE = "segments.yaml"
Name = Literal["prospect", "customer", "serial_abandoner", "buyer", "browser", "comparing", "loyal", "lapsing"]
Count = Literal["orders", "abandoned_carts", "purchases_begun", "products_viewed", "similar_products_viewed"]
NAMES: tuple[Name, ...] = get_args(Name)
_LIVE: dict[Name, Count] = {"prospect": "orders", "customer": "orders", "serial_abandoner": "abandoned_carts"}
_Number = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Part):
    """One line of a segment: what is counted, over how long, and how many it must be."""

    count: Count
    within: Duration | None = None
    at_least: _Number | None = None
    at_most: _Number | None = None

    @model_validator(mode="after")
    def _can_be_counted(self) -> Rule:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most, or both")
        if self.within is None and self.count != "orders":
            raise ValueError(f"within is missing: only orders are counted of all time, {self.count} are not")
        return self

    def holds(self, found: int) -> bool:
        """Tell whether so many fulfil it."""
        return (self.at_least is None or found >= self.at_least) and (self.at_most is None or found <= self.at_most)


class Table(_Part):
    """The whole file."""

    segments: dict[Name, Annotated[tuple[Rule, ...], Field(min_length=1)]]

    @model_validator(mode="after")
    def _complete(self) -> Table:
        if missing := [name for name in NAMES if name not in self.segments]:
            raise ValueError(f"the segment {missing[0]} is missing")
        for name, count in _LIVE.items():
            if [rule.count for rule in self.segments[name]] != [count]:
                raise ValueError(f"{name} is counted by {count} alone: running plans were written with it")
        buyers = [rule for name in ("prospect", "customer") for rule in self.segments[name]]
        if [(rule.at_least, rule.at_most, rule.within) for rule in buyers] != [(None, 0, None), (1, None, None)]:
            raise ValueError("prospects have no order and customers have one at least: everybody is one of the two")
        return self

    @property
    def serial(self) -> tuple[int, timedelta]:
        """From how many abandoned carts on, within how long, somebody is a serial abandoner."""
        [rule] = self.segments["serial_abandoner"]
        return rule.at_least or 0, rule.within or timedelta(0)

    def longest(self, *counts: Count) -> timedelta:
        """Tell how far back some counts reach."""
        rules = [rule for rules in self.segments.values() for rule in rules if rule.count in counts]
        return max((rule.within or timedelta(0) for rule in rules), default=timedelta(0))


@cache
def table() -> Table:
    """Give the table that comes along."""
    return yamlfile.parse(Table, resources.files("journeys").joinpath(FILE).read_text("utf-8"), f"journeys/{FILE}")
