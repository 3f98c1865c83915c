"""The one clock. It runs at the speed of the world, or faster in a rehearsal."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict


class Clock(BaseModel):
    """How the shop's time follows from the server's.

    Attributes:
        server: a moment of the server's time ...
        shop: ... and the shop's time at that moment.
        speed: shop seconds that pass in a server second.
        lead: how much of the server's time a timer fires early, so that in a rehearsal the engine's own delay
            does not hold the recording up. A decision still waits for the moment it is due.

    """

    model_config = ConfigDict(frozen=True)

    server: datetime
    shop: datetime
    speed: float = 1.0
    lead: timedelta = timedelta(0)

    @property
    def rehearses(self) -> bool:
        """Whether this is a rehearsal's clock, by which a decision counts as made at the moment it was due."""
        return self.speed != 1.0

    def at(self, server_now: datetime) -> datetime:
        """Tell the shop's time at a moment of the server's."""
        return self.shop + (server_now - self.server) * self.speed

    def until(self, shop_moment: datetime, server_now: datetime) -> timedelta:
        """Tell how long the server has to wait until the shop's clock shows the moment; never negative."""
        return max((shop_moment - self.at(server_now)) / self.speed - self.lead, timedelta(0))

    def decided(self, due: datetime, server_now: datetime) -> datetime:
        """Tell when a decision that was due counts as made."""
        return due if self.rehearses else max(due, self.at(server_now))

    def set(self, server_now: datetime, shop_now: datetime) -> Clock:
        """Set a rehearsal's clock to what the recording says; the world's own clock needs no setting."""
        return self.model_copy(update={"server": server_now, "shop": shop_now}) if self.rehearses else self
