"""Where a person's device is on the net stays out of the database, whichever way it is told."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api import app
from journeys.events import KINDS
from storage import shops
from tests.integration.calls import added
from tests.support import TestShop, without_temporal

CALLER, PROXIED, TOLD = "198.51.100.23", "198.51.100.24", "198.51.100.25"
AGENT, TOLD_AGENT = "Netscape/4.08 of the caller", "Netscape/4.08 of the context"
CONTEXT = {
    "ip": TOLD,
    "userAgent": TOLD_AGENT,
    "userAgentData": {"platform": TOLD_AGENT},
    "device": {"advertisingId": "ad-of-the-device", "name": "Ann's phone"},
    "network": {"carrier": "T-Something"},
    "traits": {"ip": TOLD},
    "locale": "fr-FR",
    "timezone": "Europe/Paris",
}
SECRETS = (CALLER, PROXIED, TOLD, "Netscape", "ad-of-the-device", "Ann's phone", "T-Something")
KEPT = ("Teapot", "fr-FR", "Europe/Paris", "device-9")


def everything(kind: str, **more: Any) -> dict[str, Any]:
    return {**added(), "type": kind, "groupId": "g-1", "previousId": "device-9", "context": CONTEXT, "ip": TOLD, **more}


async def test_no_table_holds_an_address_or_a_user_agent(shop: TestShop, capfd: pytest.CaptureFixture[str]) -> None:
    key = await shops.create_key(shop.parts.pool, shop.shop, "write", "test")
    transport = httpx.ASGITransport(app.build(without_temporal(shop.parts)), client=(CALLER, 4711))
    headers = {"User-Agent": AGENT, "X-Forwarded-For": PROXIED, "Forwarded": f"for={PROXIED}", "X-Real-IP": PROXIED}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://relance", headers=headers, auth=(key, "")
    ) as client:
        for kind in KINDS:
            assert (await client.post(f"/v1/{kind}", json=everything(kind))).status_code == 200
        batch = {"batch": [*(everything(kind) for kind in KINDS), {"context": CONTEXT}], "context": CONTEXT}
        assert (await client.post("/v1/batch", json=batch)).json()["results"][-1]["status"] == "rejected"
    kept = await whole_database(shop)
    # The search finds what is there.
    assert [word for word in KEPT if word not in kept] == []
    assert [secret for secret in SECRETS if secret in kept] == []
    written = capfd.readouterr()
    assert [secret for secret in SECRETS if secret in written.out + written.err] == []


async def whole_database(shop: TestShop) -> str:
    """Give every row of every table as text."""
    tables = await shop.parts.pool.fetch(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    )
    assert len(tables) > 10
    parts = [await shop.parts.pool.fetchval(f"select string_agg(t::text, ' ') from {t['name']} t") for t in tables]
    return " ".join(part for part in parts if part)
