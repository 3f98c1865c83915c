"""Whoever is back on the shop's pages is told there, and by nothing else; whoever has left is written to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from journeys.question import Mode
from storage import on_site, plans
from tests.integration.loopback import serving
from tests.integration.mailserver import Mailbox, mail_port, mail_server, newest
from tests.integration.showing import BROWSER, by, live, pages
from tests.support import HOUR, MINUTE, Engine, plan_file
from tests.workflows.gated import plan
from tests.workflows.providers import CREATED, connect_smtp, connect_twilio

NOT_THERE = "the person is not on the shop's pages"


@asynccontextmanager
async def writing(engine: Engine) -> AsyncIterator[tuple[list[Any], Mailbox]]:
    """Somebody with a cart and a browser, who could be written to: the texts and mails that they get."""
    shop, mailbox = engine.shop, Mailbox()
    async with serving(CREATED) as twilio, mail_port(mail_server(mailbox)) as port:
        await connect_twilio(shop, twilio.url)
        await connect_smtp(shop, port)
        await live(shop, Mode.ALLOWLIST)
        await shop.identify()
        # The backend says whose browser it is: the cart is told under the user's id alone.
        await shop.take(by(shop.event("page"), BROWSER, user="ann", backend=True))
        await on_site.look(shop.parts.pool, shop.shop, BROWSER, shop.begins)
        await shop.fill()
        await engine.deliver()
        yield twilio.requests, mailbox


async def back_on_the_pages(engine: Engine, before: timedelta) -> None:
    """Look at a page so long before the second message is due, and let that be decided."""
    await engine.forward(25 * HOUR)
    await engine.shop.take(by(engine.shop.event("page", 26 * HOUR - before), BROWSER))
    await on_site.look(engine.shop.parts.pool, engine.shop.shop, BROWSER, engine.shop.begins + 26 * HOUR - before)
    await engine.forward(HOUR + 11 * MINUTE)


async def test_whoever_is_back_when_the_second_message_is_due_sees_it_there_and_gets_no_text_and_no_mail(
    engine: Engine,
) -> None:
    shop = engine.shop
    async with writing(engine) as (texts, mailbox), pages(shop) as page:
        await back_on_the_pages(engine, MINUTE)
        assert await shop.sent() == [("first", "sms"), ("second", "on_site")]
        assert (len(texts), mailbox.envelopes) == (1, [])
        shown = await page.shown()
        assert shown
        assert shown["title"] == "La livraison de votre panier est offerte"
        [code] = [row["code"] for row in await shop.parts.pool.fetch("select code from offers")]
        assert code in shown["text"]
        # Nothing comes after the goal.
        await shop.order(26 * HOUR + 5 * MINUTE)
        assert await page.shown() is None
        await engine.deliver()
        assert (await engine.finish()).outcome == "converted"
        assert (len(texts), mailbox.envelopes) == (1, [])


@pytest.mark.parametrize("before", [4 * MINUTE, 11 * MINUTE], ids=["perhaps", "surely"])
async def test_whoever_has_left_gets_the_mail_and_sees_nothing(engine: Engine, before: timedelta) -> None:
    shop = engine.shop
    async with writing(engine) as (texts, mailbox), pages(shop) as page:
        await back_on_the_pages(engine, before)
        assert await shop.sent() == [("first", "sms"), ("second", "email")]
        assert (len(texts), len(mailbox.envelopes)) == (1, 1)
        assert newest(mailbox)["Subject"] == "La livraison de votre panier est offerte"
        assert await page.shown() is None
    refused = [(step, reason) for step, channel, _, reason in await shop.ledger() if channel == "on_site"]
    assert refused == [("first", NOT_THERE), ("second", NOT_THERE)]


async def test_whoever_is_back_and_said_no_to_messages_on_the_pages_is_written_to_once_they_have_left(
    engine: Engine,
) -> None:
    shop = engine.shop
    async with writing(engine) as (_, mailbox):
        await shop.take(shop.event("identify", consent={"on_site": False}))
        await back_on_the_pages(engine, MINUTE)
        assert await shop.sent() == [("first", "sms"), ("second", "email")]
        assert len(mailbox.envelopes) == 1


@pytest.mark.parametrize("is_shown", [True, False])
async def test_what_no_page_has_shown_in_time_goes_by_the_next_channel(engine: Engine, *, is_shown: bool) -> None:
    shop = engine.shop
    channels = {"until_delivered": ["on_site", "email"], "within": "20m"}
    steps: list[dict[str, Any]] = [
        {"id": "first", "send": {"message": "first", "channels": channels}},
        {"id": "later", "wait": "24h"},
    ]
    await plans.publish(shop.parts.pool, shop.shop, plan(steps=steps), plan_file().messages.model_dump_json())
    async with writing(engine) as (_, mailbox), pages(shop) as page:
        await engine.forward(MINUTE)
        assert await shop.sent() == [("first/on_site", "on_site")]
        if is_shown:
            card = await page.shown()
            assert card
            await page.shown(shown=card["id"])
        await engine.finish()
        assert len(mailbox.envelopes) == (0 if is_shown else 1)
