"""The API, called without a network between."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from api import app
from api.state import Services
from storage import shops
from tests.integration.calls import Keys
from tests.integration.importing import Program
from tests.support import TestShop


async def temporal_is_down() -> bool:
    return False


@pytest_asyncio.fixture
async def api(shop: TestShop) -> AsyncIterator[httpx.AsyncClient]:
    """The API without Temporal, as the shop's backend and an operator see it."""
    parts = shop.parts
    services = Services(parts.pool, parts.plans, parts.following, parts.links, parts.clock, temporal_is_down)
    transport = httpx.ASGITransport(app.build(services), raise_app_exceptions=False)
    write = await shops.create_key(parts.pool, shop.shop, "write", "test")
    read = await shops.create_key(parts.pool, shop.shop, "api", "test")
    async with httpx.AsyncClient(transport=transport, base_url="http://relance") as client:
        client.auth = Keys(write, read)
        yield client


@pytest.fixture
def program(shop: TestShop, database_url: str) -> Program:
    """``relance import``, for the shop."""
    return Program(shop, database_url)
