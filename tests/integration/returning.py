"""Twilio and Infobip, calling back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
from twilio.request_validator import RequestValidator

from api import app
from storage import hooks
from tests.support import TestShop, without_temporal
from tests.workflows.providers import PHONE

TOKEN = "the auth token of a Twilio account"
INFOBIP = "the secret that was entered at Infobip"
PUBLIC = "https://relance.example.com"


class Returning:
    """Twilio and Infobip, calling back."""

    def __init__(self, api: httpx.AsyncClient, shop: TestShop) -> None:
        self.api, self.shop = api, shop

    async def twilio(self, what: str, query: str = "", token: str = TOKEN, **form: str) -> httpx.Response:
        path = f"/v1/hooks/{self.shop.shop}/twilio/{what}{query}"
        signature = RequestValidator(token).compute_signature(f"{PUBLIC}{path}", form)
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        return await self.api.post(path, content=urlencode(form), headers=headers)

    async def infobip(self, what: str, *results: dict[str, Any], secret: str = INFOBIP) -> httpx.Response:
        path = f"/v1/hooks/{self.shop.shop}/infobip/{what}"
        return await self.api.post(path, json={"results": list(results)}, auth=("relance", secret))

    async def says(self, text: str, message_id: str = "SM1", **more: str) -> httpx.Response:
        return await self.twilio("inbound", MessageSid=message_id, From=PHONE, To="+33700000000", Body=text, **more)


@asynccontextmanager
async def calling_back(shop: TestShop) -> AsyncIterator[Returning]:
    """Have both providers know the shop's doors."""
    for source, secret in (("twilio", TOKEN), ("infobip", INFOBIP)):
        await hooks.add_secret(shop.parts.pool, shop.shop, source, shop.parts.secret.hooks.encrypt(secret.encode()))
    transport = httpx.ASGITransport(app.build(without_temporal(shop.parts)))
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC) as api:
        yield Returning(api, shop)
