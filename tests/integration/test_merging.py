"""Who is who: by alias, by a shared cart, by a verified address; what moves, and who may not be taken for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from journeys.cart import MOST_TELLERS
from journeys.events import Event
from storage import ingest
from tests.support import HOUR, ITEM, MINUTE, TestShop, until


def told(event: Event, *, user: str | None, visitor: str | None) -> Event:
    """The event as it comes of other ids."""
    return event.model_copy(update={"user_id": user, "anonymous_id": visitor})


def from_backend(event: Event) -> Event:
    return event.model_copy(update={"from_backend": True})


def alias(shop: TestShop, previous: str, user: str = "ann") -> Event:
    event = shop.event("page", 30 * MINUTE, person=user)
    return event.model_copy(update={"kind": "alias", "name": "alias", "previous_id": previous})


def added(shop: TestShop, cart: str = "c-1", **more: Any) -> Event:
    item: dict[str, Any] = {**ITEM, "cart_id": cart, "currency": "EUR"}
    return shop.event("Product Added", **item, **more)


async def owner(shop: TestShop, cart: str = "c-1") -> str:
    return str(await shop.parts.pool.fetchval("select customer_id from carts where cart_id = $1", cart))


async def why(shop: TestShop) -> list[str]:
    rows = await shop.parts.pool.fetch("select why from journey_log where what = 'person recognised'")
    return [row["why"] for row in rows]


async def test_an_alias_makes_a_visitor_the_user(shop: TestShop) -> None:
    await shop.take(told(added(shop), user=None, visitor="v-1"))
    await shop.take(alias(shop, "v-1"))
    assert await owner(shop) == "ann"
    assert (await shop.journey()).customer_id == "ann"
    assert await why(shop) == ["the shop says that they were known by another id"]


async def test_a_browser_cannot_make_two_users_one(shop: TestShop) -> None:
    await shop.identify("bob")
    await shop.fill(person="bob")
    await shop.take(alias(shop, "bob"))
    assert await owner(shop) == "bob"


async def test_the_shops_backend_can_make_two_users_one(shop: TestShop) -> None:
    await shop.identify("bob")
    await shop.fill(person="bob")
    await shop.order(MINUTE, "c-9", person="bob", order="o-9")
    await shop.take(from_backend(alias(shop, "bob")))
    assert await owner(shop) == "ann"
    people = await shop.parts.pool.fetch("select distinct customer_id from events union select customer_id from orders")
    assert [row["customer_id"] for row in people] == ["ann"]
    await shop.take(shop.event("page", HOUR, person="bob"))
    assert await shop.parts.pool.fetchval("select customer_id from events order by at desc limit 1") == "ann"


CLAIMS = {
    "in one message": lambda shop: told(shop.event("page"), user="eve", visitor="ann"),
    "by an alias": lambda shop: alias(shop, "ann", "eve"),
    "with what was told of the visitor": lambda shop: told(added(shop, "c-0"), user="eve", visitor="ann"),
}


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("is_first", [True, False], ids=["before they were known", "afterwards"])
async def test_a_user_is_nobodys_visitor_whoever_says_so_and_whenever(
    shop: TestShop, claim: str, *, is_first: bool
) -> None:
    claimed = CLAIMS[claim](shop)
    if claim == "with what was told of the visitor":
        await shop.take(told(added(shop, "c-0"), user=None, visitor="ann"))
    if is_first:
        await shop.take(claimed)
    await shop.identify("ann")
    await shop.fill()
    await shop.take(shop.event("page", MINUTE, person="ann"))
    if not is_first:
        await shop.take(claimed)
    assert await owner(shop) == (await shop.journey()).customer_id == "ann"
    people = await shop.parts.pool.fetch("select distinct customer_id from events where content->>'user_id' = 'ann'")
    assert [row["customer_id"] for row in people] == ["ann"]
    agreed = await shop.parts.pool.fetch("select distinct customer_id from consents")
    assert [row["customer_id"] for row in agreed] == ["ann"]
    assert await shop.parts.pool.fetchval("select count(*) from aliases") == 0


async def test_a_page_view_parts_a_user_from_whom_they_were_taken_for(shop: TestShop) -> None:
    await shop.take(CLAIMS["in one message"](shop))
    await shop.take(shop.event("page", MINUTE, person="ann"))
    people = await shop.parts.pool.fetch("select customer_id, known from customers order by 1")
    assert [tuple(row) for row in people] == [("ann", True), ("eve", True)]
    assert await shop.parts.pool.fetchval("select count(*) from events where customer_id = 'ann'") == 1


async def test_what_a_visitor_said_of_consent_goes_with_them_when_they_turn_out_to_be_a_user(shop: TestShop) -> None:
    consent = shop.event("identify", consent={"sms": False})
    await shop.take(told(consent, user=None, visitor="ann"))
    await shop.take(CLAIMS["in one message"](shop))
    assert await shop.parts.pool.fetchval("select customer_id from consents") == "eve"
    await shop.take(shop.event("page", MINUTE, person="ann"))
    assert await shop.parts.pool.fetchval("select customer_id from consents") == "ann"


@pytest.mark.parametrize("before", [[], ["in one message"], ["by an alias"]], ids=str)
async def test_what_the_backend_says_of_two_users_stays_whatever_a_page_said_before(
    shop: TestShop, before: list[str]
) -> None:
    for claim in before:
        await shop.take(CLAIMS[claim](shop))
    await shop.take(from_backend(alias(shop, "ann", "eve")))
    await shop.fill(person="ann")
    assert await owner(shop) == "eve"


async def test_a_visitor_and_a_user_who_tell_of_one_cart_are_one_person(shop: TestShop) -> None:
    await shop.take(told(added(shop), user=None, visitor="v-1"))
    await shop.take(told(added(shop, "c-2"), user=None, visitor="v-1"))
    await shop.take(shop.event("Checkout Started", MINUTE, cart_id="c-1"))
    assert [await owner(shop, cart) for cart in ("c-1", "c-2")] == ["ann", "ann"]
    assert set(await why(shop)) == {"a visitor and a customer share a cart"}


async def test_the_user_who_orders_a_visitors_cart_is_that_visitor(shop: TestShop) -> None:
    await shop.take(told(added(shop), user=None, visitor="v-1"))
    await shop.order(MINUTE)
    assert await owner(shop) == "ann"
    assert (await shop.journey()).outcome == "converted"


async def test_two_users_who_tell_of_one_cart_stay_two(shop: TestShop) -> None:
    await shop.fill(person="bob")
    await shop.take(shop.event("Cart Viewed", MINUTE, cart_id="c-1"))
    await shop.take(shop.event("Product Added", 2 * MINUTE, person="bob", cart_id="c-2", **ITEM))
    assert [await owner(shop, cart) for cart in ("c-1", "c-2")] == ["ann", "bob"]


async def test_an_order_that_names_somebody_elses_cart_ends_its_journey_and_merges_nobody(shop: TestShop) -> None:
    await shop.identify("bob")
    await shop.fill("c-1")
    await shop.fill("c-2", person="bob")
    await shop.order(MINUTE, "c-1", person="bob")
    assert (await shop.journey("c-1")).outcome == "converted"
    assert await owner(shop, "c-1") == "ann"
    assert await shop.parts.pool.fetchval("select count(*) from aliases") == 0


def identified(shop: TestShop, person: str, *, backend: bool, **traits: Any) -> Event:
    event = shop.event("identify", person=person, **traits)
    return event.model_copy(update={"from_backend": backend})


VERIFIED = {"email": "Ann@example.com", "email_verified": True}


@pytest.mark.parametrize("first", ["ann", "ann@shop"])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(VERIFIED, VERIFIED | {"email": "ann@EXAMPLE.com"}, id="e-mail"),
        pytest.param(
            {"phone": "+33639980001", "phone_verified": True},
            {"phone": "06 39 98 00 01", "country": "FR", "phone_verified": True},
            id="phone",
        ),
    ],
)
async def test_two_users_with_one_verified_address_are_one_person_whoever_came_first(
    shop: TestShop, first: str, one: dict[str, Any], other: dict[str, Any]
) -> None:
    second = {"ann": "ann@shop", "ann@shop": "ann"}[first]
    await shop.take(identified(shop, first, backend=True, **one))
    await shop.fill("c-1", person="ann@shop")
    await shop.take(identified(shop, second, backend=True, **other))
    assert await owner(shop) == "ann"
    # The address is the survivor's: a third user who has it is one with them as well.
    await shop.take(identified(shop, "bob", backend=True, **one))
    assert await shop.parts.pool.fetchval("select customer_id from verified_contacts") == "ann"
    assert await shop.parts.pool.fetchval("select customer_id from aliases where alias_id = 'bob'") == "ann"


@pytest.mark.parametrize(
    ("backend", "claim"),
    [
        pytest.param(False, VERIFIED, id="a browser says that it is verified"),
        pytest.param(True, {"email": "ann@example.com"}, id="nobody says so"),
        pytest.param(True, VERIFIED | {"email_verified": "yes"}, id="not plainly"),
    ],
)
async def test_two_users_who_share_an_unverified_address_stay_two(
    shop: TestShop,
    backend: bool,  # noqa: FBT001 one of the two sides
    claim: dict[str, Any],
) -> None:
    for person in ("ann", "bob"):
        await shop.take(identified(shop, person, backend=backend, **claim))
    assert await shop.parts.pool.fetchval("select count(*) from aliases") == 0


async def consents(shop: TestShop) -> dict[str, bool]:
    rows = await shop.parts.pool.fetch("select channel, granted from consents where customer_id = 'ann'")
    return {row["channel"]: row["granted"] for row in rows}


async def test_of_the_consents_of_two_ids_the_stricter_counts_until_something_new_is_said(shop: TestShop) -> None:
    said = shop.event("identify", consent={"sms": True, "email": False})
    await shop.take(told(said, user=None, visitor="v-1"))
    await shop.take(shop.event("identify", 2 * MINUTE, consent={"sms": False, "email": True}))
    await shop.take(told(shop.event("page", 3 * MINUTE), user="ann", visitor="v-1"))
    assert await consents(shop) == {"sms": False, "email": False}
    await shop.take(shop.event("identify", 4 * MINUTE, consent={"sms": True}))
    assert await consents(shop) == {"sms": True, "email": False}


async def test_a_merged_user_brings_their_visitors_along(shop: TestShop) -> None:
    await shop.take(told(added(shop), user="bob", visitor="v-1"))
    await shop.take(from_backend(alias(shop, "bob")))
    await shop.take(told(added(shop, "c-2"), user=None, visitor="v-1"))
    assert await owner(shop, "c-2") == "ann"


async def test_who_somebody_is_is_written_down_with_its_reason(shop: TestShop) -> None:
    await shop.take(told(added(shop), user=None, visitor="v-1"))
    event = alias(shop, "v-1")
    await shop.take(event)
    [row] = await shop.parts.pool.fetch("select alias_id, customer_id, linked_at, linked_by, why from aliases")
    assert tuple(row) == ("v-1", "ann", event.at, event.message_id, "the shop says that they were known by another id")


async def test_an_alias_that_comes_back_to_itself_changes_nothing(shop: TestShop) -> None:
    await shop.take(from_backend(alias(shop, "bob")))
    await shop.take(from_backend(alias(shop, "ann", "bob")))
    await shop.take(from_backend(alias(shop, "ann", "ann")))
    assert await shop.parts.pool.fetchval("select count(*) from aliases") == 1


def at_once(shop: TestShop, events: list[Event]) -> Awaitable[object]:
    return ingest.take_all(shop.parts.pool, shop.parts.following, shop.shop, events)


async def one_by_one(shop: TestShop, events: list[Event]) -> None:
    for event in events:
        await shop.take(event)


@pytest.mark.parametrize("take", [one_by_one, at_once])
@pytest.mark.parametrize("together", [False, True])
async def test_whoever_turns_out_to_be_somebody_who_is_another_is_that_other(
    shop: TestShop,
    take: Callable[[TestShop, list[Event]], Awaitable[object]],
    together: bool,  # noqa: FBT001 a case
) -> None:
    # The visitor's no counts for whoever they turn out to be in the end, as does all that follows.
    no = told(shop.event("identify", consent={"sms": False}), user=None, visitor="v-1")
    await shop.take(identified(shop, "ann", backend=True, **VERIFIED, consent={"sms": True}))
    await shop.take(no)
    if together:
        both = from_backend(shop.event("identify", MINUTE, person="ben", **VERIFIED))
        await take(shop, [told(both, user="ben", visitor="v-1")])
    else:
        known = told(shop.event("page", MINUTE), user="ben", visitor="v-1")
        await take(shop, [known, from_backend(alias(shop, "ben"))])
    await shop.take(told(added(shop), user=None, visitor="v-1"))
    assert await owner(shop) == "ann"
    said = await shop.parts.pool.fetch("select customer_id, granted from consents where channel = 'sms'")
    assert [tuple(row) for row in said] == [("ann", False)]
    led = await shop.parts.pool.fetch("select alias_id, customer_id from aliases order by 1")
    assert [tuple(row) for row in led] == [("ben", "ann"), ("v-1", "ann")]


async def test_the_user_who_ordered_a_cart_before_its_visitor_told_of_it_is_that_visitor(shop: TestShop) -> None:
    await shop.order(MINUTE)
    await shop.take(told(added(shop, "c-2"), user=None, visitor="v-1"))
    await shop.take(told(added(shop), user=None, visitor="v-1"))
    assert [await owner(shop, cart) for cart in ("c-1", "c-2")] == ["ann", "ann"]
    assert (await shop.journey("c-1")).outcome == "converted"


async def test_a_cart_of_many_tellers_goes_with_its_newest_user_when_they_are_merged(shop: TestShop) -> None:
    for number in range(MOST_TELLERS):
        await shop.take(told(added(shop), user=None, visitor=f"v-{number}"))
    await shop.take(shop.event("Cart Viewed", MINUTE, person="bob", cart_id="c-1"))
    await shop.take(from_backend(alias(shop, "bob")))
    await shop.take(told(shop.event("Cart Viewed", HOUR, cart_id="c-1"), user=None, visitor="v-1"))
    assert await owner(shop) == "ann"


async def test_a_late_event_does_not_revive_a_journey_that_ends_meanwhile(shop: TestShop) -> None:
    too_late = added(shop).model_copy(update={"received_at": shop.begins + 13 * HOUR})
    await shop.take(too_late)
    await shop.take(shop.event("Cart Viewed", 14 * HOUR, cart_id="c-1"))
    async with shop.parts.pool.acquire() as db:
        async with db.transaction():
            await db.execute("update journeys set status = 'ended', outcome = 'finished', ended_at = now()")
            earlier = asyncio.ensure_future(shop.take(shop.event("Cart Viewed", 13 * HOUR, cart_id="c-1")))
            await until(lambda: db.fetchval("select exists (select from pg_locks where not granted)"))
        await earlier
    journey = await shop.journey()
    assert (journey.status, journey.outcome) == ("ended", "finished")
    assert journey.started_at == shop.begins + 13 * HOUR
