"""The time as the activities see it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class ShopClock(Protocol):
    """Tells the shop's time and holds decisions until their moment has come."""

    def now(self) -> datetime:
        """Tell the shop's time."""
        ...

    def decided(self, due: datetime) -> datetime:
        """Tell when a decision that was due counts as made."""
        ...

    async def reached(self, due: datetime) -> bool:
        """Wait a little until all that happened up to the moment has been taken in; tell whether it has."""
        ...


class WorldClock:
    """The world's own clock. Nothing has to be waited for: timers do not fire early."""

    def now(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC)

    def decided(self, due: datetime) -> datetime:
        """Tell when a decision that was due counts as made: now, and never before it was due."""
        return max(due, self.now())

    async def reached(self, due: datetime) -> bool:  # noqa: ARG002 the protocol's
        """Say yes: what has happened was taken in when it was acknowledged."""
        return True
