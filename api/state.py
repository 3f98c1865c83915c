"""What the API's routes work with. It is built above and passed in."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet
from fastapi import Request

from activities.briefing import Briefings
from activities.clock import ShopClock
from activities.trial import Trials
from api.known_keys import KnownKeys
from messages.links import CartLinks
from messages.preferences import PreferenceLinks
from storage.following import Following
from storage.plans import Plans
from storage.together import Together

if TYPE_CHECKING:
    from storage.database import Pool


@dataclass(frozen=True)
class Services:
    """The parts behind the API.

    Attributes:
        temporal_is_up: asks whether Temporal answers; for readiness only, no request depends on it.
        hook_key: decrypts the secrets by which shops sign their webhooks.
        public_url: where the API is reached from outside.
        keys: the keys that tell events, as they were a moment ago.

    """

    pool: Pool
    plans: Plans
    following: Following
    links: CartLinks
    clock: ShopClock
    temporal_is_up: Callable[[], Awaitable[bool]]
    hook_key: Fernet
    public_url: str
    preferences: PreferenceLinks
    trials: Trials
    briefings: Briefings
    keys: KnownKeys = field(default_factory=KnownKeys)

    @functools.cached_property
    def together(self) -> Together:
        """What takes the events of many callers."""
        return Together(self.pool, self.following)


async def services(request: Request) -> Services:
    """Give the parts to a route. It is awaited, for what is not is called in a thread."""
    return services_of(request)


def services_of(request: Request) -> Services:
    """Give the parts behind the API that was asked."""
    parts: Services = request.app.state.services
    return parts
