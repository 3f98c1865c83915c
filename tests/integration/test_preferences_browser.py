"""The preference page in a real browser, with JavaScript and without: a person chooses, sees it, and it counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from api.preference_words import WORDS
from tests.integration.preferring import ALL_NO, link, suppress, words_of
from tests.integration.served import served
from tests.support import TestShop

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1000, "height": 900}
LOOKS = [
    pytest.param("light", PHONE, id="light on a phone"),
    pytest.param("dark", PHONE, id="dark on a phone"),
    pytest.param("light", DESKTOP, id="light on a desktop"),
]


@asynccontextmanager
async def opened(shop: TestShop, browser: Browser, query: str = "", **context: Any) -> AsyncIterator[Page]:
    """The page of Ann, as it is when she has opened her link; nothing on it is allowed to complain."""
    complaints: list[str] = []
    async with served(shop) as api:
        context = {"viewport": PHONE, **context}
        visitor = await browser.new_context(locale="pt-PT", **context)
        try:
            page = await visitor.new_page()
            page.on("console", lambda message: complaints.append(message.text))
            page.on("request", lambda request: complaints.extend([] if request.url.startswith(api.url) else ["third"]))
            await page.goto(api.url + link(shop) + query)
            yield page
        finally:
            await visitor.close()
    assert [text for text in complaints if "favicon" not in text] == []


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
async def test_a_person_unticks_a_box_submits_and_sees_it(shop: TestShop, chromium: Browser, *, script: bool) -> None:
    await shop.identify(locale="fr-FR")
    async with opened(shop, chromium, java_script_enabled=script) as page:
        group = page.get_by_role("group", name="SMS", exact=True)
        box = group.get_by_role("checkbox", name=WORDS["fr"].purposes["marketing"][0])  # type: ignore[index]
        assert await box.is_checked()
        await box.uncheck()
        await page.get_by_role("button", name=WORDS["fr"].save).click()
        assert await page.get_by_role("status").inner_text() == WORDS["fr"].saved
        assert not await box.is_checked()
        assert await words_of(shop) == {("sms", "marketing"): False, ("email", "marketing"): True}
        # Loading it anew asks nothing and does nothing: the form is not posted again.
        await page.reload()
        assert not await box.is_checked()
    assert await shop.parts.pool.fetchval("select count(*) from events where kind = 'identify'") == 2


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
async def test_one_button_stops_everything(shop: TestShop, chromium: Browser, *, script: bool) -> None:
    await shop.identify(locale="it-IT")
    async with opened(shop, chromium, java_script_enabled=script) as page:
        await page.get_by_role("button", name=WORDS["it"].stop).click()
        assert await page.get_by_role("status").inner_text() == WORDS["it"].stopped
        assert not [box for box in await page.get_by_role("checkbox").all() if await box.is_checked()]
    assert await words_of(shop) == ALL_NO


async def test_the_page_can_be_used_with_the_keyboard_alone(shop: TestShop, chromium: Browser) -> None:
    await shop.identify(phone="none", consent={"email": True})
    async with opened(shop, chromium, "?lang=en") as page:
        for _ in range(6):
            await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        assert await page.evaluate("document.activeElement.id") == "email.marketing"
        await page.keyboard.press("Enter")
        assert await page.get_by_role("status").inner_text() == WORDS["en"].saved
    assert await words_of(shop) == {("email", "marketing"): False}


async def test_a_person_switches_the_language_and_keeps_it(shop: TestShop, chromium: Browser) -> None:
    await shop.identify(locale="fr-FR")
    async with opened(shop, chromium) as page:
        await page.get_by_role("link", name="Português").click()
        assert await page.locator("html").get_attribute("lang") == "pt"
        await page.get_by_role("checkbox").first.uncheck()
        await page.get_by_role("button", name=WORDS["pt"].save).click()
        assert await page.get_by_role("status").inner_text() == WORDS["pt"].saved
        assert await page.locator("[aria-current]").inner_text() == "Português"


_NAMELESS = "[...document.querySelectorAll('input:not([type=hidden])')].filter((e) => e.labels.length !== 1).length"
_TOO_SMALL = """() => {
    const all = [...document.querySelectorAll('label, button, nav a')]
    const isSmall = (box) => box.height < 36 || box.width < 24
    return all.filter((e) => isSmall(e.getBoundingClientRect())).map((e) => e.innerText)
}"""
_CONTRASTS = """() => {
    const part = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
    const light = (colour) => {
        const [r, g, b] = colour.match(/[0-9.]+/g).map((c) => part(c / 255))
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const behind = (e) => {
        const colour = getComputedStyle(e).backgroundColor
        return colour === 'rgba(0, 0, 0, 0)' ? behind(e.parentElement) : colour
    }
    const says = (e) => [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
    return [...document.querySelectorAll('body *')].filter(says).map((e) => {
        const [one, other] = [light(getComputedStyle(e).color), light(behind(e))].sort((a, b) => b - a)
        return [e.innerText, (one + 0.05) / (other + 0.05)]
    })
}"""
"""The contrast of each text with what is behind it, as WCAG 2 reckons it; 4.5 is enough for all."""


@pytest.mark.parametrize(("scheme", "size"), LOOKS)
@pytest.mark.parametrize("language", WORDS)
async def test_everybody_can_read_and_reach_everything(
    shop: TestShop, chromium: Browser, language: str, scheme: Any, size: Any
) -> None:
    await shop.parts.pool.execute("update shops set name = 'Maison-de-la-Randonnée-et-du-Camping-en-Montagne'")
    await shop.identify(consent={"email": True, "push": True})
    await suppress(shop, "sms", "+33639980001", marketing_only=True)
    async with opened(shop, chromium, f"?lang={language}&done=1", viewport=size, color_scheme=scheme) as page:
        assert await page.evaluate(_NAMELESS) == 0
        assert await page.evaluate(_TOO_SMALL) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await page.locator("h1").count() == 1
        contrasts = await page.evaluate(_CONTRASTS)
        assert len(contrasts) > 20
        assert [found for found in contrasts if found[1] < 4.5] == []
