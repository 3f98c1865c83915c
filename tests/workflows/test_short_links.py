"""The link in an SMS is short, leads to the cart, and counts the click that follows it."""

from __future__ import annotations

import re

import httpx

from storage import story
from tests.integration.loopback import Break, serving
from tests.integration.served import served
from tests.support import TestShop
from tests.workflows.providers import connect_twilio, send

CLICKS = "select count(*) from events where name = 'Message Clicked'"


async def an_sms(shop: TestShop) -> str:
    """Have the first SMS kept by the sandbox; give its text."""
    await shop.identify()
    await shop.fill()
    assert (await send(shop)).outcome == "sent"
    text: str = await shop.parts.pool.fetchval("select body from sandbox_messages")
    return text


def path_in(text: str) -> str:
    [path] = re.findall(r"https://\S+(/l/[A-Za-z0-9]{10})(?!\S)", text)
    return str(path)


async def test_a_short_link_leads_to_the_cart_and_the_first_click_is_an_event_of_the_person(shop: TestShop) -> None:
    path = path_in(await an_sms(shop))
    async with served(shop) as api, httpx.AsyncClient(base_url=api.url) as browser:
        for _ in range(3):
            led = await browser.get(path)
            assert led.status_code == 302
            token = led.headers["location"].removeprefix("https://shop.example.com/cart?relance=")
            assert shop.parts.links.read(token).cart_id == "c-1"
    pool = shop.parts.pool
    assert await pool.fetchval(CLICKS) == 1
    row = await pool.fetchrow(
        "select customer_id, content -> 'properties' as told from events where name = 'Message Clicked'"
    )
    assert row is not None
    assert row["customer_id"] == "ann"
    assert {"channel": "sms", "step": "first"}.items() <= row["told"].items()
    assert await pool.fetchval("select clicked_at from sends") is not None
    assert [line.what for line in await story.tell(pool, await shop.journey())].count("Message Clicked") == 1


async def test_what_loads_ahead_is_led_on_and_not_counted(shop: TestShop) -> None:
    path = path_in(await an_sms(shop))
    async with served(shop) as api, httpx.AsyncClient(base_url=api.url) as browser:
        assert (await browser.get(path, headers={"Sec-Purpose": "prefetch;prerender"})).status_code == 302
        assert (await browser.head(path)).status_code == 405
    assert await shop.parts.pool.fetchval(CLICKS) == 0


async def test_a_code_that_was_never_made_leads_nowhere(shop: TestShop) -> None:
    path = path_in(await an_sms(shop))
    async with served(shop) as api, httpx.AsyncClient(base_url=api.url) as browser:
        assert (await browser.get(path[:-1])).status_code == 404
        assert (await browser.get("/l/%00")).status_code == 422
        assert (await browser.get("/l/" + "x" * 33)).status_code == 422
    assert await shop.parts.pool.fetchval(CLICKS) == 0


async def test_where_the_shop_wants_none_the_link_is_that_of_the_cart_itself(shop: TestShop) -> None:
    await shop.parts.pool.execute("""update shops set policy = policy || '{"short_links": false}'""")
    assert "https://shop.example.com/cart?relance=" in await an_sms(shop)


async def test_who_clicks_has_the_message_whatever_became_of_its_call(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with serving(Break()) as twilio:
        await connect_twilio(shop, twilio.url)
        await send(shop)
    assert [state for _, _, state, _ in await shop.ledger()] == ["unknown"]
    code = await shop.parts.pool.fetchval("select code from sends")
    async with served(shop) as api, httpx.AsyncClient(base_url=api.url) as browser:
        assert (await browser.get(f"/l/{code}")).status_code == 302
    assert [state for _, _, state, _ in await shop.ledger()] == ["accepted"]
