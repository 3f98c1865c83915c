"""What a shop spends in a day is known before it is spent: its ceiling holds however many workers send at once."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from activities.contracts import SendResult
from tests.integration.loopback import Answer, serving
from tests.support import MINUTE, PATIENCE, TestShop
from tests.workflows.gated import allow, plan, publish, send_of
from tests.workflows.providers import connect_twilio, held, send
from tests.workflows.test_look_ups import an_unknown, logged, look_up

PRICE = {"sms": "0.07"}


async def spent(shop: TestShop) -> Decimal:
    amount: Decimal = await shop.parts.pool.fetchval("select coalesce(sum(amount), 0) from spend")
    return amount


async def many_at_once(shop: TestShop, number: int) -> list[SendResult]:
    """Have so many people's messages sent at once."""
    for one in range(number):
        await shop.identify(f"p-{one}", phone=f"+336399800{one:02}")
        await shop.fill(f"c-{one}", person=f"p-{one}")
    return await asyncio.gather(*(send_of(shop, f"c-{one}") for one in range(number)))


async def test_of_fifty_workers_at_once_only_the_one_that_reaches_the_ceiling_goes_above_it(shop: TestShop) -> None:
    await publish(shop, plan())
    await allow(shop, daily_ceiling="0.20", prices=PRICE)
    results = await many_at_once(shop, 50)
    assert sorted(result.outcome for result in results) == ["deferred"] * 47 + ["sent"] * 3
    assert {result.reason for result in results} == {None, "the shop's daily ceiling of 0.20 is reached"}
    assert await spent(shop) == Decimal("0.21")


async def test_a_message_of_several_parts_is_put_right_when_its_length_is_known(shop: TestShop) -> None:
    await allow(shop, daily_ceiling="5", prices=PRICE, short_links=False)
    await shop.identify()
    await shop.fill(name="Théière à côté de la fenêtre, en grès émaillé")
    assert (await send(shop)).outcome == "sent"
    cost = await shop.parts.pool.fetchval("select cost from sends")
    assert cost > Decimal("0.07")
    assert await spent(shop) == cost


REFUSED = Answer(400, b'{"code": 21211}')


@pytest.mark.parametrize(("answer", "cost"), [(REFUSED, None), (Answer(503), Decimal("0.07"))])
async def test_what_provably_did_not_go_out_costs_nothing_and_what_may_have_does(
    shop: TestShop, answer: Answer, cost: Decimal | None
) -> None:
    await allow(shop, daily_ceiling="5", prices=PRICE)
    await shop.identify()
    await shop.fill()
    async with serving(answer) as twilio:
        await connect_twilio(shop, twilio.url)
        await send(shop)
    assert await shop.parts.pool.fetchval("select cost from sends") == cost
    assert await spent(shop) == (cost or 0)


async def test_what_the_providers_books_refuse_is_given_back(shop: TestShop) -> None:
    await allow(shop, daily_ceiling="5", prices=PRICE)
    async with serving(Answer(503)) as infobip:
        send_id = await an_unknown(shop, infobip, "infobip")
        assert await spent(shop) == Decimal("0.07")
        infobip.reply = logged(send_id, "REJECTED", 14)
        assert (await look_up(shop)).rejected == 1
    assert await spent(shop) == 0


async def test_a_receipt_that_comes_before_the_calls_own_answer_loses_neither_the_providers_id_nor_the_cost(
    shop: TestShop,
) -> None:
    await allow(shop, prices=PRICE)
    await shop.identify()
    await shop.fill()
    async with held() as twilio:
        await connect_twilio(shop, twilio.url)
        sending = asyncio.create_task(send(shop))
        await asyncio.wait_for(twilio.heard.wait(), PATIENCE.total_seconds())
        await told_delivered(shop)
        twilio.release.set()
        assert (await sending).outcome == "sent"
    row: Any = await shop.parts.pool.fetchrow("select state, provider_id, cost, delivered_at from sends")
    assert (row["state"], row["provider_id"], row["cost"]) == ("accepted", "SM0", Decimal("0.07"))
    assert row["delivered_at"] is not None
    assert await spent(shop) == Decimal("0.07")


async def told_delivered(shop: TestShop) -> None:
    send_id = await shop.parts.pool.fetchval("select send_id from sends where state = 'claimed'")
    event = shop.event("Message Delivered", MINUTE, send_id=send_id)
    await shop.take(event.model_copy(update={"from_backend": True}))
