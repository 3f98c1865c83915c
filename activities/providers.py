"""Finds the provider of a shop's channel: its own account, or the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from cryptography.fernet import Fernet

from channels import accounts
from channels.base import Outgoing, Provider
from channels.sandbox import Sandbox
from journeys.facts import Channel
from storage import sent, shops

if TYPE_CHECKING:
    from storage.database import Pool


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

    def sandbox(self, channel: Channel) -> Provider:
        """Give the sandbox of a channel: it keeps what would be sent."""
        return Sandbox(channel, self._keep)

    async def account(self, shop: str, channel: Channel) -> Provider | None:
        """Connect to the shop's own account for a channel; None where it has none."""
        settings = await shops.account(self._pool, shop, channel)
        if settings is None:
            return None
        return accounts.connect(accounts.read(self._cipher.decrypt(settings)), self._http)

    async def _keep(self, message: Outgoing) -> None:
        await sent.keep_in_sandbox(self._pool, message.send_id, message.to, message.subject, message.text)
