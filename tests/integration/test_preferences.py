"""The preference page: what it shows, to whom, and what it keeps to itself."""

from __future__ import annotations

import base64
import hashlib
import re

import httpx
import pytest

from api.preference_words import WORDS
from journeys.facts import Medium
from journeys.preferences import ASKED, EVERYTHING
from tests.integration.preferring import (
    ALL_NO,
    BOX,
    ONE_CLICK,
    boxes,
    browser,
    events_of,
    filled,
    link,
    suppress,
    words_of,
    write_key,
)
from tests.integration.served import served
from tests.support import MINUTE, TestShop

__all__ = ["browser"]


# What it shows


async def test_the_page_shows_how_a_person_can_be_reached_and_what_counts(
    browser: httpx.AsyncClient, shop: TestShop
) -> None:
    words = [{"granted": True, "purpose": "marketing"}, {"granted": False, "purpose": "service"}]
    await shop.identify(phone="none", consent={"email": words, "push": False})
    page = await browser.get(link(shop))
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert boxes(page) == {
        "email.marketing": True,
        "email.service": False,
        "push.marketing": False,
        "push.service": True,
    }


async def test_a_telephone_can_be_written_to_and_called(browser: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.identify(email="", consent={"sms": True})
    shown = {name.partition(".")[0] for name in boxes(await browser.get(link(shop)))}
    assert shown == {"sms", "voice", "whatsapp"}


async def test_who_has_no_address_and_was_on_no_page_is_told_so_and_can_stop_everything(
    browser: httpx.AsyncClient, shop: TestShop
) -> None:
    await shop.take(shop.event("identify"))
    page = await browser.get(link(shop))
    assert boxes(page) == {}
    assert WORDS["en"].nothing_to_choose in page.text
    assert (await browser.post(link(shop), data={"act": "stop"})).status_code == 303
    assert await words_of(shop) == ALL_NO


async def test_who_was_on_the_shops_pages_may_say_no_to_messages_there(
    browser: httpx.AsyncClient, shop: TestShop
) -> None:
    await shop.fill()
    page = await browser.get(link(shop))
    assert boxes(page) == {"on_site.marketing": True, "on_site.service": True}
    said = {"act": "save", "was_on": ["on_site.marketing", "on_site.service"], "on": ["on_site.service"]}
    assert (await browser.post(link(shop), data=said)).status_code == 303
    assert boxes(await browser.get(link(shop))) == {"on_site.marketing": False, "on_site.service": True}


@pytest.mark.parametrize(
    ("asked", "locale", "browsers", "language"),
    [
        ("", "it-IT", "fr", "it"),
        ("?lang=pt", "it-IT", "fr", "pt"),
        ("?lang=xx", "it-IT", "fr", "it"),
        ("", "", "de-DE, fr-FR;q=0.7, en;q=0.3", "fr"),
        ("", "", "de", "en"),
        ("", None, "", "en"),
    ],
)
async def test_the_page_speaks_the_persons_language(
    browser: httpx.AsyncClient, shop: TestShop, asked: str, locale: str | None, browsers: str, language: str
) -> None:
    await shop.identify(locale=locale)
    page = await browser.get(link(shop) + asked, headers={"Accept-Language": browsers})
    assert f'<html lang="{language}">' in page.text
    assert f"<h1>{WORDS[language].title}</h1>" in page.text


async def test_the_page_tells_nothing_of_the_person(browser: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.identify(firstName="Zoé-Aline", lastName="Dupont")
    page = await browser.get(link(shop))
    for personal in ("Zoé-Aline", "Dupont", "ann@example.com", "39980001", ">ann<"):
        assert personal not in page.text


async def test_the_shops_name_is_text(browser: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.parts.pool.execute("update shops set name = '<script>alert(1)</script> {{ words }} {0}'")
    await shop.identify()
    page = await browser.get(link(shop) + "?lang=%22%3E%3Cscript%3E")
    assert "<script" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ words }} {0}" in page.text


async def test_the_page_may_load_nothing_and_is_kept_nowhere(browser: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.identify()
    for page in (
        await browser.get(link(shop)),
        await browser.get("/u/none"),
        await browser.post(link(shop), data=ONE_CLICK),
        await browser.post(link(shop), data={"act": "stop"}),
    ):
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-robots-tag"].startswith("noindex")
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert "set-cookie" not in page.headers
        assert not re.findall(r"<script|<img|<link|<iframe|https?:|//|url\(|@import|javascript:", page.text)


async def test_the_policy_lets_exactly_the_pages_own_style_apply(browser: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.identify()
    page = await browser.get(link(shop))
    [style] = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in page.headers["content-security-policy"]


async def test_every_box_has_a_label_and_every_group_a_legend(browser: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.identify()
    await suppress(shop, "email", "ann@example.com", marketing_only=False)
    page = (await browser.get(link(shop))).text
    names = [name for name, _, _ in BOX.findall(page)]
    assert re.findall(r'<label for="([\w.]+)">', page) == names
    assert page.count("<legend>") == page.count("<fieldset>") == len(names) / len(ASKED)
    for note in re.findall(r'aria-describedby="([\w-]+)"', page):
        assert page.count(f'id="{note}"') == 1


@pytest.mark.parametrize("marketing_only", [True, False])
async def test_what_is_suppressed_is_shown_so_and_cannot_be_ticked(
    browser: httpx.AsyncClient, shop: TestShop, *, marketing_only: bool
) -> None:
    await shop.identify(email="Ann@Example.com")
    await suppress(shop, "email", "ann@example.com", marketing_only=marketing_only)
    page = await browser.get(link(shop))
    assert WORDS["fr"].suppressed in page.text
    assert {name for name in boxes(page) if name.startswith("email")} == (
        {"email.service"} if marketing_only else set()
    )
    before = await words_of(shop)
    await browser.post(link(shop), data=filled(page))
    assert await words_of(shop) == before


def test_every_medium_has_a_box() -> None:
    assert {choice[0] for choice in EVERYTHING} == set(Medium)


# GET and HEAD only show


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_scanner_that_opens_the_link_changes_nothing(
    browser: httpx.AsyncClient, shop: TestShop, method: str
) -> None:
    await shop.identify()
    before = await events_of(shop)
    for query in ("", "?done=1", "?act=stop", "?List-Unsubscribe=One-Click"):
        assert (await browser.request(method, link(shop) + query)).status_code == 200
    assert await events_of(shop) == before
    assert await words_of(shop) == {("sms", "marketing"): True, ("email", "marketing"): True}


async def test_a_head_request_is_answered_over_a_real_line(shop: TestShop) -> None:
    await shop.identify()
    async with served(shop) as api, httpx.AsyncClient(base_url=api.url) as client:
        shown, head = await client.get(link(shop)), await client.head(link(shop))
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == shown.headers["content-type"]


# Who it is


async def test_the_link_of_a_person_who_was_merged_leads_to_who_they_are_now(
    browser: httpx.AsyncClient, shop: TestShop
) -> None:
    await shop.identify("ann")
    old = link(shop, "ann")
    await shop.identify("bob", email="bob@example.com")
    alias = shop.event("page", MINUTE, person="bob")
    told = {"kind": "alias", "name": "alias", "previous_id": "ann", "from_backend": True, "at": shop.begins}
    await shop.take(alias.model_copy(update=told))
    await shop.take(shop.event("identify", 2 * MINUTE, person="bob", consent={"sms": False}))
    assert boxes(await browser.get(old))["sms.marketing"] is False
    assert (await browser.post(old, data=ONE_CLICK)).status_code == 200
    assert (await words_of(shop, "bob"))["email", "marketing"] is False
    assert await words_of(shop, "ann") == {}


async def test_a_visitor_who_unsubscribes_is_still_a_visitor(browser: httpx.AsyncClient, shop: TestShop) -> None:
    message = {"anonymousId": "device-9", "traits": {"email": "v@example.com", "consent": {"email": True}}}
    key = {"Authorization": f"Basic {base64.b64encode(f'{await write_key(shop)}:'.encode()).decode()}"}
    assert (await browser.post("/v1/identify", json=message, headers=key)).status_code == 200
    await browser.post(link(shop, "device-9"), data=ONE_CLICK)
    assert await words_of(shop, "device-9") == {("email", "marketing"): False}
    # They turn out to be Ann only now, and their no stays above the yes that was said before.
    await shop.take(
        shop.event("identify", MINUTE, person="ann").model_copy(update={"anonymous_id": "device-9", "at": shop.begins})
    )
    row = await shop.parts.pool.fetchrow("select customer_id, why from aliases")
    assert row is not None
    assert tuple(row) == ("ann", "a visitor turned out to be a customer")
    assert await words_of(shop, "ann") == {("email", "marketing"): False}


async def test_a_person_who_was_erased_is_told_so_and_not_brought_back(
    browser: httpx.AsyncClient, shop: TestShop
) -> None:
    await shop.identify()
    await shop.parts.pool.execute("delete from consents; delete from consent_words; delete from customers")
    for answer in (
        await browser.get(link(shop), headers={"Accept-Language": "pt"}),
        await browser.post(link(shop), data=ONE_CLICK, headers={"Accept-Language": "pt"}),
        await browser.post(link(shop), data={"act": "stop"}, headers={"Accept-Language": "pt"}),
    ):
        assert answer.status_code == 200
        assert WORDS["pt"].gone[1] in answer.text
        assert "<form" not in answer.text
    assert await shop.parts.pool.fetchval("select count(*) from customers") == 0


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", ["none", "%00", "%F0%9F%98%80", "a" * 5_000])
async def test_a_link_that_was_changed_is_not_found_and_says_so_in_the_browsers_language(
    browser: httpx.AsyncClient, token: str, method: str
) -> None:
    answer = await browser.request(method, f"/u/{token}", headers={"Accept-Language": "it-CH,it;q=0.9"})
    assert answer.status_code == 404
    assert '<html lang="it">' in answer.text
    assert WORDS["it"].no_such_link[0] in answer.text


async def test_another_shops_person_of_the_same_id_is_left_alone(browser: httpx.AsyncClient, shop: TestShop) -> None:
    other = TestShop(shop.parts)
    await other.open()
    await shop.identify()
    await other.identify(consent={"email": True})
    await browser.post(link(shop), data={"act": "stop"})
    assert await words_of(other) == {("email", "marketing"): True}


async def test_while_the_database_is_down_a_person_is_told_to_come_again(
    browser: httpx.AsyncClient, shop: TestShop
) -> None:
    path = link(shop)
    await shop.parts.pool.close()
    for answer in (await browser.get(path), await browser.post(path, data=ONE_CLICK)):
        assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert int(answer.headers["retry-after"]) > 0
        assert WORDS["en"].not_now[0] in answer.text
