"""A shop's platforms, as they call: bodies written after their documentation, signed as they sign."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from storage import hooks
from tests.support import TestShop

PAYLOADS = Path(__file__).parent / "payloads"
SECRET = "a platform's secret"
STANDARD_SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
CART = "eeafa272cebfd4b22385bc4b645e762c"
CHECKOUT = "3d58ad45d661cd34d882fda5c68a36b8"
CUSTOMER = "6543210987"


def payload(name: str, **changes: Any) -> dict[str, Any]:
    """Read a recorded body, with some of its fields changed."""
    body: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text())
    return body | changes


def ago(**length: float) -> str:
    """Give a moment before now, as Shopify writes it."""
    return (datetime.now(UTC) - timedelta(**length)).isoformat(timespec="seconds")


def ago_gmt(**length: float) -> str:
    """Give a moment before now, as WooCommerce writes it."""
    return ago(**length).removesuffix("+00:00")


def packed(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def standard_headers(secret: str, body: bytes, name: str = "msg_1", at: float | None = None) -> dict[str, str]:
    """Sign after the specification of Standard Webhooks, without its library."""
    stamp = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256).digest()
    given = f"v1,{base64.b64encode(signed).decode()}"
    return {"webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": given}


@dataclass
class Hooks:
    """The platforms of one shop, which has their secrets."""

    api: httpx.AsyncClient
    shop: TestShop

    async def connect(self) -> None:
        for source, secret in (("shopify", SECRET), ("woocommerce", SECRET), ("standard", STANDARD_SECRET)):
            await self.add(source, secret)

    async def add(self, source: str, secret: str) -> str:
        parts = self.shop.parts
        return await hooks.add_secret(parts.pool, self.shop.shop, source, parts.secret.hooks.encrypt(secret.encode()))

    async def post(self, source: str, body: bytes, headers: dict[str, str], shop: str | None = None) -> httpx.Response:
        return await self.api.post(f"/v1/hooks/{shop or self.shop.shop}/{source}", content=body, headers=headers)

    async def shopify(self, topic: str, body: Any, *, secret: str = SECRET, **headers: str) -> httpx.Response:
        raw = packed(body)
        given = {"X-Shopify-Topic": topic, "X-Shopify-Hmac-SHA256": signature(secret, raw)} | headers
        return await self.post("shopify", raw, given)

    async def woocommerce(self, topic: str, body: Any, *, secret: str = SECRET, **headers: str) -> httpx.Response:
        raw = packed(body)
        given = {"X-WC-Webhook-Topic": topic, "X-WC-Webhook-Signature": signature(secret, raw)} | headers
        return await self.post("woocommerce", raw, given)

    async def standard(self, body: Any, *, secret: str = STANDARD_SECRET, **more: Any) -> httpx.Response:
        raw = packed(body)
        return await self.post("standard", raw, standard_headers(secret, raw, **more))

    async def counted(self) -> dict[str, float]:
        """Read the counters of this door."""
        text = (await self.api.get("/metrics")).text
        found = re.findall(r"^(relance_hooks_\w+_total\S*) (\S+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in found}


async def counts(shop: TestShop) -> dict[str, int]:
    """Count the rows of every table."""
    tables = await shop.parts.pool.fetch("select tablename from pg_tables where schemaname = 'public'")
    names = [row["tablename"] for row in tables]
    return {name: await shop.parts.pool.fetchval(f'select count(*) from "{name}"') for name in names}


async def events(shop: TestShop) -> list[tuple[str, str]]:
    """List the events that were taken, with whose they are, by the time at which they happened."""
    rows = await shop.parts.pool.fetch(
        "select name, customer_id from events where shop = $1 order by at, name", shop.shop
    )
    return [(row["name"], row["customer_id"]) for row in rows]


async def state(shop: TestShop) -> dict[str, Any]:
    """All that later decisions are made by."""
    columns = {
        "carts": "cart_id, customer_id, content, opened_at, ordered_at, order_id",
        "journeys": "key, customer_id, entry, status, outcome, reason, started_at",
        "customers": "customer_id, known, last_activity, traits",
        "orders": "order_id, customer_id, cart_id, at",
        "consents": "customer_id, channel, granted, at",
    }
    pool, found = shop.parts.pool, {}
    for table, names in columns.items():
        # Of a visitor who turned out to be a user an empty row is left.
        which = " and (known or last_activity is not null)" if table == "customers" else ""
        rows = await pool.fetch(f"select {names} from {table} where shop = $1{which} order by 1, 2", shop.shop)
        found[table] = [dict(row) for row in rows]
    return found
