"""A worker is killed at each point of a send whose offer has a code of the shop's own."""

from __future__ import annotations

from activities.contracts import SendInput
from journeys.facts import Channel
from journeys.play import first_stage
from storage import offers
from tests.chaos.test_send_faults import kill, provider
from tests.conftest import own_database
from tests.support import HOUR, TestShop, opened_shop
from tests.workflows.shop_api import offer_api
from tests.workflows.test_shop_codes import begin, cancel, plan_with, revoke, send

_MOST_STEPS = 400


async def due(shop: TestShop) -> SendInput:
    journey, stage = await shop.journey(), first_stage(plan_with(), shop.begins)
    return SendInput(journey=journey.id, stage=stage, at=shop.begins, channel=Channel.SMS)


async def test_wherever_a_worker_is_killed_the_step_has_one_code_and_the_message_shows_it(postgres_server: str) -> None:
    calls: set[int] = set()
    for steps in range(1, _MOST_STEPS):
        async with (
            own_database(postgres_server) as url,
            opened_shop(url) as shop,
            provider(shop, "infobip") as books,
            offer_api(shop) as api,
        ):
            await begin(shop)
            done = await kill(url, shop, await due(shop), steps)
            assert (await send(shop)).outcome == "sent"
            [offer] = await offers.of_journey(shop.parts.pool, (await shop.journey()).id)
            [kept] = api.codes.values()
            [said] = books.accepted_texts
            assert offer.code == kept["code"]
            assert offer.code in said
            calls.add(len(api.requests))
        if done:
            break
    else:
        raise AssertionError(f"a send takes more than {_MOST_STEPS} steps")
    assert calls == {1, 2}, "some were killed after the call and some in it"


async def test_wherever_a_worker_is_killed_a_cancel_takes_back_what_was_made(postgres_server: str) -> None:
    made: set[int] = set()
    for steps in range(1, _MOST_STEPS):
        async with (
            own_database(postgres_server) as url,
            opened_shop(url) as shop,
            provider(shop, "infobip"),
            offer_api(shop) as api,
        ):
            await begin(shop)
            done = await kill(url, shop, await due(shop), steps)
            made.add(len(api.codes))
            await cancel(shop)
            await revoke(shop, HOUR)
            assert api.codes == {}
        if done:
            break
    else:
        raise AssertionError(f"a send takes more than {_MOST_STEPS} steps")
    assert made == {0, 1}
