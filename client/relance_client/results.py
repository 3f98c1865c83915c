"""What Relance answers. Fields that a newer server adds are passed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self, TypeAlias

Document: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """What became of one event: ``new`` and ``duplicate`` are both fine, ``rejected`` says what to change.

    Attributes:
        message_id: the event's.
        status: new, duplicate or rejected.
        field: the path of the field that is wrong, of a rejected one.
        problem: what is wrong with it, in one sentence.

    """

    message_id: str | None
    status: Literal["new", "duplicate", "rejected"]
    field: str | None = None
    problem: str | None = None

    @property
    def taken(self) -> bool:
        """Whether Relance has the event now: it is committed, and every later decision sees it."""
        return self.status != "rejected"

    @classmethod
    def read(cls, document: Document) -> Self:
        """Read one entry of an answer's ``results``."""
        return cls(document["message_id"], document["status"], document.get("field"), document.get("problem"))


@dataclass(frozen=True)
class Journey:
    """One journey.

    Attributes:
        id: such as ``cart-recovery:demo:c-1:1``.
        plan: the plan that it follows.
        plan_version: which version of it.
        shop: whose it is.
        customer: whom it is for.
        key: what it is about: the cart's id.
        status: where it stands.
        stage: the step that it is at.
        outcome: how it ended; None while it has not.
        reason: why it ended.
        started_at: when it began.
        ended_at: when it ended.
        next_at: when it goes on, while it runs.

    """

    id: str
    plan: str
    plan_version: int
    shop: str
    customer: str
    key: str
    status: Literal["running", "paused", "ended"]
    stage: str | None
    outcome: Literal["converted", "finished", "exited", "cancelled", "failed"] | None
    reason: str | None
    started_at: datetime
    ended_at: datetime | None
    next_at: datetime | None

    @classmethod
    def read(cls, document: Document) -> Journey:
        """Read a journey; a story that comes along is passed over."""
        return Journey(**_journey(document))


@dataclass(frozen=True)
class StoryMessage:
    """A message of a shop in sandbox mode, as it would have been sent."""

    to: str
    subject: str | None
    body: str


@dataclass(frozen=True)
class StoryLine:
    """One line of a story: ``what`` happened ``at`` that time, and ``why``; ``kind`` tells where it comes from."""

    at: datetime
    kind: str
    what: str
    why: str | None
    message: StoryMessage | None

    @classmethod
    def read(cls, document: Document) -> Self:
        """Read one line."""
        said = document.get("message")
        message = StoryMessage(said["to"], said["subject"], said["body"]) if said else None
        return cls(
            datetime.fromisoformat(document["at"]), document["kind"], document["what"], document.get("why"), message
        )


@dataclass(frozen=True)
class JourneyStory(Journey):
    """A journey with all that happened in it, in order; what comes next stands last."""

    story: tuple[StoryLine, ...]

    @classmethod
    def read(cls, document: Document) -> JourneyStory:
        """Read a journey with its story."""
        return JourneyStory(**_journey(document), story=tuple(StoryLine.read(line) for line in document["story"]))


@dataclass(frozen=True)
class Page:
    """A page of journeys; ``next_cursor`` asks for the next one, None ends the list."""

    items: tuple[Journey, ...]
    next_cursor: str | None

    @classmethod
    def read(cls, document: Document) -> Self:
        """Read one page."""
        return cls(tuple(Journey.read(item) for item in document["items"]), document["next_cursor"])


_AS_THEY_COME = ("id", "plan", "plan_version", "shop", "customer", "key", "status", "stage", "outcome", "reason")
_MOMENTS = ("started_at", "ended_at", "next_at")


def _journey(document: Document) -> dict[str, Any]:
    moments = {name: document[name] and datetime.fromisoformat(document[name]) for name in _MOMENTS}
    return {name: document[name] for name in _AS_THEY_COME} | moments
