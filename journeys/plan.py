"""A plan: the definition of a journey. Data, not code; a published version never changes."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from journeys.conditions import Condition
from journeys.durations import Duration
from journeys.facts import Channel, Purpose
from journeys.steps import Send, Step, successors, walk

PlanName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class Entry(BaseModel):
    """What starts a journey.

    Attributes:
        events: names of events, as the shop sends them.
        within: an event that is older than this when it comes in starts nothing.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    events: Annotated[list[str], Field(min_length=1)]
    within: Duration


class Plan(BaseModel):
    """The header and the steps of a plan.

    Attributes:
        sticking_point: where people get stuck, in the words of the worksheet.
        key: what a journey is about. A cart's journeys are counted by how often it was filled.
        goal: the event that means success for this key.
        exits_on: what ends a journey without success. ``ordered_elsewhere``: the person ordered another cart.
        one_per_person: ``newest``: a newer cart of the person supersedes this one.
        audience: who may enter; everybody where it is missing.
        re_entry: how long after a journey ended the same key may start another; ``never`` by default.
        at_most: how many sends of a channel one key may get, over all its journeys.
        priority: 1 (first) to 5: which journey of a person goes first, and Temporal's priority of its sends.
        holdout: the share, in percent, of customers who are sent nothing.
        rollout: the share, in percent, of customers whom the plan has come to.
        attribution: an order within this time after a journey ended without one still makes it converted.
        longest_life: a journey that is still running then is finished.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: PlanName
    sticking_point: Annotated[str, Field(min_length=1, max_length=200)]
    entry: Entry
    key: Literal["cart"]
    goal: Literal["Order Completed"]
    exits_on: list[Literal["ordered_elsewhere", "cart_emptied"]] = []
    one_per_person: Literal["newest"] | None = None
    audience: Condition | None = None
    re_entry: Literal["never"] | Duration = "never"
    purpose: Purpose
    priority: Annotated[int, Field(ge=1, le=5)] = 3
    holdout: Annotated[int, Field(ge=0, le=100)] = 0
    rollout: Annotated[int, Field(ge=0, le=100)] = 100
    attribution: Duration
    longest_life: Duration
    at_most: dict[Channel, Annotated[int, Field(ge=0)]] = {}
    steps: Annotated[list[Step], Field(min_length=1)]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Plan:
        seen: set[str] = set()
        for step in walk(self.steps):
            if step.id in seen:
                raise ValueError(f"two steps have the id '{step.id}'")
            seen.add(step.id)
        return self

    @cached_property
    def by_id(self) -> dict[str, Step]:
        """Each step by its id."""
        return {step.id: step for step in walk(self.steps)}

    @cached_property
    def following(self) -> dict[str, str | None]:
        """The id of the step that follows each step; None ends the plan."""
        return successors(self.steps)

    @property
    def send_priority(self) -> int:
        """Temporal's priority of its sends: what people asked for goes before all that advertises."""
        return 1 if self.purpose is Purpose.TRANSACTIONAL else max(self.priority, 2)

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """The channels that it sends by, in the order of all channels."""
        named = {channel for step in self.sends for channel in step.send.named}
        return tuple(channel for channel in Channel if channel in named)

    @property
    def sends(self) -> list[Send]:
        """The send steps, in reading order."""
        return [step for step in walk(self.steps) if isinstance(step, Send)]
