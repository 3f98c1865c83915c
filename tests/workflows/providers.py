"""Shops with accounts at providers that listen here, and the send activity run by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from temporalio.testing import ActivityEnvironment

from activities.clock import WorldClock
from activities.compose import Composer
from activities.contracts import SendInput, SendResult
from activities.providers import ShopProviders
from activities.send import Sending
from journeys.facts import Channel
from journeys.play import Stage, first_stage
from journeys.question import Mode
from storage import shops
from tests.integration.loopback import Answer, Loopback, Request, listening
from tests.internet_accounts import EMAIL as INFOBIP_MAIL
from tests.support import HOUR, PATIENCE, TestShop, cart_recovery

TWILIO_SID = "AC" + "0" * 32
CREATED = Answer(201, b'{"sid": "SM00000000000000000000000000000000"}')
PHONE, EMAIL = "+33639980001", "ann@example.com"


async def connect(shop: TestShop, channel: Channel, settings: str) -> None:
    """Give a shop an account, and put it into allowlist mode with everybody's addresses listed."""
    cipher = shop.parts.secret.accounts
    await shops.set_account(shop.parts.pool, shop.shop, channel, cipher.encrypt(settings.encode()))
    known = await shops.get(shop.parts.pool, shop.shop)
    await shops.save(shop.parts.pool, replace(known, mode=Mode.ALLOWLIST, allowlist=(PHONE, EMAIL)))


async def turn(shop: TestShop, mode: Mode) -> None:
    """Put a shop into another sending mode."""
    known = await shops.get(shop.parts.pool, shop.shop)
    await shops.save(shop.parts.pool, replace(known, mode=mode))


async def connect_twilio(shop: TestShop, url: str) -> None:
    settings = f'"account_sid": "{TWILIO_SID}", "auth_token": "t", "sender": "+33939000001", "base_url": "{url}"'
    await connect(shop, Channel.SMS, f'{{"provider": "twilio", {settings}}}')


async def connect_infobip(shop: TestShop, url: str) -> None:
    await connect(
        shop, Channel.SMS, f'{{"provider": "infobip", "api_key": "k", "sender": "Shop", "base_url": "{url}"}}'
    )


async def connect_smtp(shop: TestShop, port: int) -> None:
    settings = f'"host": "127.0.0.1", "port": {port}, "sender": "shop@example.com", "tls": "none"'
    await connect(shop, Channel.EMAIL, f'{{"provider": "smtp", {settings}}}')


async def connect_second_mail(shop: TestShop, url: str) -> None:
    """Give a shop a second account for e-mail, with Infobip."""
    kept = shop.parts.secret.accounts.encrypt(INFOBIP_MAIL.settings(url).encode())
    await shops.set_account(shop.parts.pool, shop.shop, Channel.EMAIL, kept, rank=2)


def sending(shop: TestShop, composer: Composer | None = None) -> Sending:
    parts = shop.parts
    providers = ShopProviders(parts.pool, parts.http, parts.secret.accounts)
    return Sending(
        parts.pool,
        parts.plans,
        providers,
        composer or Composer(parts.links, parts.preferences, parts.public_url),
        WorldClock(),
        parts.shop_codes,
    )


async def order_for(shop: TestShop, channel: Channel = Channel.SMS) -> SendInput:
    """What the workflow asks for when the first message is due."""
    journey = await shop.journey()
    stage: Stage = first_stage(cart_recovery(), shop.begins).go("first", shop.begins)
    return SendInput(journey=journey.id, stage=stage, at=shop.begins + 2 * HOUR, channel=channel)


async def send(shop: TestShop, composer: Composer | None = None) -> SendResult:
    """Run the send activity once, as a worker does."""
    result: SendResult = await ActivityEnvironment().run(sending(shop, composer).send, await order_for(shop))
    return result


@dataclass
class Held(Loopback):
    """A provider that has heard the request and answers when it is told to."""

    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(Request(head.decode().split(" ")[1], {}, b""))
        self.heard.set()
        await self.release.wait()
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 14\r\nConnection: close\r\n\r\n" + b'{"sid": "SM0"}')
        await writer.drain()


@asynccontextmanager
async def held() -> AsyncIterator[Held]:
    provider = Held("", CREATED)
    async with listening(provider.serve) as port:
        provider.url = f"http://127.0.0.1:{port}"
        yield provider
        provider.release.set()


async def lose_a_worker(shop: TestShop, provider: Loopback) -> None:
    """Run a send, and lose it while the provider has it in hand."""
    lost = asyncio.create_task(send(shop))
    await asyncio.wait_for(provider.heard.wait(), PATIENCE.total_seconds())
    lost.cancel()
    with pytest.raises(asyncio.CancelledError):
        await lost
