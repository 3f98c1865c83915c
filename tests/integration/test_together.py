"""Events that come one by one at the same time are taken together, and each is answered for itself."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from journeys.events import Event
from storage.ingest import Taken
from storage.together import Together
from tests.support import TestShop, until


def pages(shop: TestShop, number: int) -> list[Event]:
    return [shop.event("page", person=f"p-{n}") for n in range(number)]


async def transactions(shop: TestShop) -> int:
    """Count the transactions that wrote the log."""
    number: int = await shop.parts.pool.fetchval("select count(distinct xmin::text) from events")
    return number


async def taken_while_the_first_waits(shop: TestShop, events: list[Event]) -> list[list[Taken] | BaseException]:
    together = Together(shop.parts.pool, shop.parts.following)
    async with shop.parts.pool.acquire() as db, db.transaction():
        await db.execute("lock table seen in access exclusive mode")
        calls = [asyncio.ensure_future(together.take(shop.shop, [event])) for event in events]
        await until(lambda: db.fetchval("select count(*) >= 1 from pg_locks where not granted"))
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_events_that_come_while_others_are_taken_are_taken_together(shop: TestShop) -> None:
    assert await taken_while_the_first_waits(shop, pages(shop, 50)) == [[Taken.NEW]] * 50
    assert await transactions(shop) <= 3
    assert await shop.parts.pool.fetchval("select count(*) from events") == 50


async def test_an_event_that_comes_twice_at_once_is_new_once(shop: TestShop) -> None:
    twice = [event for event in pages(shop, 20) for _ in range(2)]
    taken = await taken_while_the_first_waits(shop, twice)
    assert sorted(taken, key=str) == [[Taken.DUPLICATE]] * 20 + [[Taken.NEW]] * 20
    assert await shop.parts.pool.fetchval("select count(*) from events") == 20


async def test_one_that_we_cannot_take_keeps_no_other_out_and_only_its_caller_hears(shop: TestShop) -> None:
    events = pages(shop, 30)
    # NUL is refused at every door: it stands for a mistake of ours.
    events[20] = events[20].model_copy(update={"name": "\x00"})
    taken = await taken_while_the_first_waits(shop, events)
    assert isinstance(taken[20], asyncpg.PostgresError)
    assert [*taken[:20], *taken[21:]] == [[Taken.NEW]] * 29
    assert await shop.parts.pool.fetchval("select count(*) from events") == 29


async def test_who_goes_away_leaves_the_others_their_answers(shop: TestShop) -> None:
    together = Together(shop.parts.pool, shop.parts.following)
    async with shop.parts.pool.acquire() as db, db.transaction():
        await db.execute("lock table seen in access exclusive mode")
        calls = [asyncio.ensure_future(together.take(shop.shop, [event])) for event in pages(shop, 10)]
        await until(lambda: db.fetchval("select count(*) >= 1 from pg_locks where not granted"))
        calls[0].cancel()
        calls[5].cancel()
    taken = await asyncio.gather(*calls, return_exceptions=True)
    assert [status for n, status in enumerate(taken) if n not in {0, 5}] == [[Taken.NEW]] * 8
    # Nobody was told that it is kept; it may be all the same.
    assert await together.take(shop.shop, [shop.event("page")]) == [Taken.NEW]


@pytest.mark.parametrize("from_backend", [False, True])
async def test_pages_and_the_backend_are_taken_apart(shop: TestShop, from_backend: bool) -> None:  # noqa: FBT001
    events = [event.model_copy(update={"message_id": "m-1"}) for event in pages(shop, 3)]
    events[1] = events[1].model_copy(update={"from_backend": from_backend})
    taken = await taken_while_the_first_waits(shop, events)
    assert taken.count([Taken.NEW]) == 1 + from_backend


async def test_batches_that_come_at_the_same_time_are_each_answered_for_their_own(shop: TestShop) -> None:
    events = pages(shop, 60)
    batches = [events[:30], events[20:50], events[40:]]
    together = Together(shop.parts.pool, shop.parts.following)
    async with shop.parts.pool.acquire() as db, db.transaction():
        await db.execute("lock table seen in access exclusive mode")
        calls = [asyncio.ensure_future(together.take(shop.shop, batch)) for batch in batches]
        await until(lambda: db.fetchval("select count(*) >= 1 from pg_locks where not granted"))
    taken = await asyncio.gather(*calls)
    assert [len(became) for became in taken] == [30, 30, 20]
    assert sum(became.count(Taken.NEW) for became in taken) == 60
    assert await shop.parts.pool.fetchval("select count(*) from events") == 60


async def test_a_batch_of_any_length_is_taken(shop: TestShop) -> None:
    together = Together(shop.parts.pool, shop.parts.following)
    assert await together.take(shop.shop, pages(shop, 250)) == [Taken.NEW] * 250
    assert await together.take(shop.shop, []) == []
