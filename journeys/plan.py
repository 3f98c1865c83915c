"""A plan: the definition of a journey. Data, not code; a published version never changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from journeys.conditions import Condition, EventCount
from journeys.durations import Duration
from journeys.entry import ByEvents, ByMoments, Entry
from journeys.facts import Channel, Purpose
from journeys.replies import REPLIED
from journeys.saying import Name
from journeys.steps import (
    Ask,
    Branch,
    EventName,
    KnownMoment,
    Send,
    Split,
    Start,
    Step,
    Task,
    Until,
    WaitFor,
    successors,
    walk,
)

PlanName = Name


class Key(StrEnum):
    """What a journey is about."""

    CART = "cart"
    ORDER = "order"
    CUSTOMER = "customer"

    def leads_to(self, other: Key) -> bool:
        """Tell whether a journey about this can start one about another: of the same thing, or of the person."""
        return other in {self, Key.CUSTOMER}


ORDERED = "Order Completed"
"""The goal of every journey about a cart."""
_OF_CARTS = frozenset({"ordered_elsewhere", "cart_emptied"})
_OF_THINGS = frozenset({"cart_value", "cart_category", "order_value"})
_OF_ENTRY = "newly_consented"


USUAL_HOLDOUT = 10
"""In percent: what advertises has somebody to be compared with, unless its plan says otherwise."""


class Plan(BaseModel):
    """The header and the steps of a plan, as people write it and as its versions are kept.

    A version that was published once must be read for ever: what can be read and should not be published is told by
    ``journeys/plan_check.py``, not here.

    Attributes:
        sticking_point: where people get stuck, in the words of the worksheet.
        entry: what starts a journey: events, or moments at which everybody in the audience enters.
        key: what a journey is about: the cart, the order or the person that the event which starts it names.
        goal: the event that means success for this key; None where there is none.
        exits_on: what ends a journey without success: events by their names; for a cart ``ordered_elsewhere``: the
            person ordered another one, and ``cart_emptied``.
        one_per_person: ``newest``: a newer cart of the person supersedes this one.
        audience: who may enter; everybody where it is missing, which may be where events let people in only.
        re_entry: how long after a journey ended the same key may start another; ``never`` by default.
        at_most: how many sends of a channel one key may get, over all its journeys.
        priority: 1 (first) to 5: which journey of a person goes first, and Temporal's priority of its sends.
        holdout: the share, in percent, of customers who are sent nothing; ``USUAL_HOLDOUT`` of what advertises, where
            nothing is said.
        rollout: the share, in percent, of customers whom the plan has come to.
        attribution: an order within this time after a journey ended without one still makes it converted.
        longest_life: a journey that is still running then is finished.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: PlanName
    sticking_point: Annotated[str, Field(min_length=1, max_length=200)]
    entry: Entry
    key: Key
    goal: EventName | None = None
    exits_on: list[EventName] = []
    one_per_person: Literal["newest"] | None = None
    audience: Condition | None = None
    re_entry: Literal["never"] | Duration = "never"
    purpose: Purpose
    priority: Annotated[int, Field(ge=1, le=5)] = 3
    holdout: Annotated[int, Field(ge=0, le=100)] = 0
    rollout: Annotated[int, Field(ge=0, le=100)] = 100
    attribution: Duration = timedelta(0)
    longest_life: Duration
    at_most: dict[Channel, Annotated[int, Field(ge=0)]] = {}
    steps: Annotated[list[Step], Field(min_length=1)]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Plan:
        """Copy it. What it has worked out of its fields is worked out anew, for they may be others."""
        copy = super().model_copy(update=update, deep=deep)
        for name in [name for name in copy.__dict__ if name not in type(self).model_fields]:
            del copy.__dict__[name]
        return copy

    @model_validator(mode="before")
    @classmethod
    def _what_advertises_holds_out(cls, said: Any) -> Any:
        is_silent = isinstance(said, dict) and "holdout" not in said and said.get("purpose") == Purpose.MARKETING
        return {**said, "holdout": USUAL_HOLDOUT} if is_silent else said

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Plan:
        seen: set[str] = set()
        for step in walk(self.steps):
            if step.id in seen:
                raise ValueError(f"two steps have the id '{step.id}'")
            seen.add(step.id)
        return self

    @field_validator("goal")
    @classmethod
    def _a_carts_goal_is_its_order(cls, goal: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("key") is Key.CART and goal != ORDERED:
            raise ValueError(f"write '{ORDERED}', the goal of every journey about a cart")
        return goal

    @field_validator("exits_on")
    @classmethod
    def _exits_fit_the_key(cls, exits: list[str], info: ValidationInfo) -> list[str]:
        key = info.data.get("key")
        for name in exits:
            if key is Key.CART and name not in _OF_CARTS:
                raise ValueError(f"'{name}' ends no journey about a cart; write {' or '.join(sorted(_OF_CARTS))}")
            if key in {Key.ORDER, Key.CUSTOMER} and name in _OF_CARTS:
                raise ValueError(f"'{name}' ends journeys about carts alone; write the names of events")
        return exits

    @field_validator("one_per_person")
    @classmethod
    def _a_newer_cart_supersedes(cls, wanted: str | None, info: ValidationInfo) -> str | None:
        if wanted is not None and info.data.get("key") in {Key.ORDER, Key.CUSTOMER}:
            raise ValueError("is for journeys about carts; of a person one journey of a plan runs at a time anyway")
        return wanted

    @model_validator(mode="after")
    def _a_carts_journey_has_a_goal(self) -> Plan:
        if self.key is Key.CART and self.goal is None:
            raise ValueError("goal: is missing")
        if self.key is Key.CART and not self.attribution:
            raise ValueError("attribution: is missing")
        return self

    @model_validator(mode="after")
    def _audience_asks_what_is_known(self) -> Plan:
        if self.audience is None:
            return self
        if any(count.within is None for count in self.audience.counted):
            raise ValueError("audience: the journey has not begun: say within which time the event is counted")
        if of_steps := sorted(self.audience.asks_for & _WHAT.keys()):
            raise ValueError(f"audience: {of_steps[0]} asks for a step, and no step was done yet")
        return self

    @model_validator(mode="after")
    def _a_schedule_lets_people_in(self) -> Plan:
        if not isinstance(self.entry, ByMoments):
            return self
        if self.key is not Key.CUSTOMER:
            raise ValueError(
                f"entry: by a schedule people enter, and this plan's key is '{self.key}': write key: customer"
            )
        if self.audience is None:
            raise ValueError(
                "audience: is missing: say who enters; everybody who agreed is consented: [email, sms, push]"
            )
        if of_things := sorted(self.audience.asks_for & _OF_THINGS):
            raise ValueError(f"audience: {of_things[0]} asks for a cart or an order, and by a schedule people enter")
        if _OF_ENTRY in self.audience.asks_for:
            raise ValueError(f"audience: {_OF_ENTRY} asks what an event changes, and a schedule is none")
        return self

    @model_validator(mode="after")
    def _steps_fit_the_plan(self) -> Plan:
        for step in walk(self.steps):
            for problem in _misfits(self, step):
                raise ValueError(f"step {step.id}: {problem}")
        asked = [condition for condition in (*self.conditions, self.audience) if condition is not None]
        if self.key is not Key.ORDER and any("known" in condition.asks_for for condition in asked):
            raise ValueError(f"known: moments are known of an order; this plan's key is '{self.key}'")
        return self

    @cached_property
    def by_id(self) -> dict[str, Step]:
        """Each step by its id."""
        return {step.id: step for step in walk(self.steps)}

    @cached_property
    def following(self) -> dict[str, str | None]:
        """The id of the step that follows each step; None ends the plan."""
        return successors(self.steps)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the events of which its journeys are told, beside what carts and orders tell theirs."""
        starts = self.entry.events if isinstance(self.entry, ByEvents) and self.key is not Key.CART else []
        replied = [REPLIED] if any(isinstance(step, Ask) for step in walk(self.steps)) else []
        return frozenset({*starts, *replied}) | self.heeds

    @property
    def send_priority(self) -> int:
        """Temporal's priority of its sends: what people asked for goes before all that advertises."""
        return 1 if self.purpose is Purpose.TRANSACTIONAL else max(self.priority, 2)

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """The channels that it sends by, in the order of all channels."""
        named = {channel for step in self.sends for channel in step.send.named}
        return tuple(channel for channel in Channel if channel in named)

    @cached_property
    def sends(self) -> list[Send]:
        """What it sends, in reading order; a question is a send, and another one where it asks again."""
        return [send for step in walk(self.steps) for send in _sends(step)]

    @cached_property
    def send_by_id(self) -> dict[str, Send]:
        """Each send by its id."""
        return {send.id: send for send in self.sends}

    @cached_property
    def conditions(self) -> list[Condition]:
        """The conditions of its branches, in reading order."""
        return [arm.condition for step in walk(self.steps) if isinstance(step, Branch) for arm in step.branch]

    @cached_property
    def counted(self) -> dict[str, EventCount]:
        """The events that its steps ask for, by what the facts call them."""
        asked = [count for condition in self.conditions for count in condition.counted]
        asked += [count for step in self.waits_for for count in awaited(step)]
        return {count.key: count for count in asked}

    @cached_property
    def asks_for(self) -> frozenset[str]:
        """The names of the fields that its branches ask for."""
        return frozenset().union(*(condition.asks_for for condition in self.conditions))

    @cached_property
    def waits_for(self) -> list[WaitFor]:
        """The steps that wait for an event."""
        return [step for step in walk(self.steps) if isinstance(step, WaitFor)]

    @cached_property
    def heeds(self) -> frozenset[str]:
        """The names of the events of which a journey that runs must hear; a cart's hears of its order anyway."""
        ends = [] if self.key is Key.CART else [*self.exits_on, *filter(None, [self.goal])]
        return frozenset({*ends, *(count.name for step in self.waits_for for count in awaited(step))})


def awaited(step: WaitFor) -> list[EventCount]:
    """Give the counts of which any tells that what a step waits for has happened."""
    return [EventCount(name=name) for name in step.wait_for.names]


def _sends(step: Step) -> list[Send]:
    match step:
        case Send():
            return [step]
        case Ask() if step.ask.again:
            return [step.asking(), step.asking(again=True)]
        case Ask():
            return [step.asking()]
    return []


def _misfits(plan: Plan, step: Step) -> Iterator[str]:
    """Tell what a step asks for that a journey of this kind does not have."""
    if isinstance(step, Until) and isinstance(step.wait_until, KnownMoment) and plan.key is not Key.ORDER:
        yield f"{step.wait_until.moment} is known of an order; this plan's key is '{plan.key}'"
    if isinstance(step, Send) and step.send.before and plan.key is not Key.ORDER:
        yield f"before: {step.send.before} is known of an order; this plan's key is '{plan.key}'"
    if isinstance(step, Ask) and step.asking(again=True).id in plan.by_id:
        yield f"a step has the id '{step.asking(again=True).id}', by which it is asked once more"
    if (answered := answers_to(step)) and not isinstance(plan.by_id.get(answered), Ask):
        yield f"answers: no step '{answered}' {_WHAT['reply']}"
    if isinstance(step, Send) and step.send.offer and plan.key is not Key.CART:
        yield f"an offer is bound to a cart; this plan's key is '{plan.key}'"
    if isinstance(step, Start) and step.start == plan.name:
        yield "a plan cannot start itself; re_entry says when the same key may enter again"
    if isinstance(step, Branch):
        for arm in step.branch:
            yield from _unknown(plan, arm.condition)
            if _OF_ENTRY in arm.condition.asks_for:
                yield f"{_OF_ENTRY} asks what changed when the person entered: ask it in audience"


def answers_to(step: Step) -> str | None:
    """Name the step whose question a step's message answers, where it says so."""
    match step:
        case Send():
            return step.send.answers
        case Ask():
            return step.ask.answers
    return None


def _unknown(plan: Plan, condition: Condition) -> Iterator[str]:
    """Tell which steps a condition names that the plan does not have, or that are of another kind."""
    named: tuple[tuple[str, Iterable[str], tuple[type, ...]], ...] = (
        ("variant", condition.variant or (), (Split,)),
        ("reply", condition.reply or (), (Ask,)),
        ("task", condition.task or (), (Task,)),
        ("sent", condition.sent or (), (Send, Ask)),
    )
    for field, steps, kinds in named:
        for name in steps:
            if not isinstance(plan.by_id.get(name), kinds):
                yield f"{field}: no step '{name}' {_WHAT[field]}"
    for inner in condition.inner:
        yield from _unknown(plan, inner)


_WHAT = {"variant": "splits", "reply": "asks something", "task": "opens a task", "sent": "sends something"}
