"""The API, called without a network between."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from api import app
from storage import shops
from tests.integration.calls import Keys
from tests.integration.hook_calls import Hooks
from tests.integration.importing import Program
from tests.support import TestShop, without_temporal


@pytest_asyncio.fixture
async def api(shop: TestShop) -> AsyncIterator[httpx.AsyncClient]:
    """The API without Temporal, as the shop's backend and an operator see it."""
    transport = httpx.ASGITransport(app.build(without_temporal(shop.parts)), raise_app_exceptions=False)
    write = await shops.create_key(shop.parts.pool, shop.shop, "write", "test")
    read = await shops.create_key(shop.parts.pool, shop.shop, "api", "test")
    async with httpx.AsyncClient(transport=transport, base_url="http://relance") as client:
        client.auth = Keys(write, read)
        yield client


@pytest_asyncio.fixture
async def hooks(api: httpx.AsyncClient, shop: TestShop) -> Hooks:
    """The shop's platforms, connected."""
    platforms = Hooks(api, shop)
    await platforms.connect()
    return platforms


@pytest.fixture
def program(shop: TestShop, database_url: str) -> Program:
    """``relance import``, for the shop."""
    return Program(shop, database_url)
