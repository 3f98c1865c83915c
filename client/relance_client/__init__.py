"""Tells Relance what happens in a shop, and steers its customer journeys: for the shop's backend.

``Relance`` waits for each answer, ``AsyncRelance`` is awaited; both have the same methods. ``events`` makes events
without sending them, for ``batch``.
"""

from relance_client import events
from relance_client.clients import AsyncRelance, Relance
from relance_client.errors import FieldProblem, Rejected, RelanceError, Unreachable
from relance_client.events import Consent, Event
from relance_client.exchange import Retries
from relance_client.results import Journey, JourneyStory, Result, StoryLine, StoryMessage
from relance_client.version import __version__

__all__ = [
    "AsyncRelance",
    "Consent",
    "Event",
    "FieldProblem",
    "Journey",
    "JourneyStory",
    "Rejected",
    "Relance",
    "RelanceError",
    "Result",
    "Retries",
    "StoryLine",
    "StoryMessage",
    "Unreachable",
    "__version__",
    "events",
]
