"""The steps of a plan, as data."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, PlainSerializer, Tag, model_validator

from journeys.conditions import Condition
from journeys.durations import Duration
from journeys.facts import Channel, Moment
from journeys.saying import First, Message, Name, Question

StepId = Name


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Step(_Data):
    id: StepId


# Waiting


class Wait(_Step):
    """Wait for a length of time, counted from the end of the step before (after a send: from handing it over)."""

    wait: Duration


class WaitUntilIdle(_Step):
    """Wait until the person has done nothing for a length of time; a page or track event on any device counts."""

    wait_until_idle: Duration


class Weekday(StrEnum):
    """A day of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


def _time_of_day(value: object) -> object:
    """Read ``18:30``. YAML takes 18:30 without quotes for a number of seconds, which must not pass for another time."""
    if isinstance(value, dt.time):
        return value
    if not isinstance(value, str) or not _TIME_OF_DAY.fullmatch(value):
        raise ValueError('write hours and minutes in quotes: "18:30"')
    return dt.time.fromisoformat(value)


_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d")

TimeOfDay = Annotated[dt.time, BeforeValidator(_time_of_day), PlainSerializer(lambda told: f"{told:%H:%M}")]


class LocalTime(_Data):
    """The next time that the clock shows this where the person lives, on one of these days of the week."""

    time: TimeOfDay
    on: Annotated[list[Weekday], Field(min_length=1)] = list(Weekday)


class KnownMoment(_Data):
    """A moment that the shop told, ``before`` or ``after`` it by a length of time."""

    moment: Moment
    before: Duration | None = None
    after: Duration | None = None


class Until(_Step):
    """Wait until a time of day, or a moment that is known; one that is not known, or past, is not waited for."""

    wait_until: LocalTime | KnownMoment


EventName = Annotated[str, Field(min_length=1, max_length=200)]


class Expected(_Data):
    """An event, or any of several, and how long it is waited for. One that happened since the journey began counts."""

    event: EventName | Annotated[list[EventName], Field(min_length=1)]
    within: Duration

    @property
    def names(self) -> list[str]:
        """The names of the events."""
        return [self.event] if isinstance(self.event, str) else self.event

    def __str__(self) -> str:
        """Say what is waited for."""
        return " or ".join(self.names)


class WaitFor(_Step):
    """Wait for something to happen; if it does not in time, do ``otherwise`` and go on."""

    wait_for: Expected
    otherwise: list[Step] = []


# Choosing


class Arm(BaseModel):
    """One way out of a branch."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    condition: Condition = Field(alias="if")
    then: list[Step] = []


class Branch(_Step):
    """Take the first arm whose condition holds, else ``otherwise``; then go on after the branch."""

    branch: Annotated[list[Arm], Field(min_length=1)]
    otherwise: list[Step] = []


class Variant(_Data):
    """One of several ways to do the same, and the share of customers, in percent, who go it."""

    variant: Name
    share: Annotated[int, Field(ge=0, le=100)]
    then: list[Step] = []


class Split(_Step):
    """Try ways against each other: a customer always goes the same one. Then go on after the split."""

    split: Annotated[list[Variant], Field(min_length=2)]

    @model_validator(mode="after")
    def _shares_are_a_whole(self) -> Split:
        if (total := sum(variant.share for variant in self.split)) != 100:  # noqa: PLR2004 percent
            raise ValueError(f"the shares add up to {total}; they must add up to 100")
        if len({variant.variant for variant in self.split}) < len(self.split):
            raise ValueError("two variants have one name")
        return self

    def variant_of(self, bucket: int) -> Variant:
        """Give the variant of a customer, by their number from 0 to 9999."""
        reached = 0
        for variant in self.split:
            reached += variant.share * 100
            if bucket < reached:
                return variant
        return self.split[-1]


# Saying


class Send(_Step):
    """Say something, on one channel or on several, before the deadline (counted from the moment it is due)."""

    send: Message

    def slot(self, channel: Channel) -> str:
        """Name the place in the ledger that a channel's send takes: the step's own, or one of several."""
        return self.id if isinstance(self.send.channels, First) else f"{self.id}/{channel}"


AGAIN = "again"
"""How the send is named, after the step, by which a question is asked once more."""


class Ask(_Step):
    """Ask something by a message and wait for the answer; then go on, whatever it was."""

    ask: Question

    def asking(self, *, again: bool = False) -> Send:
        """Give the send by which it is asked, or asked once more."""
        asked = self.ask
        message = asked.again or asked.message if again else asked.message
        answers = self.id if again else asked.answers
        return Send(
            id=f"{self.id}-{AGAIN}" if again else self.id,
            send=Message(message=message, channels=asked.channels, deadline=asked.deadline, answers=answers),
        )


# Doing


class ForPerson(_Data):
    """What a person is to do.

    Attributes:
        title: in a few words; it names nobody.
        within: until when.
        escalate_after: when others are told, where nobody has done it by then.
        draft: the message that they begin with: what they write goes out, this never does.

    """

    title: Annotated[str, Field(min_length=1, max_length=200)]
    within: Duration
    escalate_after: Duration | None = None
    draft: Name | None = None


class Task(_Step):
    """Have a person do something, and wait until it is done; if it is not in time, do ``otherwise`` and go on."""

    task: ForPerson
    otherwise: list[Step] = []


class Start(_Step):
    """Start another plan for the same person, cart or order, unless that plan refuses it; then go on."""

    start: Name


class Set(_Step):
    """Put a label on the customer, which conditions can ask for; then go on."""

    set: Annotated[dict[Name, Annotated[str, Field(max_length=64)]], Field(min_length=1)]


class Exit(_Step):
    """Leave the journey, with a reason."""

    exit: Annotated[str, Field(min_length=1, max_length=200)]


_KINDS = {
    "wait": Wait,
    "wait_until_idle": WaitUntilIdle,
    "wait_until": Until,
    "wait_for": WaitFor,
    "branch": Branch,
    "split": Split,
    "send": Send,
    "ask": Ask,
    "task": Task,
    "start": Start,
    "set": Set,
    "exit": Exit,
}


def _kind(value: object) -> str | None:
    fields = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return next((kind for kind in _KINDS if kind in fields), None)


Step = Annotated[
    Annotated[Wait, Tag("wait")]
    | Annotated[WaitUntilIdle, Tag("wait_until_idle")]
    | Annotated[Until, Tag("wait_until")]
    | Annotated[WaitFor, Tag("wait_for")]
    | Annotated[Branch, Tag("branch")]
    | Annotated[Split, Tag("split")]
    | Annotated[Send, Tag("send")]
    | Annotated[Ask, Tag("ask")]
    | Annotated[Task, Tag("task")]
    | Annotated[Start, Tag("start")]
    | Annotated[Set, Tag("set")]
    | Annotated[Exit, Tag("exit")],
    Discriminator(
        _kind,
        custom_error_type="step_kind",
        custom_error_message="a step has an id and one of: " + ", ".join(_KINDS),
    ),
]

for _model in (WaitFor, Arm, Branch, Variant, Split, Task):
    _model.model_rebuild()


def ways(step: Step) -> list[list[Step]]:
    """Give the lists of steps that lie inside a step, in reading order."""
    match step:
        case Branch():
            return [*(arm.then for arm in step.branch), step.otherwise]
        case Split():
            return [variant.then for variant in step.split]
        case WaitFor() | Task():
            return [step.otherwise]
    return []


def depth(steps: list[Step]) -> int:
    """Tell how many steps stand in one another at most."""
    return 1 + max((depth(way) for step in steps for way in ways(step)), default=0) if steps else 0


def walk(steps: list[Step]) -> Iterator[Step]:
    """Give every step, those inside others included, in reading order."""
    for step in steps:
        yield step
        for inner in ways(step):
            yield from walk(inner)


def successors(steps: list[Step], after: str | None = None) -> dict[str, str | None]:
    """Map each step's id to the id of the step that follows it; None ends the plan."""
    following: dict[str, str | None] = {}
    for index, step in enumerate(steps):
        then = steps[index + 1].id if index + 1 < len(steps) else after
        following[step.id] = then
        for inner in ways(step):
            following |= successors(inner, then)
    return following
