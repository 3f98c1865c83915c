"""The sandbox: messages are kept for the shop to look at, and reach nobody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from channels.base import Accepted, Outcome, Outgoing
from journeys.facts import Channel


class Sandbox:
    """Stands in for any channel's provider while a shop tries its journeys out.

    Args:
        channel: whose provider it replaces.
        keep: puts a message aside. Called again for the same ``send_id`` it changes nothing.

    """

    name = "sandbox"
    idempotent = True

    def __init__(self, channel: Channel, keep: Callable[[Outgoing], Awaitable[None]]) -> None:
        self.channel = channel
        self._keep = keep

    async def send(self, message: Outgoing) -> Outcome:
        """Put one message aside. What ``keep`` raises comes through: it is no provider's answer."""
        await self._keep(message)
        return Accepted(message.send_id)
