"""Suppressed addresses, on the way out."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from journeys.facts import Channel, Medium
from journeys.imports import Suppression
from storage import suppressions
from tests.integration.mailserver import mail_port, mail_server, refusing
from tests.support import Engine, TestShop
from tests.workflows.providers import connect_smtp, order_for, sending


async def suppress(shop: TestShop, *addresses: tuple[Medium, str]) -> None:
    async with shop.parts.pool.acquire() as db:
        for channel, address in addresses:
            await suppressions.add(db, shop.shop, Suppression(channel, address, "bounced", None), shop.begins)


async def test_nothing_goes_to_suppressed_addresses_and_the_ledger_says_why(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify(email="Ann@Example.com", phone="06 39 98 00 01", country="FR")
    await suppress(shop, (Medium.EMAIL, "ann@example.com"), (Medium.SMS, "+33639980001"))
    await shop.fill()
    await engine.deliver()
    await engine.finish()
    assert await shop.sent() == []
    first = [(channel, state, reason) for step, channel, state, reason in await shop.ledger() if step == "first"]
    assert sorted(first) == [
        ("app_push", "refused", "no consent to marketing by push"),
        ("email", "refused", "address is suppressed"),
        ("on_site", "refused", "the person is not on the shop's pages"),
        ("sms", "refused", "address is suppressed"),
        ("web_push", "refused", "no consent to marketing by push"),
    ]


async def test_a_step_goes_on_to_the_address_that_is_not_suppressed(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify()
    await suppress(shop, (Medium.SMS, "+33639980001"))
    await shop.fill()
    await engine.deliver()
    await engine.forward(timedelta(hours=3))
    assert await shop.sent() == [("first", "email")]


async def test_an_address_that_is_suppressed_after_the_journey_began_is_refused_too(engine: Engine) -> None:
    shop = engine.shop
    await shop.identify()
    await shop.fill()
    await engine.deliver()
    await engine.forward(timedelta(hours=1))
    await suppress(shop, (Medium.SMS, "+33639980001"), (Medium.EMAIL, "ann@example.com"))
    await engine.finish()
    assert await shop.sent() == []


async def test_an_address_that_will_never_work_is_suppressed_when_its_provider_says_so(shop: TestShop) -> None:
    async with mail_port(mail_server(refusing("at_rcpt", "550 5.1.1 no such user"))) as port:
        await connect_smtp(shop, port)
        await shop.identify()
        await shop.fill()
        order = await order_for(shop, Channel.EMAIL)
        assert (await ActivityEnvironment().run(sending(shop).send, order)).outcome == "failed"
        again = await ActivityEnvironment().run(sending(shop).send, order)
    assert (again.outcome, again.reason) == ("failed", "address is suppressed")


@pytest.mark.parametrize("answer", ["550 5.7.1 blocked", "552 5.2.2 mailbox full", "451 4.2.1 later"])
async def test_a_mailbox_that_refuses_one_mail_is_not_suppressed(shop: TestShop, answer: str) -> None:
    async with mail_port(mail_server(refusing("at_rcpt", answer))) as port:
        await connect_smtp(shop, port)
        await shop.identify()
        await shop.fill()
        with contextlib.suppress(ApplicationError):
            await ActivityEnvironment().run(sending(shop).send, await order_for(shop, Channel.EMAIL))
    assert await shop.parts.pool.fetchval("select count(*) from suppressions") == 0
