"""The script for shop pages in a real browser: what it tells, when it is silent, and that it is in nobody's way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.integration.browsing import CHECKOUT, Visitor, for_api, visiting
from tests.integration.loopback import Answer, Break, Silence, closed_port
from tests.integration.served import Instead, Lost
from tests.support import TestShop, until

DEAD = [
    pytest.param(Instead(Silence()), id="never answers"),
    pytest.param(Instead(Break()), id="resets the connection"),
    pytest.param(Instead(Answer(503)), id="is overloaded"),
    pytest.param(Lost(), id="loses its answers"),
]
MAILS = "Write me by e-mail about my cart and about offers. I can end it any time."
TEXTS = "Text me about my cart and about offers. I can end it any time."


@pytest_asyncio.fixture
async def visitor(shop: TestShop, chromium: Browser) -> AsyncIterator[Visitor]:
    """Somebody at the shop; no test passes if their page heard a complaint that the test did not expect."""
    async with visiting(shop, chromium) as visitor:
        yield visitor
        assert visitor.complaints == []


# Consent to cookies


async def test_before_cookies_are_agreed_to_nothing_is_sent_and_nothing_is_stored(visitor: Visitor) -> None:
    await visitor.open("/tent")
    await visitor.page.click("#add")
    await visitor.call("track", "Product Viewed", {"product_id": "tent-2"})
    await visitor.call("identify", "u-1", {"email": "ana@example.com"})
    await visitor.open("/checkout")
    await visitor.type("email", "ana@example.com")
    await visitor.tick("mails")
    await visitor.open("/tent")
    assert {request.target for request in visitor.api.weather.requests} == {"/v1/capture.js"}
    assert await visitor.stored() == []
    # Nothing was kept for later, either.
    await visitor.page.click("#agree")
    assert await visitor.until_all_is_told() == ["/tent", "Product Viewed"]
    assert len(visitor.sent()) == 3


async def test_once_cookies_are_agreed_to_page_product_and_cart_are_told_each_once(visitor: Visitor) -> None:
    await visitor.open("/tent?utm_source=mail&email=ana@example.com#top")
    await visitor.page.click("#agree")
    await visitor.page.click("#agree")
    await visitor.page.click("#add")
    assert await visitor.until_all_is_told() == ["/tent", "Product Viewed", "Product Added"]
    page, viewed, added, _ = await visitor.events()
    assert page["properties"] == {"url": f"{visitor.site.url}/tent", "title": "Tent for two"}
    assert viewed["properties"]["product_id"] == "tent-2"
    assert (added["cart_id"], added["properties"]["price"]) == ("c-1", 129.9)
    assert [(event["locale"], event["timezone"]) for event in (page, viewed, added)] == [
        ("pt-BR", "America/Sao_Paulo")
    ] * 3
    assert not any(event["from_backend"] for event in (page, viewed, added))
    assert len({event["anonymous_id"] for event in (page, viewed, added)}) == 1
    assert (await visitor.shop.journey("c-1")).customer_id == added["anonymous_id"]


async def test_a_visitor_who_agreed_before_is_known_on_the_next_page(visitor: Visitor) -> None:
    await visitor.open("/tent")
    await visitor.page.click("#agree")
    first = await visitor.until_told("Product Viewed")
    await visitor.open("/checkout")
    started = await visitor.until_told("Checkout Started")
    assert started["anonymous_id"] == first["anonymous_id"]
    assert await visitor.stored() == ["relance"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("cookies", "refused"), ("cookies", "agreed-not"), ("old-cookies", "agreed"), ("other", "cookies=agreed")],
)
async def test_another_cookie_is_no_consent(visitor: Visitor, name: str, value: str) -> None:
    await visitor.has_cookie(name, value)
    await visitor.open("/tent")
    assert await visitor.page.evaluate("document.cookie") == f"{name}={value}"
    assert visitor.sent() == []
    await visitor.page.click("#agree")
    assert await visitor.until_all_is_told() == ["/tent", "Product Viewed"]


async def test_an_empty_cookie_setting_is_no_consent_where_there_are_no_cookies(visitor: Visitor) -> None:
    visitor.site.pages["/other"] = visitor.site.pages["/tent"].replace("cookies=agreed", "", 1)
    await visitor.open("/other")
    assert await visitor.page.evaluate("document.cookie") == ""
    assert await visitor.stored() == []
    await visitor.page.click("#agree")
    assert await visitor.until_all_is_told() == ["/other", "Product Viewed"]


async def test_who_takes_the_consent_back_is_forgotten_and_nothing_more_is_told(visitor: Visitor) -> None:
    await visitor.agreed()
    await visitor.open("/tent")
    first = await visitor.until_told("Product Viewed")
    await visitor.page.click("#refuse")
    assert await visitor.stored() == []
    await visitor.page.click("#add")
    await visitor.page.click("#agree")
    assert await visitor.until_all_is_told() == ["/tent", "Product Viewed", "/tent", "Product Viewed"]
    again = await visitor.until_told("Product Viewed", times=2)
    assert again["anonymous_id"] != first["anonymous_id"]


async def test_what_is_called_before_the_script_has_come_is_done_in_order(visitor: Visitor) -> None:
    calls = 'relance = [["track", "Too Early"], ["consent", true], ["track", "Cart Viewed", {"cart_id": "c-1"}]]'
    visitor.site.pages["/early"] = visitor.site.pages["/tent"].replace("<title>", f"<script>{calls}</script><title>")
    await visitor.open("/early")
    assert await visitor.until_all_is_told() == ["/early", "Product Viewed", "Cart Viewed"]


# Who it is


async def test_a_visitor_who_logs_in_is_the_user_from_then_on(visitor: Visitor) -> None:
    await visitor.agreed()
    await visitor.open("/tent")
    await visitor.page.click("#add")
    await visitor.call("identify", "u-1", {"firstName": "Ana"})
    await visitor.call("track", "Cart Viewed", {"cart_id": "c-1"})
    await visitor.until_all_is_told()
    assert (await visitor.shop.journey("c-1")).customer_id == "u-1"
    assert await visitor.shop.parts.pool.fetchval("select count(distinct customer_id) from events") == 1
    await visitor.call("reset")
    await visitor.call("track", "After The Log-Out")
    after, before = await visitor.until_told("After The Log-Out"), await visitor.until_told("Cart Viewed")
    assert after["anonymous_id"] != before["anonymous_id"]


async def test_where_the_browser_keeps_nothing_the_page_remembers_the_visitor(visitor: Visitor) -> None:
    await visitor.context.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})"
    )
    await visitor.agreed()
    await visitor.open("/tent")
    await visitor.page.click("#add")
    await visitor.until_all_is_told()
    assert len({event["anonymous_id"] for event in await visitor.events()}) == 1
    await visitor.page.evaluate("relance.consent(false)")


# The first step of the checkout


async def identifies(visitor: Visitor) -> list[dict[str, Any]]:
    await visitor.until_all_is_told()
    return [event["traits"] for event in await visitor.events() if event["kind"] == "identify"]


async def test_an_address_beside_a_ticked_box_is_told_with_its_proof(visitor: Visitor) -> None:
    await visitor.agreed()
    await visitor.open("/checkout?token=secret")
    before = await visitor.page.content()
    await visitor.type("email", "ana@example.com")
    assert await identifies(visitor) == []
    await visitor.tick("mails")
    [told] = await identifies(visitor)
    proof = told["consent"]["email"]
    assert told["email"] == "ana@example.com"
    assert proof == {
        "granted": True,
        "purpose": "marketing",
        "text": MAILS,
        "at": proof["at"],
        "page": f"{visitor.site.url}/checkout",
    }
    kept = await visitor.shop.parts.pool.fetchrow("select channel, granted, wording, at from consents")
    assert kept
    assert (kept["channel"], kept["granted"], kept["wording"]) == ("email", True, f"{MAILS} ({proof['page']})")
    # Nothing pops up, nothing is put into the page.
    assert await visitor.page.content() == before


async def test_a_box_may_be_ticked_first_and_a_number_is_read_by_the_shops_country(visitor: Visitor) -> None:
    await visitor.agreed()
    await visitor.open("/checkout")
    await visitor.page.click("text=Text me about")
    await visitor.type("phone", "06 39 98 00 01")
    await visitor.type("email", "ana@example.com")
    await visitor.type("phone", "+351 912 345 678")
    first, second = await identifies(visitor)
    assert (first["phone"], first["country"]) == ("06 39 98 00 01", "FR")
    assert (second["phone"], second.get("country")) == ("+351 912 345 678", None)
    assert first["consent"] == second["consent"]
    assert first["consent"]["sms"]["text"] == TEXTS


async def test_the_keyboard_ticks_as_well_as_the_mouse(visitor: Visitor) -> None:
    await visitor.agreed()
    await visitor.open("/checkout")
    await visitor.type("email", "ana@example.com")
    await visitor.page.keyboard.press("Space")
    await visitor.until_told("identify")


async def test_what_is_ticked_before_cookies_are_agreed_to_is_told_then(visitor: Visitor) -> None:
    await visitor.open("/checkout")
    await visitor.type("email", "ana@example.com")
    await visitor.tick("mails")
    assert visitor.sent() == []
    await visitor.page.evaluate("relance.consent(true)")
    [told] = await identifies(visitor)
    assert told["consent"]["email"]["granted"]


async def test_unticking_takes_it_back(visitor: Visitor) -> None:
    await visitor.agreed()
    await visitor.open("/checkout")
    await visitor.type("email", "ana@example.com")
    await visitor.tick("mails")
    await visitor.tick("mails")
    yes, no = await identifies(visitor)
    assert [told["consent"]["email"]["granted"] for told in (yes, no)] == [True, False]
    assert no == {"consent": no["consent"]}
    assert await visitor.shop.parts.pool.fetchval("select granted from consents") is False
    await visitor.type("email", "other@example.com")
    assert len(await identifies(visitor)) == 2


async def test_unticking_is_heard_after_the_consent_to_cookies_was_taken_back(visitor: Visitor) -> None:
    await visitor.agreed()
    await visitor.open("/checkout")
    await visitor.type("email", "ana@example.com")
    await visitor.tick("mails")
    yes = await visitor.until_told("identify")
    await visitor.page.evaluate("relance.consent(false)")
    await visitor.tick("mails")
    no = await visitor.until_told("identify", times=2)
    assert no["anonymous_id"] == yes["anonymous_id"]
    assert await visitor.shop.parts.pool.fetchval("select granted from consents") is False
    assert await visitor.stored() == []


PRE_TICKED = CHECKOUT.replace('data-relance-optin="email"', 'data-relance-optin="email" checked')
BY_SCRIPT = CHECKOUT.replace("</form>", "</form><script>document.querySelector('[name=mails]').checked = true</script>")
CLICKED_BY_SCRIPT = CHECKOUT.replace(
    "</form>", "</form><script>onload = () => document.querySelector('[name=mails]').click()</script>"
)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(PRE_TICKED, id="by the page"),
        pytest.param(BY_SCRIPT, id="by a script"),
        pytest.param(CLICKED_BY_SCRIPT, id="by a click that no person made"),
    ],
)
async def test_a_box_that_was_ticked_for_the_visitor_is_no_consent_and_unticking_it_is_a_no(
    visitor: Visitor, page: str
) -> None:
    visitor.site.pages["/ticked"] = for_api(page, visitor.api)
    await visitor.agreed()
    await visitor.open("/ticked")
    await visitor.page.wait_for_function("document.readyState == 'complete'")
    await visitor.type("email", "ana@example.com")
    assert await visitor.page.is_checked("[name=mails]")
    assert await identifies(visitor) == []
    await visitor.tick("mails")
    [no] = await identifies(visitor)
    assert no == {"consent": no["consent"]}
    assert no["consent"]["email"]["granted"] is False


async def test_a_box_that_the_page_ticked_is_no_consent_when_it_is_ticked_anew(visitor: Visitor) -> None:
    visitor.site.pages["/ticked"] = for_api(PRE_TICKED, visitor.api)
    await visitor.agreed()
    await visitor.open("/ticked")
    await visitor.type("email", "ana@example.com")
    await visitor.tick("mails")
    await visitor.tick("mails")
    assert [told["consent"]["email"]["granted"] for told in await identifies(visitor)] == [False]


async def test_a_box_without_words_is_no_consent(visitor: Visitor) -> None:
    visitor.site.pages["/mute"] = visitor.site.pages["/checkout"].replace(MAILS, "")
    await visitor.agreed()
    await visitor.open("/mute")
    await visitor.type("email", "ana@example.com")
    await visitor.tick("mails")
    assert await identifies(visitor) == []


@pytest.mark.parametrize(
    ("box", "field", "typed"),
    [("mails", "email", ["ana", "ana@", "ana@example", "  "]), ("texts", "phone", ["12", "ask me", "+", " "])],
)
async def test_what_is_no_address_is_not_told(visitor: Visitor, box: str, field: str, typed: list[str]) -> None:
    await visitor.agreed()
    await visitor.open("/checkout")
    await visitor.tick(box)
    for text in typed:
        await visitor.type(field, text)
    assert await identifies(visitor) == []


# In nobody's way


@pytest.mark.parametrize("mishap", DEAD)
async def test_the_checkout_goes_on_at_once_when_relance_does_not_answer(
    visitor: Visitor, mishap: Instead | Lost
) -> None:
    await visitor.agreed()
    await visitor.open("/checkout")
    visitor.api.weather.mishaps[:] = [mishap] * 100
    await submit(visitor)
    assert ("POST", "/checkout/delivery") in {(r.method, r.target) for r in visitor.site.requests}


async def test_the_checkout_goes_on_when_the_script_itself_cannot_be_had(visitor: Visitor) -> None:
    with closed_port() as port:
        visitor.site.pages["/checkout"] = visitor.site.pages["/checkout"].replace(
            visitor.api.url, f"http://127.0.0.1:{port}"
        )
        await visitor.page.goto(f"{visitor.site.url}/checkout")
        await submit(visitor)


async def submit(visitor: Visitor) -> None:
    """Fill the form and send it: the shop has it, whatever Relance does, and the script did not stop the event."""
    page = visitor.page
    await page.evaluate("addEventListener('submit', (event) => sessionStorage.held = event.defaultPrevented)")
    await visitor.type("email", "ana@example.com")
    await visitor.tick("mails")
    await page.click("text=Continue")
    await page.wait_for_url("**/checkout/delivery")
    assert await page.title() == "Thank you"
    assert await page.evaluate("sessionStorage.held") == "false"


async def test_what_could_not_be_sent_goes_with_the_next_event_and_counts_once(visitor: Visitor) -> None:
    await visitor.agreed()
    refused = [Instead(Answer(status, headers={"Access-Control-Allow-Origin": "*"})) for status in (503, 429)]
    visitor.api.weather.mishaps[:] = [None, *refused, Lost(), Instead(Break())]
    await visitor.open("/tent")
    for failures in (1, 2, 3, 4):
        await until_seen(visitor.failures, failures)
        await visitor.page.click("#add")
    names = await visitor.until_all_is_told()
    assert names == ["/tent", "Product Viewed", *["Product Added"] * 4]
    assert len(visitor.sent()) > len(names) + 1


async def test_what_waits_goes_when_the_page_is_left(visitor: Visitor) -> None:
    await visitor.agreed()
    visitor.api.weather.mishaps[:] = [None, Instead(Silence())]
    await visitor.open("/tent")
    await visitor.page.click("#add")
    await visitor.page.goto(f"{visitor.site.url}/elsewhere")
    await visitor.until_told("Product Added")
    assert await visitor.names() == ["/tent", "Product Viewed", "Product Added"]


async def test_a_mistake_in_the_page_is_told_in_the_console_and_what_is_right_is_told(visitor: Visitor) -> None:
    page = visitor.site.pages["/tent"].replace('{"product_id": "tent-2", "name": "Tent for two"}', "{product}", 1)
    visitor.site.pages["/tent"] = page
    await visitor.agreed()
    await visitor.open("/tent")
    await visitor.call("no-such-call")
    await visitor.call("track")
    await visitor.call("identify", "u-1", {"consent": {"sms": True}})
    await visitor.page.click("#add")
    assert await visitor.until_all_is_told() == ["/tent", "Product Added"]
    await until_seen(visitor.complaints, 4)
    complaints, visitor.complaints[:] = " ".join(visitor.complaints), []
    for part in ("JSON", "not a function", "needs the name of the event", "a yes needs its proof"):
        assert part in complaints


async def test_a_wrong_key_is_told_in_the_console(visitor: Visitor) -> None:
    visitor.site.pages["/tent"] = visitor.site.pages["/tent"].replace(visitor.api.write_key, "write_wrong")
    await visitor.agreed()
    await visitor.open("/tent")
    await until_seen(visitor.complaints, 1)
    complaint, visitor.complaints[:] = visitor.complaints[0], []
    assert "data-write-key" in complaint


async def until_seen(seen: list[str], times: int) -> None:
    async def are_seen() -> bool:
        return len(seen) >= times

    await until(are_seen)


async def test_a_page_that_holds_the_script_twice_tells_everything_once(visitor: Visitor) -> None:
    tag = f'<script async src="{visitor.api.url}/v1/capture.js" data-write-key="{visitor.api.write_key}"></script>'
    visitor.site.pages["/tent"] = visitor.site.pages["/tent"].replace("</head>", f"{tag * 2}</head>")
    await visitor.open("/tent")
    await visitor.page.click("#agree")
    await visitor.page.click("#add")
    assert await visitor.until_all_is_told() == ["/tent", "Product Viewed", "Product Added"]
