"""Calls about plans, from the API's version on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest_asyncio

from tests.integration.calls import with_api_key
from tests.support import TestShop


@pytest_asyncio.fixture
async def api(shop: TestShop) -> AsyncIterator[httpx.AsyncClient]:
    """The API without Temporal, whose paths begin after /v1."""
    async with with_api_key(shop, "http://api/v1") as api:
        yield api


async def refused_with(api: httpx.AsyncClient, method: str, path: str, **sent: Any) -> int:
    """Give the status of a call that is refused; its problem document tells the same."""
    answer = await api.request(method, path, **sent)
    status: int = answer.json()["status"]
    assert answer.status_code == status
    return status
