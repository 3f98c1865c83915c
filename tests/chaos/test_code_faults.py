"""A worker is killed at each point of a send whose offer has a code of the shop's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from activities.contracts import SendInput
from journeys.facts import Channel
from journeys.play import first_stage
from storage import offers
from tests.chaos.test_send_faults import Books, kill, provider
from tests.conftest import own_database
from tests.support import HOUR, TestShop, opened_shop
from tests.workflows.offering import begin, cancel, plan_with, revoke, send
from tests.workflows.shop_api import ShopApi, offer_api

_MOST_STEPS = 400


@dataclass
class Scene:
    """A person with a cart of which a send is due, at a shop with an API, on a database that is used many times."""

    url: str
    shop: TestShop
    api: ShopApi
    books: Books

    async def killed(self, steps: int) -> bool:
        """Run the send and kill its worker after so many steps; tell whether it was done before."""
        journey, stage = await self.shop.journey(), first_stage(plan_with(), self.shop.begins)
        order = SendInput(journey=journey.id, stage=stage, at=self.shop.begins, channel=Channel.SMS)
        return await kill(self.url, self.shop, order, steps)


async def scenes(server: str) -> AsyncGenerator[tuple[int, Scene]]:
    """Give one scene after the other, each with one step more to go, as long as they are asked for."""
    async with own_database(server) as url, opened_shop(url) as first:
        for steps in range(1, _MOST_STEPS):
            shop = TestShop(first.parts)
            await shop.open()
            async with provider(shop, "infobip") as books, offer_api(shop) as api:
                await begin(shop)
                yield steps, Scene(url, shop, api, books)
    raise AssertionError(f"a send takes more than {_MOST_STEPS} steps")


async def test_wherever_a_worker_is_killed_the_step_has_one_code_and_the_message_shows_it(postgres_server: str) -> None:
    calls: set[int] = set()
    async with aclosing(scenes(postgres_server)) as given:
        async for steps, scene in given:
            done = await scene.killed(steps)
            assert (await send(scene.shop)).outcome == "sent"
            [offer] = await offers.of_journey(scene.shop.parts.pool, (await scene.shop.journey()).id)
            [kept] = scene.api.codes.values()
            [said] = scene.books.accepted_texts
            assert offer.code == kept["code"]
            assert offer.code in said
            calls.add(len(scene.api.requests))
            if done:
                break
    assert calls == {1, 2}, "some were killed after the call and some in it"


async def test_wherever_a_worker_is_killed_a_cancel_takes_back_what_was_made(postgres_server: str) -> None:
    made: set[int] = set()
    async with aclosing(scenes(postgres_server)) as given:
        async for steps, scene in given:
            done = await scene.killed(steps)
            made.add(len(scene.api.codes))
            await cancel(scene.shop)
            await revoke(scene.shop, HOUR)
            assert scene.api.codes == {}
            if done:
                break
    assert made == {0, 1}
