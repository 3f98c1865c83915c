"""The shop's own pages: a message is kept until a page asks for it. No other provider is needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from channels.base import Accepted, Outcome, Outgoing
from channels.rich import shortened
from journeys.facts import Channel
from journeys.lengths import LONGEST

SHOWN_FOR = timedelta(minutes=30)
"""Whoever has seen nothing of it by then has left, or is busy with something else."""
LONGEST_TITLE = 120


class OnSite:
    """Keeps messages for a shop's pages.

    Args:
        keep: puts a message aside, to be shown for so long. Called again for the same ``send_id`` it changes nothing.

    """

    name = "on_site"
    channel = Channel.ON_SITE
    idempotent = True

    def __init__(self, keep: Callable[[Outgoing, timedelta], Awaitable[None]]) -> None:
        self._keep = keep

    async def send(self, message: Outgoing) -> Outcome:
        """Keep one message. What ``keep`` raises comes through: it is no provider's answer."""
        title = shortened(message.subject or "", LONGEST_TITLE)
        fits = replace(message, subject=title, text=shortened(message.text, LONGEST[self.channel]))
        await self._keep(fits, min(SHOWN_FOR, message.expires_in or SHOWN_FOR))
        return Accepted(message.send_id)
