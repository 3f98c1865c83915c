"""What a step says, by which channels, and what it offers."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from journeys.durations import Duration
from journeys.facts import Channel, Moment
from journeys.offers import OfferPolicy

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
"""Of a step, a message, a variant, a label, or a plan."""

Word = Annotated[str, Field(pattern=r"\w", max_length=60)]
"""One or a few, as somebody writes them."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class First(_Data):
    """The first channel of the list that reaches the person; the next one when that fails for good."""

    first: Annotated[list[Channel], Field(min_length=1)]


class All(_Data):
    """Every channel of the list that reaches the person."""

    all: Annotated[list[Channel], Field(min_length=1)]


class UntilDelivered(_Data):
    """One channel of the list after the other, of two pushes the better one first, until one is known to have arrived.

    Attributes:
        within: how long a message has to arrive before the next channel is taken.

    """

    until_delivered: Annotated[list[Channel], Field(min_length=2)]
    within: Duration = timedelta(hours=1)

    @model_validator(mode="after")
    def _arrivals_are_told(self) -> UntilDelivered:
        if Channel.EMAIL in self.until_delivered[:-1]:
            raise ValueError("nothing tells that an e-mail has arrived: email can only be the last channel")
        return self


class Message(_Data):
    """What a send says: the message's name, and what it may offer.

    Attributes:
        before: it goes out before this moment of the order, or not at all; where the moment is not known it counts for
            nothing.
        answers: the step whose question the person has answered: ``journeys/answering.py`` says when that makes it no
            advertisement.

    """

    message: Name
    channels: First | All | UntilDelivered
    offer: OfferPolicy | None = None
    deadline: Duration | None = None
    before: Moment | None = None
    answers: Name | None = None

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


class Expects(StrEnum):
    """What an answer to a question is read as."""

    SCORE = "score"
    """A number from 0 to 10."""
    CHOICE = "choice"
    """One of the options, by its number or its words."""
    YES_NO = "yes_no"
    """Yes or no."""
    TEXT = "text"
    """Whatever it says."""


class Question(_Data):
    """A message that asks something, by the first channel that can bring an answer.

    Attributes:
        options: the names of the choices, in the order of their numbers.
        words: what people may say for an option in place of its number, in whatever language.
        within: how long an answer is waited for.
        again: the message that asks once more, where an answer was not understood.
        answers: as for a message.

    """

    message: Name
    channels: First
    expects: Expects
    options: list[Name] = []
    words: dict[Name, Annotated[list[Word], Field(min_length=1)]] = {}
    within: Duration = timedelta(days=2)
    again: Name | None = None
    deadline: Duration | None = None
    answers: Name | None = None

    @model_validator(mode="after")
    def _can_be_answered(self) -> Question:
        if (self.expects is Expects.CHOICE) != bool(self.options):
            raise ValueError("give options for expects: choice, and for nothing else")
        if strange := [option for option in self.words if option not in self.options]:
            raise ValueError(f"words are given for '{strange[0]}', which is not one of the options")
        if unheard := [channel for channel in self.channels.first if channel not in ANSWERED_BY]:
            raise ValueError(f"nobody can answer by {unheard[0]}; ask by {' or '.join(ANSWERED_BY)}")
        return self


ANSWERED_BY = (Channel.SMS, Channel.WHATSAPP)
"""The channels by which an answer comes back to Relance."""
