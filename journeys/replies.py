"""What an answer to a question says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from journeys.facts import Answered
from journeys.saying import Expects

REPLIED = "Message Replied"
"""The event that tells of an answer; its property ``journey`` names the journey that asked."""
HIGHEST = 10
_NUMBER = re.compile(r"\D*(\d{1,2})\D*")


def read(expects: Expects, text: str, options: Sequence[str] = ()) -> Answered | None:
    """Read an answer as what was asked for; None where it cannot be."""
    said = text.strip()
    match = _NUMBER.fullmatch(said)
    number = int(match[1]) if match else None
    match expects:
        case Expects.SCORE if number is not None and number <= HIGHEST:
            return Answered(score=number)
        case Expects.CHOICE if number is not None and 1 <= number <= len(options):
            return Answered(choice=options[number - 1])
        case Expects.TEXT if said:
            return Answered()
    return None
