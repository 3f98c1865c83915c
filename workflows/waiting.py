"""What a wait goes by: what had been heard of pauses and moves when it was decided to wait."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple


class Seen(NamedTuple):
    """What had been heard when it was decided to wait: what comes after it changes the wait, or ends it.

    Attributes:
        paused: for how long the journey had been paused, all in all: the moment includes so much.
        migrated_at: when it had been moved last.

    """

    paused: timedelta
    migrated_at: datetime | None
