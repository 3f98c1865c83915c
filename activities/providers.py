"""Finds the provider of a shop's channel: its own account, or the sandbox."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
from cryptography.fernet import Fernet

from channels import accounts
from channels.base import Outgoing, Provider
from channels.on_site import OnSite
from channels.sandbox import Sandbox
from journeys.facts import Channel
from storage import on_site, sent, shops

if TYPE_CHECKING:
    from storage.database import Pool


_KEPT = 1_000
"""Clients are kept, for some keep a token of the provider's; an account that is changed is another client."""


class ShopProviders:
    """Builds providers from the accounts that Postgres keeps.

    Args:
        pool: Postgres.
        http: shared by all providers.
        cipher: decrypts the accounts' settings.

    """

    def __init__(self, pool: Pool, http: httpx.AsyncClient, cipher: Fernet) -> None:
        self._pool = pool
        self._http = http
        self._cipher = cipher
        self._client = functools.lru_cache(_KEPT)(self._connect)

    def sandbox(self, channel: Channel) -> Provider:
        """Give the sandbox of a channel: it keeps what would be sent."""
        return Sandbox(channel, self._keep)

    async def accounts(self, shop: str, channel: Channel) -> list[Provider]:
        """Connect to the shop's own accounts for a channel: the one that is called first, then the other.

        For the shop's own pages there is one, which is Relance itself.
        """
        if channel is Channel.ON_SITE:
            return [OnSite(self._keep_for_pages)]
        kept = await shops.accounts(self._pool, shop, channel)
        return [self._client(channel, settings) for settings in kept]

    def _connect(self, channel: Channel, settings: bytes) -> Provider:
        return accounts.read(channel, self._cipher.decrypt(settings)).connect(self._http)

    async def _keep(self, message: Outgoing) -> None:
        await sent.keep_in_sandbox(self._pool, message.send_id, message.to, message.subject, message.text)

    async def _keep_for_pages(self, message: Outgoing, shown_for: timedelta) -> None:
        await on_site.keep(
            self._pool,
            message.send_id,
            message.subject or "",
            message.text,
            link=message.link,
            button=message.button,
            shown_for=shown_for,
        )
