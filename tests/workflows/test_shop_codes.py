"""Offers whose codes the shop's own API gives: one for each step, asked for while nothing is locked."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import httpx
import pytest
from temporalio.exceptions import ApplicationError

from activities import shop_codes as asking
from journeys.offers import MOST_TRIES
from journeys.question import Mode
from storage import endpoints
from storage.endpoints import Kind
from tests.integration.calls import Keys
from tests.integration.loopback import Answer, Break, Loopback, serving
from tests.integration.served import served
from tests.support import HOUR, MINUTE, PATIENCE, Engine, TestShop, until
from tests.workflows.offering import DAY, api, begin, made, send, twilio, why_nothing
from tests.workflows.providers import CREATED, connect_twilio, turn
from tests.workflows.shop_api import ShopApi, offer_api

__all__ = ["api", "twilio"]


# What is asked


async def test_the_message_has_the_code_and_the_offer_is_bound_to_its_cart_with_the_deadline_that_was_told(
    shop: TestShop, api: ShopApi, twilio: Loopback
) -> None:
    await begin(shop)
    assert (await send(shop)).outcome == "sent"
    [offer] = await made(shop)
    assert (offer.code, offer.cart_id, offer.state) == ("SPRING-0", "c-1", "issued")
    assert "SPRING-0" in str(twilio.requests[0].body)
    [call] = api.calls
    assert datetime.fromisoformat(call.pop("deadline")) == offer.deadline
    assert call == {
        "type": "offer.wanted",
        "id": next(iter(api.codes)),
        "journey": (await shop.journey()).id,
        "step": "first",
        "customer": "ann",
        "cart": "c-1",
        "kind": "free_shipping",
        "amount": None,
        "currency": None,
        "product_id": None,
    }
    assert api.requests[0].headers["idempotency-key"] == api.requests[0].headers["webhook-id"] == call["id"]
    async with served(shop) as door, httpx.AsyncClient(base_url=door.url, auth=Keys("", door.api_key)) as checkout:
        assert (await checkout.get("/v1/offers/SPRING-0")).json()["state"] == "issued"


async def test_what_an_incentive_gives_is_told(shop: TestShop, api: ShopApi) -> None:
    off = {"kind": "item_amount", "amount": {"EUR": 5}, "from_price": {"EUR": 30}}
    await begin(shop, by_segment={"prospect": [off]})
    assert (await send(shop)).outcome == "sent"
    [call] = api.calls
    assert {name: call[name] for name in ("kind", "amount", "currency", "product_id")} == {
        "kind": "item_amount",
        "amount": "5",
        "currency": "EUR",
        "product_id": "p-1",
    }


async def test_a_message_that_may_not_go_out_asks_for_no_code(shop: TestShop, api: ShopApi) -> None:
    await begin(shop)
    await shop.identify(consent={"sms": False})
    assert (await send(shop)).outcome == "failed"
    assert api.calls == []


async def test_who_is_offered_nothing_has_no_code_asked_for(shop: TestShop, api: ShopApi) -> None:
    await begin(shop, by_segment={"customer": [{"kind": "free_shipping"}]})
    assert (await send(shop)).outcome == "sent"
    assert api.calls == []


async def test_in_sandbox_mode_the_code_is_relances_own(shop: TestShop, api: ShopApi) -> None:
    await begin(shop)
    await turn(shop, Mode.SANDBOX)
    assert (await send(shop)).outcome == "sent"
    [offer] = await made(shop)
    assert len(offer.code) == 10
    assert api.calls == []


# One code for a step


async def test_an_answer_that_was_lost_is_asked_for_again_and_is_the_same(shop: TestShop, api: ShopApi) -> None:
    await begin(shop)
    api.loses = 1
    with pytest.raises(ApplicationError):
        await send(shop)
    assert (await send(shop)).outcome == "sent"
    assert [offer.code for offer in await made(shop)] == ["SPRING-0"]
    assert len(api.codes) == 1
    assert api.requests[0].body == api.requests[1].body


async def test_a_repetition_asks_for_nothing_anew(shop: TestShop, api: ShopApi, twilio: Loopback) -> None:
    await begin(shop)
    twilio.reply = Answer(429, b"{}")
    for _ in range(3):
        with pytest.raises(ApplicationError):
            await send(shop)
    twilio.reply = CREATED
    assert (await send(shop, MINUTE)).outcome == "sent"
    assert api.asked == ["wanted"]
    assert len({request.headers["webhook-id"] for request in api.requests}) == 1


async def test_a_message_that_goes_out_later_has_the_same_code_and_a_deadline_to_which_the_api_has_agreed(
    shop: TestShop, api: ShopApi, twilio: Loopback
) -> None:
    await begin(shop)
    twilio.reply = Answer(429, b"{}")
    with pytest.raises(ApplicationError):
        await send(shop)
    twilio.reply = CREATED
    assert (await send(shop, 30 * HOUR)).outcome == "sent"
    [offer] = await made(shop)
    assert api.asked == ["wanted", "moved"]
    [kept] = api.codes.values()
    assert offer.code == kept["code"]
    assert offer.deadline == datetime.fromisoformat(kept["deadline"]) == shop.begins + 30 * HOUR + DAY


async def fail_to_move(shop: TestShop, api: ShopApi, twilio: Loopback, after: timedelta) -> None:
    """Have a message go out so much later than its code was given, while the API does not move the deadline."""
    await begin(shop)
    twilio.reply = Answer(429, b"{}")
    with pytest.raises(ApplicationError):
        await send(shop)
    twilio.reply = CREATED
    api.faults, api.stays = [Answer(500)], True
    for _ in range(MOST_TRIES - 1):
        with pytest.raises(ApplicationError):
            await send(shop, after)
    assert (await send(shop, after)).outcome == "sent"


async def test_a_deadline_that_the_api_does_not_move_is_printed_as_it_was(
    shop: TestShop, api: ShopApi, twilio: Loopback
) -> None:
    await fail_to_move(shop, api, twilio, 3 * HOUR)
    [offer] = await made(shop)
    assert offer.deadline == datetime.fromisoformat(api.calls[0]["deadline"])
    assert offer.code in str(twilio.requests[-1].body)


async def test_an_offer_whose_deadline_has_passed_and_was_not_moved_is_not_made(
    shop: TestShop, api: ShopApi, twilio: Loopback
) -> None:
    await fail_to_move(shop, api, twilio, 25 * HOUR)
    assert "SPRING-0" not in str(twilio.requests[-1].body)
    assert await why_nothing(shop) == ["the shop's API let its code live no longer: it answered HTTP 500"]


async def test_nothing_is_locked_while_the_api_is_asked_and_an_order_that_comes_meanwhile_is_the_goal(
    shop: TestShop, api: ShopApi, twilio: Loopback
) -> None:
    await begin(shop)
    api.release = asyncio.Event()
    under_way = asyncio.create_task(send(shop))
    await api.heard.wait()
    async with asyncio.timeout(PATIENCE.total_seconds()):
        await shop.order(MINUTE)
    api.release.set()
    assert (await under_way).outcome == "held"
    assert twilio.requests == []
    assert await made(shop) == []


# On the engine


async def test_temporal_tries_again_and_the_message_goes_out_with_the_code(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "ASK_AGAIN_AFTER", (timedelta(milliseconds=10),) * (MOST_TRIES - 1))
    shop = engine.shop
    async with offer_api(shop) as api, serving(CREATED) as twilio:
        await connect_twilio(shop, twilio.url)
        api.faults = [Answer(500), Break()]
        await begin(shop)
        await engine.deliver()
        await engine.finish()

        async def is_sent() -> bool:
            return bool(twilio.requests)

        await until(is_sent)
        assert api.asked == ["wanted"] * 3
        assert "SPRING-0" in str(twilio.requests[0].body)
        assert [state for _, _, state, _ in await shop.ledger()] == ["accepted"]
        assert await endpoints.get(shop.parts.pool, shop.shop, Kind.OFFER_API) is not None
