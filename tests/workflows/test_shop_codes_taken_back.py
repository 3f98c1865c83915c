"""Codes are taken back when a journey is cancelled, and the shop's API hears it until it has."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.contracts import Revoked
from channels import signed
from journeys.question import Mode
from storage import offers, shop_codes
from tests.integration.loopback import Answer, Break, Loopback, Silence
from tests.support import HOUR, MINUTE, TestShop
from tests.workflows.offering import api, begin, cancel, made, revoke, send, twilio
from tests.workflows.providers import connect_twilio, turn
from tests.workflows.shop_api import ShopApi, offer_api

__all__ = ["api", "twilio"]


async def test_cancelling_takes_the_code_back_and_the_api_hears_it_once(shop: TestShop, api: ShopApi) -> None:
    await begin(shop)
    await send(shop)
    await cancel(shop)
    assert await revoke(shop) == Revoked(told=0, failed=0)
    assert await revoke(shop, MINUTE) == Revoked(told=1, failed=0)
    assert api.codes == {}
    assert api.calls[-1] == {"type": "offer.revoked", "id": api.calls[0]["id"], "code": "SPRING-0"}
    assert await revoke(shop, HOUR) == Revoked(told=0, failed=0)


@pytest.mark.parametrize("fault", [Break(), Answer(500), Answer(302), Silence()], ids=str)
async def test_a_revocation_survives_an_outage(
    shop: TestShop, api: ShopApi, monkeypatch: pytest.MonkeyPatch, fault: Answer | Break | Silence
) -> None:
    monkeypatch.setattr(signed, "CALL", timedelta(seconds=0.3))
    await begin(shop)
    await send(shop)
    await cancel(shop)
    api.faults, api.stays = [fault], True
    assert await revoke(shop, MINUTE) == Revoked(told=0, failed=1)
    assert await revoke(shop, HOUR) == Revoked(told=0, failed=1)
    api.faults, api.stays = [], False
    assert await revoke(shop, HOUR) == Revoked(told=1, failed=0)
    assert api.codes == {}


async def test_a_revocation_whose_answer_is_lost_is_told_again(shop: TestShop, api: ShopApi) -> None:
    await begin(shop)
    await send(shop)
    await cancel(shop)
    api.loses = 1
    assert (await revoke(shop, MINUTE)).failed == 1
    assert (await revoke(shop, HOUR)).told == 1
    first, second = api.requests[-2:]
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


@pytest.mark.parametrize("status", [404, 410])
async def test_an_api_that_knows_no_such_code_has_taken_it_back(shop: TestShop, api: ShopApi, status: int) -> None:
    await begin(shop)
    await send(shop)
    await cancel(shop)
    api.faults = [Answer(status)]
    assert await revoke(shop, MINUTE) == Revoked(told=1, failed=0)


async def test_a_code_whose_answer_was_lost_is_taken_back_too(shop: TestShop, api: ShopApi) -> None:
    await begin(shop)
    api.loses = 1
    with pytest.raises(ApplicationError):
        await send(shop)
    await cancel(shop)
    assert await revoke(shop, MINUTE) == Revoked(told=1, failed=0)
    assert (api.codes, api.calls[-1]["code"]) == ({}, None)


async def test_a_code_that_comes_after_the_cancel_is_taken_back_again(
    shop: TestShop, api: ShopApi, twilio: Loopback
) -> None:
    await begin(shop)
    api.release = asyncio.Event()
    under_way = asyncio.create_task(send(shop))
    await api.heard.wait()
    await cancel(shop)
    api.release.set()
    assert (await under_way).outcome == "held"
    # As if the revocation had come first, and an API had given the code after all.
    kept = await shop_codes.of_step(shop.parts.pool, (await shop.journey()).id, "first")
    assert kept is not None
    assert await revoke(shop) == Revoked(told=1, failed=0)
    assert api.codes == {}
    assert twilio.requests == []


@pytest.mark.usefixtures("api")
async def test_a_code_that_was_used_stays(shop: TestShop) -> None:
    await begin(shop)
    await send(shop)
    [offer] = await made(shop)
    assert await offers.redeem(shop.parts.pool, shop.shop, offer.code, "o-1", shop.begins)
    await cancel(shop)
    assert await revoke(shop, HOUR) == Revoked(told=0, failed=0)


@pytest.mark.usefixtures("api")
async def test_a_journey_that_ends_otherwise_takes_nothing_back(shop: TestShop) -> None:
    await begin(shop)
    await send(shop)
    await shop.order(HOUR)
    assert await revoke(shop, HOUR) == Revoked(told=0, failed=0)


@pytest.mark.usefixtures("api")
async def test_a_shop_in_sandbox_mode_hears_of_a_revocation_when_it_leaves_that(shop: TestShop) -> None:
    await begin(shop)
    await send(shop)
    await cancel(shop)
    await turn(shop, Mode.SANDBOX)
    assert await revoke(shop, HOUR) == Revoked(told=0, failed=0)
    await turn(shop, Mode.ALLOWLIST)
    assert await revoke(shop) == Revoked(told=1, failed=0)


async def test_a_shop_whose_api_is_down_holds_up_no_other(shop: TestShop, api: ShopApi, twilio: Loopback) -> None:
    other = TestShop(shop.parts)
    await other.open()
    async with offer_api(other) as theirs:
        await connect_twilio(other, twilio.url)
        for each in (shop, other):
            await begin(each)
            await send(each)
            await cancel(each)
        api.faults, api.stays = [Break()], True
        assert await revoke(shop, MINUTE) == Revoked(told=1, failed=1)
        assert theirs.codes == {}
        assert len(api.codes) == 1
