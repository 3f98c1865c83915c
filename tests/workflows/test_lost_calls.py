"""Calls whose worker was lost, and workers that meet in one send: nobody gets the message twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.compose import Composer
from channels.base import Outgoing
from storage.sends import Claimed, Try
from tests.integration.loopback import Answer, serving
from tests.support import MINUTE, PATIENCE, WAITING_FOR_A_LOCK, TestShop, until
from tests.workflows.providers import (
    CREATED,
    connect_infobip,
    connect_twilio,
    held,
    lose_a_worker,
    send,
)

TAKEN = Answer(200, b'{"messages": [{"messageId": "m", "status": {"groupId": 1, "groupName": "PENDING", "id": 26}}]}')
REFUSED = Answer(200, b'{"messages": [{"messageId": "m", "status": {"groupId": 5, "groupName": "REJECTED", "id": 6}}]}')


async def test_a_worker_lost_between_call_and_commit_leaves_an_unknown_that_is_not_sent_again(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as twilio:
        await connect_twilio(shop, twilio.url)
        await lose_a_worker(shop, twilio)
        assert [state for _, _, state, _ in await shop.ledger()] == ["claimed"]
        result = await send(shop)
        assert len(twilio.requests) == 1
    assert result.outcome == "sent"
    assert [(state, reason) for _, _, state, reason in await shop.ledger()] == [
        ("unknown", "the worker was lost while it called the provider")
    ]


async def test_where_the_provider_knows_our_id_the_call_is_repeated_with_it(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as lost, serving(TAKEN) as infobip:
        await connect_infobip(shop, lost.url)
        await lose_a_worker(shop, lost)
        await connect_infobip(shop, infobip.url)
        assert (await send(shop)).outcome == "sent"
    assert [state for _, _, state, _ in await shop.ledger()] == ["accepted"]
    send_id = await shop.parts.pool.fetchval("select send_id from sends")
    assert f'"messageId":"{send_id}"'.encode() in infobip.requests[0].body.replace(b" ", b"")


async def test_a_refusal_of_a_repeated_call_says_nothing_of_the_first(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as lost, serving(REFUSED) as infobip:
        await connect_infobip(shop, lost.url)
        await lose_a_worker(shop, lost)
        await connect_infobip(shop, infobip.url)
        assert (await send(shop)).outcome == "sent"
        assert len(infobip.requests) == 1
    [(_, _, state, reason)] = await shop.ledger()
    assert (state, (reason or "")[:30]) == ("unknown", "refused when it was repeated: ")


async def test_a_repeated_call_that_was_not_processed_is_repeated_again(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as lost, serving(Answer(429, b"{}")) as busy, serving(TAKEN) as infobip:
        await connect_infobip(shop, lost.url)
        await lose_a_worker(shop, lost)
        await connect_infobip(shop, busy.url)
        with pytest.raises(ApplicationError):
            await send(shop)
        assert [state for _, _, state, _ in await shop.ledger()] == ["claimed"]
        await connect_infobip(shop, infobip.url)
        assert (await send(shop)).outcome == "sent"
    assert [state for _, _, state, _ in await shop.ledger()] == ["accepted"]


async def test_a_lost_call_is_not_repeated_by_another_provider(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as lost, serving(TAKEN) as infobip:
        await connect_twilio(shop, lost.url)
        await lose_a_worker(shop, lost)
        await connect_infobip(shop, infobip.url)
        assert (await send(shop)).outcome == "sent"
    assert infobip.requests == []
    assert [state for _, _, state, _ in await shop.ledger()] == ["unknown"]


async def test_a_lost_call_is_not_repeated_after_the_order(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as lost, serving(TAKEN) as infobip:
        await connect_infobip(shop, lost.url)
        await lose_a_worker(shop, lost)
        await shop.order(MINUTE)
        await connect_infobip(shop, infobip.url)
        await send(shop)
    assert infobip.requests == []
    assert [state for _, _, state, _ in await shop.ledger()] == ["unknown"]


async def test_two_workers_with_the_same_send_call_the_provider_once(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with serving(CREATED) as twilio:
        await connect_twilio(shop, twilio.url)
        results = await asyncio.gather(*(send(shop) for _ in range(6)))
        assert len(twilio.requests) == 1
    assert {result.outcome for result in results} == {"sent"}
    live = "select count(*) from sends where state not in ('refused', 'rejected', 'released')"
    assert await shop.parts.pool.fetchval(live) == 1


async def test_an_answer_that_is_being_written_is_waited_for_and_kept(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    async with held() as twilio:
        await connect_twilio(shop, twilio.url)
        first = asyncio.create_task(send(shop))
        await asyncio.wait_for(twilio.heard.wait(), PATIENCE.total_seconds())
        async with shop.parts.pool.acquire() as db, db.transaction():
            await db.execute("update sends set state = 'accepted', sent_at = now(), attempt = null")
            second = asyncio.create_task(send(shop))
            await until(lambda: shop.parts.pool.fetchval(WAITING_FOR_A_LOCK))
        assert (await second).outcome == "sent"
        twilio.release.set()
        assert (await first).outcome == "sent"
    assert len(twilio.requests) == 1
    assert [state for _, _, state, _ in await shop.ledger()] == ["accepted"]


class OvertakenComposer(Composer):
    """Another worker takes the row over while this one composes."""

    overtake: Any

    def compose(self, version: Any, wanted: Try, claimed: Claimed, *more: Any) -> Outgoing:
        self.overtake(claimed)
        return super().compose(version, wanted, claimed, *more)


async def test_an_attempt_that_was_thought_dead_writes_nothing(shop: TestShop) -> None:
    await shop.identify()
    await shop.fill()
    pool = shop.parts.pool
    taken_over: list[asyncio.Task[str]] = []
    composer = OvertakenComposer(shop.parts.links, shop.parts.preferences, shop.parts.public_url)
    change = "update sends set attempt = gen_random_uuid()"
    composer.overtake = lambda _: taken_over.append(asyncio.create_task(pool.execute(change)))
    async with held() as twilio:
        await connect_twilio(shop, twilio.url)
        dead = asyncio.create_task(send(shop, composer))
        await asyncio.wait_for(twilio.heard.wait(), PATIENCE.total_seconds())
        await asyncio.gather(*taken_over)
        twilio.release.set()
        await dead
    assert [state for _, _, state, _ in await shop.ledger()] == ["claimed"]
