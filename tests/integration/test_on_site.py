"""What the shop's own pages show: the door for them, in which browsers it gives what, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from temporalio.testing import ActivityEnvironment

from activities.clock import WorldClock
from activities.upkeep import Upkeep
from journeys.facts import Channel
from journeys.question import Mode
from storage import commands, on_site, paused_plans, reading, shops, story
from tests.integration.served import served
from tests.integration.showing import BROWSER, OTHER, Pages, by, fill, live, pages, send
from tests.support import HOUR, MINUTE, TestShop, cart_recovery

NOT_THERE = "the person is not on the shop's pages"


@pytest_asyncio.fixture
async def page(shop: TestShop) -> AsyncIterator[Pages]:
    """A page of the shop, to which messages really go."""
    await live(shop)
    async with pages(shop) as page:
        yield page


async def answers(shop: TestShop, **about: Any) -> str | None:
    """Give what the gate has against a message on the pages; None where it has nothing."""
    journey = await shop.journey(**about)
    read = await reading.situation(shop.parts.pool, journey.id, cart_recovery(), shop.begins)
    return read.decide(cart_recovery(), Channel.ON_SITE).reason


# What is shown


async def test_a_visitor_is_shown_their_message_with_the_link_back(shop: TestShop, page: Pages) -> None:
    await fill(shop)
    assert await page.shown() is None
    assert (await send(shop)).outcome == "sent"
    shown = await page.shown()
    assert shown
    assert (shown["title"], shown["text"]) == ("Your cart is still here", "Teapot is waiting where you left it.")
    assert shown["button"] == "Back to my cart"
    assert shown["link"].startswith("https://relance.example.com/l/")
    assert await page.shown() == shown


async def test_a_message_goes_out_once_and_takes_no_account(shop: TestShop) -> None:
    await live(shop)
    await fill(shop)
    await send(shop)
    assert (await send(shop)).outcome == "sent"
    assert await shop.ledger() == [("first", "on_site", "accepted", None)]
    assert await shop.parts.pool.fetchval("select count(*) from on_site_messages") == 1
    row = await shop.parts.pool.fetchrow("select provider, cost from sends")
    assert row
    assert (row["provider"], row["cost"]) == ("on_site", 0)


async def test_the_newest_of_two_messages_is_shown_and_the_other_after_it_is_closed(
    shop: TestShop, page: Pages
) -> None:
    await fill(shop)
    await send(shop)
    await send(shop, "second", shop.begins + MINUTE)
    second = await page.shown()
    assert second
    assert second["title"] == "Your cart ships free"
    assert await page.shown(closed=second["id"]) is None
    first = await page.shown()
    assert first
    assert first["title"] == "Your cart is still here"


async def test_a_message_that_is_closed_stays_closed(shop: TestShop, page: Pages) -> None:
    await fill(shop)
    await send(shop)
    shown = await page.shown()
    assert shown
    for _ in range(2):
        assert await page.shown(closed=shown["id"]) is None
    assert await page.shown() is None
    journey = await shop.journey()
    told = [line.what for line in await story.tell(shop.parts.pool, journey)]
    assert [what for what in told if what.startswith("first by")] == [
        "first by on_site: accepted",
        "first by on_site: closed",
    ]


async def test_the_first_page_that_shows_it_is_its_receipt(shop: TestShop, page: Pages) -> None:
    await fill(shop)
    await send(shop)
    delivered = "select delivered_at from sends"
    assert await shop.parts.pool.fetchval(delivered) is None
    card = await page.shown()
    assert card
    # It was given out, and no more than that is known.
    assert await shop.parts.pool.fetchval(delivered) is None
    await page.shown(OTHER, shown=card["id"])
    assert await shop.parts.pool.fetchval(delivered) is None
    await page.shown(shown=card["id"])
    at = await shop.parts.pool.fetchval(delivered)
    assert at is not None
    await page.shown(shown=card["id"])
    assert await shop.parts.pool.fetchval(delivered) == at
    assert await shop.parts.pool.fetchval("select count(*) from events where name = 'Message Delivered'") == 1


async def test_the_link_leads_to_the_cart_and_counts_the_click(shop: TestShop, page: Pages) -> None:
    await fill(shop)
    await send(shop)
    shown = await page.shown()
    assert shown
    answer = await page.http.get(shown["link"].removeprefix("https://relance.example.com"))
    assert answer.headers["Location"].startswith("https://shop.example.com/cart?relance=")
    clicked = await shop.parts.pool.fetchrow("select customer_id from events where name = 'Message Clicked'")
    assert clicked
    assert clicked["customer_id"] == BROWSER


async def test_in_the_sandbox_it_is_kept_there_and_shown_on_no_page(shop: TestShop) -> None:
    await live(shop, Mode.SANDBOX)
    await fill(shop)
    await send(shop)
    async with pages(shop) as page:
        assert await page.shown() is None
        await live(shop)
        assert await page.shown() is None
    assert await shop.parts.pool.fetchval("select subject from sandbox_messages") == "Your cart is still here"


async def test_half_an_hour_after_it_was_sent_it_is_shown_no_more(shop: TestShop, page: Pages) -> None:
    await fill(shop)
    await send(shop)
    age = "update sends set sent_at = now() - $1::interval"
    await shop.parts.pool.execute(age, timedelta(minutes=29))
    assert await page.shown()
    await shop.parts.pool.execute(age, timedelta(minutes=30))
    assert await page.shown() is None


async def test_what_was_shown_is_forgotten_after_a_day(shop: TestShop) -> None:
    await live(shop)
    await fill(shop)
    await send(shop)
    upkeep = Upkeep(shop.parts.pool, WorldClock(), keep_months=0)
    for hours, kept in ((23, 1), (25, 0)):
        await shop.parts.pool.execute("update sends set sent_at = now() - $1::interval", timedelta(hours=hours))
        await ActivityEnvironment().run(upkeep.drop_months)
        assert await shop.parts.pool.fetchval("select count(*) from on_site_messages") == kept


# When it is shown no more


async def refused_from_now_on(shop: TestShop, what: str) -> None:
    journey = await shop.journey()
    match what:
        case "the cart is ordered":
            await shop.take(by(shop.event("Order Completed", order_id="o-1", cart_id="c-1", total=40), BROWSER))
        case "another order, with the journey played out":
            await played_out(shop)
            await shop.take(by(shop.event("Order Completed", MINUTE, order_id="o-1", cart_id="c-9", total=40), BROWSER))
        case "the cart is emptied":
            await shop.take(by(shop.event("Product Removed", MINUTE, cart_id="c-1", product_id="p-1"), BROWSER))
        case "a no":
            consent = {"on_site": False}
            await shop.take(by(shop.event("identify", MINUTE, consent=consent), BROWSER))
        case "the journey is cancelled":
            await commands.cancel(shop.parts.pool, journey.id, "they called", shop.begins)
        case "the journey is paused":
            await commands.pause(shop.parts.pool, journey.id, shop.begins)
        case "the plan is paused":
            await paused_plans.pause(shop.parts.pool, shop.shop, journey.plan, shop.begins)
        case "the shop stops":
            await live(shop, Mode.STOPPED)


async def played_out(shop: TestShop) -> None:
    await shop.parts.pool.execute(
        "update journeys set status = 'ended', outcome = 'finished', ended_at = $1", shop.begins
    )


@pytest.mark.parametrize(
    "what",
    [
        "the cart is ordered",
        "another order, with the journey played out",
        "the cart is emptied",
        "a no",
        "the journey is cancelled",
        "the journey is paused",
        "the plan is paused",
        "the shop stops",
    ],
)
async def test_from_then_on_it_is_not_shown(shop: TestShop, page: Pages, what: str) -> None:
    await fill(shop)
    await send(shop)
    assert await page.shown()
    await refused_from_now_on(shop, what)
    assert await page.shown() is None


async def test_the_last_message_of_a_journey_is_shown_though_that_is_played_out(shop: TestShop, page: Pages) -> None:
    await fill(shop)
    await send(shop)
    await played_out(shop)
    assert await page.shown()


# In whose browser


async def test_nobody_elses_browser_is_shown_it_or_closes_it(shop: TestShop, page: Pages) -> None:
    await fill(shop)
    await send(shop)
    shown = await page.shown()
    assert shown
    assert await page.shown(OTHER) is None
    assert await page.shown(OTHER, closed=shown["id"]) is None
    assert await page.shown() == shown
    assert not [line for line in await story.tell(shop.parts.pool, await shop.journey()) if "closed" in line.what]


@pytest.mark.parametrize("user", ["u-1", "9f1c2b1e-8a55-4c0e-9d0b-6a3f0c8e7d21"])
async def test_the_id_of_a_user_reads_nothing(shop: TestShop, page: Pages, user: str) -> None:
    await shop.identify(user)
    await fill(shop, user=user, backend=True)
    await send(shop)
    assert await page.shown() is not None
    answer = await page.post(user)
    # One that looks like a browser's own is nobody's; any other is told so.
    assert (answer.json().get("message"), answer.status_code) == (None, 422 if user == "u-1" else 200)


async def test_a_page_that_calls_its_browser_a_user_reads_nothing_of_theirs(shop: TestShop, page: Pages) -> None:
    await shop.identify("u-1")
    await fill(shop, user="u-1", backend=True)
    await send(shop)
    # The write key is public, and the id of the user was guessed.
    await shop.take(by(shop.event("page"), OTHER, user="u-1"))
    await shop.take(by(shop.event("Cart Viewed", cart_id="c-1"), OTHER, user="u-1"))
    assert await shop.parts.pool.fetchval("select customer_id from aliases where alias_id = $1", OTHER) == "u-1"
    assert await page.shown(OTHER) is None
    assert await page.shown() is not None


async def test_a_cart_that_a_page_calls_a_users_opens_no_browser(shop: TestShop, page: Pages) -> None:
    await shop.identify("u-1")
    await fill(shop, OTHER)
    await shop.take(by(shop.event("page"), OTHER, user="u-1"))
    assert (await shop.journey()).customer_id == "u-1"
    assert await answers(shop) == NOT_THERE
    assert (await send(shop)).outcome == "failed"
    assert await page.shown(OTHER) is None


async def test_a_user_is_shown_it_in_every_browser_that_the_backend_calls_theirs(shop: TestShop, page: Pages) -> None:
    await fill(shop)
    await shop.take(by(shop.event("page"), BROWSER, user="u-1", backend=True))
    await shop.take(by(shop.event("page", MINUTE), OTHER, user="u-1", backend=True))
    await send(shop)
    assert await page.shown() == await page.shown(OTHER) is not None


async def test_a_browser_that_the_backend_calls_a_users_by_an_alias_is_shown_it(shop: TestShop, page: Pages) -> None:
    await fill(shop)
    told = {"kind": "alias", "name": "alias", "previous_id": OTHER, "from_backend": True}
    await shop.take(by(shop.event("page"), BROWSER, user="u-1"))
    await shop.take(shop.event("page", person="u-1").model_copy(update=told))
    await on_site.look(shop.parts.pool, shop.shop, OTHER, shop.begins)
    await send(shop)
    assert await page.shown(OTHER)


async def test_the_guest_of_an_order_is_no_browser(shop: TestShop, page: Pages) -> None:
    await fill(shop, "shopify-order:1001")
    assert await answers(shop) == NOT_THERE
    assert (await page.post("shopify-order:1001")).status_code == 422


# What the gate says


async def test_who_is_there_may_be_shown_it_without_a_yes_and_at_any_hour(shop: TestShop) -> None:
    await live(shop)
    known = await shops.get(shop.parts.pool, shop.shop)
    await shops.save(
        shop.parts.pool, shops.Shop(**{**vars(known), "policy": known.policy.model_copy(update={"quiet_hours": True})})
    )
    await fill(shop)
    assert await answers(shop) is None


async def test_who_has_left_is_shown_nothing(shop: TestShop) -> None:
    await live(shop)
    await shop.take(by(shop.event("Product Added", cart_id="c-1", product_id="p-1", price=4), BROWSER))
    # An event is not enough: a shop may have no page that shows anything.
    assert await answers(shop) == NOT_THERE
    await on_site.look(shop.parts.pool, shop.shop, BROWSER, shop.begins - 2 * MINUTE)
    assert await answers(shop) == NOT_THERE
    await on_site.look(shop.parts.pool, shop.shop, BROWSER, shop.begins - MINUTE)
    assert await answers(shop) is None


async def test_whoever_reads_a_page_for_long_is_still_there(shop: TestShop) -> None:
    await live(shop)
    await shop.take(by(shop.event("Product Added", -HOUR, cart_id="c-1", product_id="p-1", price=4), BROWSER))
    for before, later in ((11 * MINUTE, None), (4 * MINUTE, shop.begins + 6 * MINUTE)):
        await on_site.look(shop.parts.pool, shop.shop, BROWSER, shop.begins - before)
        journey = await shop.journey()
        read = await reading.situation(shop.parts.pool, journey.id, cart_recovery(), shop.begins)
        rules = {answer.rule: answer.verdict for answer in read.decide(cart_recovery(), Channel.EMAIL).answers}
        assert getattr(rules["has_left"], "until", None) == later


async def test_a_user_without_a_browser_is_shown_nothing(shop: TestShop) -> None:
    await live(shop)
    await shop.fill()
    assert await answers(shop) == NOT_THERE


async def test_a_no_is_a_no(shop: TestShop) -> None:
    await live(shop)
    await fill(shop)
    await shop.take(by(shop.event("identify", consent={"on_site": False}), BROWSER))
    assert await answers(shop) == "no consent to marketing by on_site"


@pytest.mark.parametrize(
    ("listed", "reason"), [(BROWSER, None), ("ann@example.com", None), ("u-1", "address is not on the allowlist")]
)
async def test_in_allowlist_mode_the_person_or_one_of_their_addresses_is_listed(
    shop: TestShop, listed: str, reason: str | None
) -> None:
    await live(shop, Mode.ALLOWLIST)
    known = await shops.get(shop.parts.pool, shop.shop)
    await shops.save(shop.parts.pool, shops.Shop(**{**vars(known), "allowlist": (listed,)}))
    await fill(shop)
    await shop.take(by(shop.event("identify", email="ann@example.com"), BROWSER))
    assert await answers(shop) == reason


async def test_two_in_a_day_are_enough(shop: TestShop) -> None:
    await live(shop)
    await fill(shop)
    await send(shop)
    assert await answers(shop) is None
    await send(shop, "second")
    assert await answers(shop) == "cap of 2 in 24h by on_site is reached"


# The door


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"anonymousId": None}, 422, "anonymousId: must be"),
        ({"anonymousId": ""}, 422, "anonymousId: must be"),
        ({"anonymousId": 12345678901234567890}, 422, "anonymousId: must be"),
        ({"anonymousId": BROWSER + "\n"}, 422, "anonymousId: must be"),
        ({"anonymousId": BROWSER + "\x00"}, 422, "anonymousId: must be"),
        ({"anonymousId": "u-1"}, 422, "no user's id is taken"),
        ({"closed": 7}, 422, "closed: must be"),
        ({"closed": "a\x00b"}, 422, "closed: must be"),
        ({"writeKey": "write_wrong"}, 401, "writeKey: must be"),
        ({"writeKey": None}, 401, "writeKey: must be"),
        ({"more": "x" * 20_000}, 413, "larger than 16 KB"),
    ],
)
async def test_what_cannot_be_answered_is_told_what_to_change(
    page: Pages, body: dict[str, Any], status: int, says: str
) -> None:
    told = {"writeKey": page.write_key, "anonymousId": BROWSER} | body
    answer = await page.http.post("/v1/on-site", content=json.dumps(told))
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]


async def test_an_api_key_opens_nothing_here(shop: TestShop, page: Pages) -> None:
    page.write_key = await shops.create_key(shop.parts.pool, shop.shop, "api", "test")
    assert (await page.post()).status_code == 401


async def test_another_shops_key_reads_nothing(shop: TestShop, page: Pages) -> None:
    await fill(shop)
    await send(shop)
    await shops.create(shop.parts.pool, "other", "Other")
    page.write_key = await shops.create_key(shop.parts.pool, "other", "write", "test")
    assert await page.shown() is None


async def test_pages_of_any_origin_may_ask_and_too_many_at_once_wait(shop: TestShop) -> None:
    async with served(shop) as api, httpx.AsyncClient(base_url=api.url) as browser:
        asks = {"Origin": "https://shop.example.com", "Access-Control-Request-Method": "POST"}
        allowed = await browser.options("/v1/on-site", headers=asks)
        assert allowed.headers["Access-Control-Allow-Origin"] == "*"
        body = json.dumps({"writeKey": api.write_key, "anonymousId": BROWSER})
        answer = await browser.post("/v1/on-site", content=body, headers={"Origin": "https://shop.example.com"})
        assert (answer.json(), answer.headers["Cache-Control"]) == ({"message": None}, "no-store")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    async with served(shop, most_at_once=0) as api, httpx.AsyncClient(base_url=api.url) as browser:
        answer = await browser.post("/v1/on-site", content=body, headers={"Origin": "https://shop.example.com"})
        assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)


async def test_the_script_is_small_and_can_be_loaded_by_any_page(page: Pages) -> None:
    answer = await page.http.get("/v1/on-site.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert len(answer.content) < 4_000
    assert b"innerHTML" not in answer.content
