"""The API, called without a network between, and a browser."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from api import app
from storage import shops
from tests.integration.calls import Keys
from tests.integration.hook_calls import Hooks
from tests.integration.importing import Program
from tests.support import TestShop, without_temporal


@pytest_asyncio.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Debian's browser; as root it takes no sandbox."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no Chromium here")
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"]) as browser,
    ):
        yield browser


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


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A client, such as channels are given."""
    async with httpx.AsyncClient() as client:
        yield client
