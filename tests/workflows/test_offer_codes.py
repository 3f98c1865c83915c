"""Codes of the shop's own: each goes to one person, with a message that is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from storage import offer_codes, offers, story
from tests.integration.calls import Keys
from tests.integration.served import served
from tests.support import TestShop
from tests.workflows.gated import plan, publish, send_of

POLICY = {"valid_for": "24h", "by_segment": {"prospect": [{"kind": "free_shipping"}]}, "pool": "spring"}
STEPS = [{"id": "first", "send": {"message": "second", "channels": {"first": ["sms"]}, "offer": POLICY}}]


async def carts_of(shop: TestShop, people: int) -> list[str]:
    """Have so many people fill a cart each, of whom the plan offers free shipping with a code of the pool."""
    await publish(shop, plan(steps=STEPS))
    for number in range(people):
        await shop.identify(f"u-{number}", phone=f"+3363998000{number}")
        await shop.fill(f"c-{number}", person=f"u-{number}")
    return [f"c-{number}" for number in range(people)]


async def given(shop: TestShop) -> list[str]:
    return [row["code"] for row in await shop.parts.pool.fetch("select code from offers order by code")]


async def test_many_claims_at_once_take_a_code_each_and_the_message_shows_it(shop: TestShop) -> None:
    pool = shop.parts.pool
    assert await offer_codes.add(pool, shop.shop, "spring", [f"Spring-{n}" for n in range(6)]) == 6
    carts = await carts_of(shop, 5)
    assert {result.outcome for result in await asyncio.gather(*(send_of(shop, cart) for cart in carts))} == {"sent"}
    codes = await given(shop)
    assert len(set(codes)) == 5
    assert await offer_codes.left(pool, shop.shop, "spring") == 1
    said = [row["body"] for row in await pool.fetch("select body from sandbox_messages")]
    assert all(sum(code in body for body in said) == 1 for code in codes)


async def test_an_empty_pool_offers_nothing_and_the_story_says_so(shop: TestShop) -> None:
    [cart] = await carts_of(shop, 1)
    assert (await send_of(shop, cart)).outcome == "sent"
    assert await given(shop) == []
    told = await story.tell(shop.parts.pool, await shop.journey(cart))
    assert ("first: no offer", "no code is left in the pool spring") in [(line.what, line.why) for line in told]


async def test_a_code_comes_back_when_its_claim_does_not_commit(shop: TestShop) -> None:
    pool = shop.parts.pool
    await offer_codes.add(pool, shop.shop, "spring", ["A"])
    async with pool.acquire() as db:
        claim = db.transaction()
        await claim.start()
        assert await offer_codes.take(db, shop.shop, "spring") == "A"
        await claim.rollback()
    assert await offer_codes.left(pool, shop.shop, "spring") == 1


async def test_a_pool_is_filled_by_the_shops_backend_and_a_code_is_never_given_twice(shop: TestShop) -> None:
    [cart] = await carts_of(shop, 1)
    async with served(shop) as api, httpx.AsyncClient(base_url=api.url, auth=Keys("", api.api_key)) as backend:

        async def tell(codes: list[Any]) -> httpx.Response:
            return await backend.post("/v1/offer-codes/spring", json={"codes": codes})

        assert (await tell(["Mai-1", "Mai-1"])).json() == {"pool": "spring", "added": 1, "left": 1}
        assert (await send_of(shop, cart)).outcome == "sent"
        assert (await tell(["Mai-1"])).json() == {"pool": "spring", "added": 0, "left": 0}
        assert (await backend.get("/v1/offer-codes/spring")).json()["left"] == 0
        assert (await backend.get("/v1/offers/Mai-1")).json()["state"] == "issued"
        assert (await backend.post("/v1/offers/Mai-1/redeem", json={"order_id": "o-1"})).status_code == 200
        for bad in ([], [""], ["a b"], ["x" * 65], [1], ["\x00"]):
            assert (await tell(bad)).status_code == 422
        assert (await backend.post("/v1/offer-codes/no%20name", json={"codes": ["a"]})).status_code == 422
    assert await offers.get(shop.parts.pool, "another-shop", "Mai-1") is None
