"""Questions that are answered, in a test."""

from __future__ import annotations

from journeys import replies
from journeys.facts import Answered
from journeys.saying import Expects, Question

WHY = ("shipping-cost", "account", "undecided")


def read(expects: Expects, text: str, options: tuple[str, ...] = ()) -> Answered | None:
    """Read an answer to a question that gives its options no words."""
    asked = {"message": "m", "channels": {"first": ["sms"]}, "expects": expects, "options": options}
    return replies.read(Question.model_validate(asked), text)
