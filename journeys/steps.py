"""The steps of a plan, as data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from journeys.conditions import Condition
from journeys.durations import Duration
from journeys.facts import Channel
from journeys.offers import OfferPolicy

StepId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: StepId


class Wait(_Step):
    """Wait for a length of time, counted from the end of the step before (after a send: from handing it over)."""

    wait: Duration


class WaitUntilIdle(_Step):
    """Wait until the person has done nothing for a length of time; a page or track event on any device counts."""

    wait_until_idle: Duration


class Arm(BaseModel):
    """One way out of a branch."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    condition: Condition = Field(alias="if")
    then: list[Step] = []


class Branch(_Step):
    """Take the first arm whose condition holds, else ``otherwise``; then go on after the branch."""

    branch: Annotated[list[Arm], Field(min_length=1)]
    otherwise: list[Step] = []


class First(BaseModel):
    """The first channel of the list that reaches the person; the next one when that fails for good."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first: Annotated[list[Channel], Field(min_length=1)]


class All(BaseModel):
    """Every channel of the list that reaches the person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    all: Annotated[list[Channel], Field(min_length=1)]


class UntilDelivered(BaseModel):
    """One channel of the list after the other, of two pushes the better one first, until one is known to have arrived.

    Attributes:
        within: how long a message has to arrive before the next channel is taken.

    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    until_delivered: Annotated[list[Channel], Field(min_length=2)]
    within: Duration = timedelta(hours=1)

    @model_validator(mode="after")
    def _arrivals_are_told(self) -> UntilDelivered:
        if Channel.EMAIL in self.until_delivered[:-1]:
            raise ValueError("nothing tells that an e-mail has arrived: email can only be the last channel")
        return self


class Message(BaseModel):
    """What a send says: the message's name, and what it may offer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message: StepId
    channels: First | All | UntilDelivered
    offer: OfferPolicy | None = None
    deadline: Duration | None = None

    @property
    def named(self) -> list[Channel]:
        """The channels of the step, in its order."""
        match self.channels:
            case First():
                return self.channels.first
            case All():
                return self.channels.all
            case UntilDelivered():
                return self.channels.until_delivered


class Send(_Step):
    """Say something, on one channel or on several, before the deadline (counted from the moment it is due)."""

    send: Message

    def slot(self, channel: Channel) -> str:
        """Name the place in the ledger that a channel's send takes: the step's own, or one of several."""
        return self.id if isinstance(self.send.channels, First) else f"{self.id}/{channel}"


class Exit(_Step):
    """Leave the journey, with a reason."""

    exit: Annotated[str, Field(min_length=1, max_length=200)]


_KINDS = {"wait": Wait, "wait_until_idle": WaitUntilIdle, "branch": Branch, "send": Send, "exit": Exit}


def _kind(value: object) -> str | None:
    fields = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return next((kind for kind in _KINDS if kind in fields), None)


Step = Annotated[
    Annotated[Wait, Tag("wait")]
    | Annotated[WaitUntilIdle, Tag("wait_until_idle")]
    | Annotated[Branch, Tag("branch")]
    | Annotated[Send, Tag("send")]
    | Annotated[Exit, Tag("exit")],
    Discriminator(
        _kind,
        custom_error_type="step_kind",
        custom_error_message="a step has an id and one of: " + ", ".join(_KINDS),
    ),
]

Arm.model_rebuild()
Branch.model_rebuild()


def walk(steps: list[Step]) -> Iterator[Step]:
    """Give every step, those inside branches included, in reading order."""
    for step in steps:
        yield step
        if isinstance(step, Branch):
            for arm in step.branch:
                yield from walk(arm.then)
            yield from walk(step.otherwise)


def successors(steps: list[Step], after: str | None = None) -> dict[str, str | None]:
    """Map each step's id to the id of the step that follows it; None ends the plan."""
    following: dict[str, str | None] = {}
    for index, step in enumerate(steps):
        then = steps[index + 1].id if index + 1 < len(steps) else after
        following[step.id] = then
        if isinstance(step, Branch):
            for arm in step.branch:
                following |= successors(arm.then, then)
            following |= successors(step.otherwise, then)
    return following
