"""The preference page as a browser reads and posts it, and what became of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest_asyncio

from api import app
from journeys.preferences import EVERYTHING
from storage import shops
from tests.support import TestShop, without_temporal

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
ALL_NO = {(channel.value, purpose.value): False for channel, purpose in EVERYTHING}
BOX = re.compile(r'<input type="checkbox" id="([\w.]+)" name="on" value="\1"( checked)?( disabled)?')
WAS = re.compile(r'<input type="hidden" name="(was_on|was_off)" value="([\w.]+)">')


@pytest_asyncio.fixture
async def browser(shop: TestShop) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without any key, who follows no redirect by themselves."""
    transport = httpx.ASGITransport(app.build(without_temporal(shop.parts)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://relance") as client:
        yield client


def link(shop: TestShop, person: str = "ann") -> str:
    return f"/u/{shop.parts.preferences.token(shop.shop, person)}"


def boxes(page: httpx.Response) -> dict[str, bool]:
    """Read what is ticked; what cannot be ticked is not among it."""
    return {name: bool(checked) for name, checked, closed in BOX.findall(page.text) if not closed}


def filled(page: httpx.Response, **ticks: bool) -> dict[str, Any]:
    """Fill the page's form in as a browser does, with some boxes (``sms_marketing``) changed."""
    ticked = boxes(page) | {name.replace("_", "."): tick for name, tick in ticks.items()}
    was: dict[str, list[str]] = {"was_on": [], "was_off": []}
    for field, name in WAS.findall(page.text):
        was[field].append(name)
    return {"act": "save", **was, "on": [name for name, tick in ticked.items() if tick]}


async def words_of(shop: TestShop, person: str = "ann") -> dict[tuple[str, str], bool]:
    rows = await shop.parts.pool.fetch(
        "select channel, purpose, granted from consents where shop = $1 and customer_id = $2", shop.shop, person
    )
    return {(row["channel"], row["purpose"]): row["granted"] for row in rows}


async def events_of(shop: TestShop) -> int:
    return int(await shop.parts.pool.fetchval("select count(*) from events"))


async def suppress(shop: TestShop, channel: str, address: str, *, marketing_only: bool) -> None:
    await shop.parts.pool.execute(
        "insert into suppressions (shop, channel, address, reason, at, marketing_only)"
        " values ($1, $2, $3, 'a reason', now(), $4)",
        shop.shop,
        channel,
        address,
        marketing_only,
    )


async def write_key(shop: TestShop) -> str:
    return await shops.create_key(shop.parts.pool, shop.shop, "write", "test")
