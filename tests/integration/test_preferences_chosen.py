"""What people choose on the preference page or by one click counts at once, and nothing else changes."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api import capture
from api.preference_words import WORDS
from journeys.events import BadEventError
from tests.integration.preferring import ALL_NO, ONE_CLICK, boxes, browser, events_of, filled, link, words_of, write_key
from tests.support import TestShop

__all__ = ["browser"]


# One click


@pytest.mark.parametrize("parts", [False, True], ids=["urlencoded", "multipart"])
async def test_one_click_stops_marketing_by_email_at_once_and_nothing_else(
    browser: httpx.AsyncClient, shop: TestShop, *, parts: bool
) -> None:
    await shop.identify()
    answer = await browser.post(
        link(shop), **({"files": {"List-Unsubscribe": (None, "One-Click")}} if parts else {"data": ONE_CLICK})
    )
    assert answer.status_code == 200
    assert await words_of(shop) == {("sms", "marketing"): True, ("email", "marketing"): False}
    wording = await shop.parts.pool.fetchval("select wording from consents where channel = 'email'")
    assert wording == "List-Unsubscribe=One-Click (https://relance.example.com/u)"


async def test_what_is_told_with_a_clock_that_is_ahead_does_not_undo_one_click(
    browser: httpx.AsyncClient, shop: TestShop
) -> None:
    key = {"Authorization": f"Basic {base64.b64encode(f'{await write_key(shop)}:'.encode()).decode()}"}
    ahead = (shop.begins + timedelta(minutes=4)).isoformat()
    told = {"userId": "ann", "timestamp": ahead, "traits": {"email": "ann@example.com", "consent": {"email": True}}}
    assert (await browser.post("/v1/identify", json=told, headers=key)).status_code == 200
    await browser.post(link(shop), data=ONE_CLICK)
    assert (await words_of(shop))["email", "marketing"] is False


# The page's form


async def test_who_unticks_a_box_gets_no_more_of_it_and_the_rest_stays(
    browser: httpx.AsyncClient, shop: TestShop
) -> None:
    await shop.identify()
    page = await browser.get(link(shop))
    done = await browser.post(link(shop), data=filled(page, sms_marketing=False, email_service=False))
    assert (done.status_code, done.headers["location"]) == (303, "?done=1")
    assert await words_of(shop) == {
        ("sms", "marketing"): False,
        ("email", "marketing"): True,
        ("email", "service"): False,
    }
    shown = await browser.get(link(shop) + done.headers["location"])
    assert f'role="status">{WORDS["fr"].saved}<' in shown.text
    assert boxes(shown) == boxes(page) | {"sms.marketing": False, "email.service": False}


async def test_a_choice_is_kept_with_the_words_that_stood_beside_it(browser: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.identify(consent={})
    page = await browser.get(link(shop) + "?lang=it")
    done = await browser.post(link(shop) + "?lang=it", data=filled(page, email_marketing=True))
    assert done.headers["location"] == "?done=1&lang=it"
    row = await shop.parts.pool.fetchrow("select channel, purpose, granted, wording from consents")
    assert row is not None
    beside = "E-mail: Offerte e promemoria, per esempio novità, sconti o un carrello lasciato a metà"
    assert tuple(row) == ("email", "marketing", True, f"{beside} (https://relance.example.com/u)")
    told = await shop.parts.pool.fetchrow("select kind, content->>'from_backend' from events order by received_at desc")
    assert told is not None
    assert tuple(told) == ("identify", "true")


async def test_a_form_that_is_posted_unchanged_says_nothing(browser: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.identify()
    before = await events_of(shop)
    page = await browser.get(link(shop))
    assert (await browser.post(link(shop), data=filled(page))).status_code == 303
    assert await events_of(shop) == before


async def test_a_form_that_is_posted_twice_does_no_harm(browser: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.identify()
    form = filled(await browser.get(link(shop)), sms_marketing=False)
    for _ in range(2):
        assert (await browser.post(link(shop), data=form)).status_code == 303
    assert (await words_of(shop))["sms", "marketing"] is False
    assert (await words_of(shop))["email", "marketing"] is True


async def test_a_page_that_was_open_for_long_does_not_undo_what_was_said_since(
    browser: httpx.AsyncClient, shop: TestShop
) -> None:
    await shop.identify()
    page = await browser.get(link(shop))
    await browser.post(link(shop), data=ONE_CLICK)
    # On the old page e-mail still stands ticked.
    await browser.post(link(shop), data=filled(page, sms_marketing=False))
    assert await words_of(shop) == {("sms", "marketing"): False, ("email", "marketing"): False}


async def test_one_button_stops_everything_also_where_there_is_no_address_yet(
    browser: httpx.AsyncClient, shop: TestShop
) -> None:
    await shop.identify(phone="none")
    done = await browser.post(link(shop), data={"act": "stop"})
    assert await words_of(shop) == ALL_NO
    shown = await browser.get(link(shop) + done.headers["location"])
    assert not any(boxes(shown).values())
    assert WORDS["fr"].stopped in shown.text


@pytest.mark.parametrize("how", ["one click", "a box", "a box, another ticked"])
async def test_where_the_shop_says_so_one_no_stops_everything(
    browser: httpx.AsyncClient, shop: TestShop, how: str
) -> None:
    await shop.parts.pool.execute("""update shops set policy = '{"revoke_all": true}'""")
    await shop.identify()
    page = await browser.get(link(shop))
    assert WORDS["fr"].at_once in page.text
    ticks = {"sms_marketing": False} | ({"voice_marketing": True} if "another" in how else {})
    await browser.post(link(shop), data=ONE_CLICK if how == "one click" else filled(page, **ticks))
    assert await words_of(shop) == ALL_NO
    # What they want after all they may choose again.
    page = await browser.get(link(shop))
    await browser.post(link(shop), data=filled(page, email_marketing=True))
    assert {key for key, granted in (await words_of(shop)).items() if granted} == {("email", "marketing")}


async def test_without_it_a_no_is_about_what_it_names(browser: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.parts.pool.execute("""update shops set policy = '{"revoke_all": false}'""")
    await shop.identify()
    page = await browser.get(link(shop))
    assert WORDS["fr"].at_once not in page.text
    await browser.post(link(shop), data=filled(page, sms_marketing=False))
    assert (await words_of(shop))["email", "marketing"] is True


@pytest.mark.parametrize(
    "body",
    [b"", b"act=delete", b"List-Unsubscribe=Yes", b"\xff\xfe", b'{"act": "stop"}', b"&" * 1000, b"on=sms.marketing"],
    ids=ascii,
)
async def test_what_is_no_form_of_the_page_changes_nothing_and_says_so(
    browser: httpx.AsyncClient, shop: TestShop, body: bytes
) -> None:
    await shop.identify()
    before = await events_of(shop)
    answer = await browser.post(link(shop), content=body)
    assert answer.status_code == 400
    assert WORDS["fr"].not_understood[0] in answer.text
    assert await events_of(shop) == before


async def test_a_box_that_is_none_is_passed_over(browser: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.identify()
    before = await words_of(shop)
    form = {"act": "save", "was_on": ["sms.transactional", "fax.marketing", "sms"], "was_off": ["\0"], "on": ["\0"]}
    assert (await browser.post(link(shop), data=form)).status_code == 303
    assert await words_of(shop) == before


async def test_a_body_that_is_too_large_is_refused(browser: httpx.AsyncClient, shop: TestShop) -> None:
    await shop.identify()
    assert (await browser.post(link(shop), content=b"a" * 20_000)).status_code == 413


# What pages may say by themselves


@pytest.mark.parametrize("word", [{"granted": True}, {"granted": True, "text": "x", "at": "2026-03-01T10:15:00Z"}])
def test_a_list_is_no_way_around_the_proof_of_a_yes(shop: TestShop, word: dict[str, Any]) -> None:
    consent = {"email": [{"granted": False, "purpose": "service"}, word]}
    with pytest.raises(BadEventError, match="needs its proof"):
        capture.check(shop.event("identify", consent=consent))
    capture.check(shop.event("identify", consent={"email": [{"granted": False, "purpose": "service"}]}))
