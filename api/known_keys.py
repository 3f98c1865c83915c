"""Keys that were good a moment ago: a request with one of them asks Postgres for nothing but its events."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from storage import shops
from storage.shops import Key

if TYPE_CHECKING:
    from storage.database import Pool

KEPT_FOR = 5.0
"""Seconds after which a revoked key is refused everywhere."""
_MOST = 10_000


class KnownKeys:
    """The keys that this process saw lately. What is no key is not kept: nobody fills the memory by guessing.

    Args:
        now: a clock in seconds.

    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._known: dict[str, tuple[Key, float]] = {}

    async def find(self, pool: Pool, secret: str) -> Key | None:
        """Give the key that has this secret, or None where it is unknown or was revoked."""
        asked_at = self._now()
        known = self._known.get(secret)
        if known is not None and asked_at < known[1] + KEPT_FOR:
            return known[0]
        key = await shops.find_key(pool, secret)
        if key is None:
            self._known.pop(secret, None)
            return None
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[secret] = (key, asked_at)
        return key
