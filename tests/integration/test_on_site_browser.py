"""The script for messages on the shop's pages in a real browser: what it shows, to whom, and when it is silent."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.integration.browsing import PRODUCT, Visitor, for_api, visiting
from tests.integration.loopback import Answer, Break
from tests.integration.served import Instead
from tests.integration.showing import live, send
from tests.support import TestShop, until

DOCS = (Path(__file__).parents[2] / "docs" / "on-site.md").read_text()
[SHOWN] = re.findall(r"^```html\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)
[SCRIPT] = re.findall(r"<script[^>]*on-site\.js[^>]*></script>", SHOWN)
CARD, CROSS = "aside[role=status]", "role=button[name='Close']"


@pytest_asyncio.fixture
async def visitor(shop: TestShop, chromium: Browser) -> AsyncIterator[Visitor]:
    """Somebody at the shop whose pages show messages; no test passes if their page complained."""
    await live(shop)
    async with visiting(shop, chromium) as visitor:
        visitor.site.pages["/tent"] = for_api(PRODUCT.replace("</title>", "</title>" + SCRIPT), visitor.api)
        visitor.site.pages["/other"] = for_api(SHOWN, visitor.api)
        # The link of a message is at Relance's public address, which is this one.
        await visitor.context.route(
            "https://relance.example.com/**", lambda route: route.fulfill(status=200, body="<title>The cart</title>")
        )
        yield visitor
        assert visitor.complaints == []


async def has_a_message(visitor: Visitor) -> None:
    """Agree to cookies, fill a cart, and be sent a message while being there."""
    await visitor.open("/tent")
    await visitor.page.click("#agree")
    await visitor.page.click("#add")
    await visitor.until_told("Product Added")
    await looked_at_again(visitor)
    assert (await send(visitor.shop, at=datetime.now(UTC))).outcome == "sent"


def asked(visitor: Visitor) -> list[dict[str, Any]]:
    """What the script has asked."""
    return [json.loads(request.body) for request in visitor.api.weather.requests if request.target == "/v1/on-site"]


async def looked_at_again(visitor: Visitor) -> None:
    """Look at the page again, and wait until Relance has answered."""
    async with visitor.page.expect_response("**/v1/on-site"):
        await visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def test_before_cookies_are_agreed_to_nothing_is_asked_and_nothing_is_shown(visitor: Visitor) -> None:
    await visitor.open("/tent")
    await visitor.page.wait_for_function("window.relanceOnSite")
    await visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await visitor.page.click("#refuse")
    await visitor.open("/other")
    assert (asked(visitor), await visitor.stored()) == ([], [])
    await expect(visitor.page.locator(CARD)).to_have_count(0)


async def test_the_card_is_shown_closed_and_stays_closed(visitor: Visitor) -> None:
    await has_a_message(visitor)
    await looked_at_again(visitor)
    card = visitor.page.locator(CARD)
    await expect(card.locator("h2")).to_have_text("O seu carrinho continua aqui")
    await expect(card.locator("p")).to_have_text("Tent for two está à sua espera, tal como deixou.")
    await expect(card.locator("a")).to_have_text("Voltar ao carrinho")
    assert await card.get_attribute("aria-label") == "O seu carrinho continua aqui"
    await looked_at_again(visitor)
    await expect(card).to_have_count(1)
    async with visitor.page.expect_response("**/v1/on-site"):
        await visitor.page.click(CROSS)
    await expect(card).to_have_count(0)
    for path in ("/tent", "/other"):
        async with visitor.page.expect_response("**/v1/on-site"):
            await visitor.open(path)
        await expect(card).to_have_count(0)
    assert await visitor.stored() == ["relance"]


async def test_whoever_follows_the_button_comes_to_the_cart_and_sees_the_card_no_more(visitor: Visitor) -> None:
    await has_a_message(visitor)
    await looked_at_again(visitor)
    await visitor.page.click("text=Voltar ao carrinho")
    await visitor.page.wait_for_url("https://relance.example.com/l/*")
    assert await visitor.page.title() == "The cart"

    async def is_closed() -> bool:
        return await visitor.shop.parts.pool.fetchval("select closed_at from on_site_messages") is not None

    await until(is_closed)


async def test_after_the_order_the_card_goes_from_a_page_that_is_open(visitor: Visitor) -> None:
    await has_a_message(visitor)
    await looked_at_again(visitor)
    await expect(visitor.page.locator(CARD)).to_have_count(1)
    await visitor.call("track", "Order Completed", {"order_id": "o-1", "cart_id": "c-1", "total": 129.9})
    await visitor.until_told("Order Completed")
    await looked_at_again(visitor)
    await expect(visitor.page.locator(CARD)).to_have_count(0)


async def test_words_are_no_markup_and_a_link_leads_nowhere_but_to_pages(visitor: Visitor) -> None:
    await has_a_message(visitor)
    await visitor.shop.parts.pool.execute(
        "update on_site_messages set title = $1, text = $1, link = 'javascript:alert(1)'",
        "<b>Hello</b>",
    )
    await looked_at_again(visitor)
    card = visitor.page.locator(CARD)
    await expect(card.locator("p")).to_have_text("<b>Hello</b>")
    await expect(card.locator("a, b")).to_have_count(0)


async def test_it_works_under_a_content_security_policy_as_documented(visitor: Visitor) -> None:
    await has_a_message(visitor)
    policy = f"default-src 'none'; script-src {visitor.api.url}; connect-src {visitor.api.url}"
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    visitor.site.pages["/strict"] = visitor.site.pages["/other"].replace("<title>", meta + "<title>")
    await visitor.page.goto(visitor.site.url + "/strict")
    card = visitor.page.locator(CARD)
    await expect(card).to_have_count(1)
    assert await card.evaluate("card => getComputedStyle(card).position") == "fixed"


@pytest.mark.parametrize("mishap", [Instead(Break()), Instead(Answer(503)), Instead(Answer(200, b"no JSON"))])
async def test_where_relance_does_not_answer_the_page_stays_as_it_is(visitor: Visitor, mishap: Instead) -> None:
    await has_a_message(visitor)
    await looked_at_again(visitor)
    before = len(asked(visitor))
    visitor.api.weather.mishaps[:] = [mishap] * 20
    await visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    async def was_asked() -> bool:
        return len(asked(visitor)) > before

    await until(was_asked)
    await expect(visitor.page.locator(CARD)).to_have_count(1)


async def test_a_page_asks_every_half_minute_and_not_while_it_is_hidden(visitor: Visitor) -> None:
    await visitor.page.clock.install()
    await visitor.open("/tent")
    await visitor.page.click("#agree")
    await visitor.page.click("#add")
    await visitor.until_told("Product Added")
    asks: list[str] = []
    visitor.page.on("request", lambda request: asks.append(request.url))
    for hidden in ("false", "true"):
        becomes = f"{{value: {hidden}, configurable: true}}"
        await visitor.page.evaluate(f"Object.defineProperty(document, 'hidden', {becomes})")
        asks.clear()
        await visitor.page.clock.run_for(61_000)
        # What the page did before is told before its answer is.
        await visitor.page.evaluate("0")
        assert [url.rpartition("/")[2] for url in asks] == (["on-site"] * 2 if hidden == "false" else [])


async def test_the_card_comes_back_where_the_shops_own_script_has_taken_it_away(visitor: Visitor) -> None:
    await has_a_message(visitor)
    await looked_at_again(visitor)
    card = visitor.page.locator(CARD)
    await expect(card).to_have_count(1)
    await visitor.page.evaluate("document.body.replaceChildren()")
    await expect(card).to_have_count(0)
    await looked_at_again(visitor)
    await expect(card).to_have_count(1)


async def test_the_card_goes_with_the_consent_to_cookies(visitor: Visitor) -> None:
    await has_a_message(visitor)
    await looked_at_again(visitor)
    await expect(visitor.page.locator(CARD)).to_have_count(1)
    await visitor.page.click("#refuse")
    await visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(visitor.page.locator(CARD)).to_have_count(0)


async def test_what_stands_on_a_page_has_its_receipt(visitor: Visitor) -> None:
    await has_a_message(visitor)
    await looked_at_again(visitor)

    async def has_arrived() -> bool:
        return await visitor.shop.parts.pool.fetchval("select delivered_at from sends") is not None

    await until(has_arrived)
