"""What a relay takes of the outbox: one journey's rows in order, some at a time, and no other relay's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage import outbox
from tests.integration.relaying import many, rows, tell
from tests.support import TestShop


async def test_a_journey_that_one_relay_is_at_is_left_alone_by_the_others_until_its_lease_has_run_out(
    shop: TestShop,
) -> None:
    pool = shop.parts.pool
    await many(shop, 2)
    [first] = await outbox.lease(pool, 1)
    await tell(shop, "pause", "cart_id = 'c-0'")
    [second] = await outbox.lease(pool, 10)
    assert (first.journey.cart_id, second.journey.cart_id) == ("c-0", "c-1")
    assert not await outbox.lease(pool, 10)

    # The first relay has died: after its lease another takes the journey over, in order.
    await pool.execute("update outbox set try_at = now() - interval '1 second' where id = $1", first.deliveries[0].id)
    [taken_over] = await outbox.lease(pool, 10)
    assert [delivery.signal for delivery in taken_over.deliveries] == [None, "pause"]
    # It had not died: what it gives back is not its own any more.
    await outbox.give_back(pool, [outbox.GivenBack(first.deliveries[0], first, timedelta(0), "late")])
    assert not await outbox.lease(pool, 10)
    assert {row[5] for row in await rows(shop)} == {None}


async def test_a_parked_row_that_is_given_back_waits_for_the_relay_that_is_at_its_journey(shop: TestShop) -> None:
    pool = shop.parts.pool
    await many(shop, 1)
    await tell(shop, "pause")
    [run] = await outbox.lease(pool, 1)
    await outbox.park(pool, {run.deliveries[0].id: "a reason"})
    assert await outbox.retry(pool, [run.deliveries[0].id, 12345]) == [run.deliveries[0].id]
    assert not await outbox.lease(pool, 1)
    await outbox.give_back(pool, [outbox.GivenBack(run.deliveries[1], run, timedelta(0))])
    [again] = await outbox.lease(pool, 1)
    assert [delivery.signal for delivery in again.deliveries] == [None, "pause"]


@pytest.mark.parametrize(("journeys", "rows_each"), [(10_000, 1), (5_000, 2)])
async def test_a_lease_looks_at_what_it_takes_however_much_waits_and_whatever_the_statistics_say(
    shop: TestShop, journeys: int, rows_each: int
) -> None:
    pool = shop.parts.pool
    await many(shop, journeys)
    await pool.execute("truncate outbox")
    await pool.execute("vacuum analyze outbox")
    for _ in range(rows_each):
        await tell(shop, "pause")
    before = await looked_at(shop)
    taken = 0
    for _ in range(10):
        taken += sum(len(run.deliveries) for run in await outbox.lease(pool, 64))
    assert taken == 640 * rows_each
    assert await looked_at(shop) - before < 10 * taken


async def looked_at(shop: TestShop) -> int:
    """The rows of the outbox that Postgres has looked at so far, once every connection has told."""
    pool = shop.parts.pool
    connections = [await pool.acquire() for _ in range(pool.get_size())]
    for connection in connections:
        await connection.execute("select pg_stat_force_next_flush()")
        await connection.execute("select")
        await pool.release(connection)
    return int(
        await pool.fetchval("select seq_tup_read + idx_tup_fetch from pg_stat_user_tables where relname = 'outbox'")
    )


async def test_a_long_backlog_of_one_journey_goes_out_in_order_some_at_a_time_and_holds_up_nobody(
    shop: TestShop,
) -> None:
    pool = shop.parts.pool
    await many(shop, 3)
    for _ in range(50):
        await tell(shop, "pause", "cart_id = 'c-0'")
    sizes = []
    while runs := await outbox.lease(pool, 10):
        ids = [[delivery.id for delivery in run.deliveries] for run in runs]
        assert ids == [sorted(run) for run in ids]
        sizes.append([len(run) for run in ids])
        await outbox.done(pool, [one for run in ids for one in run])
    assert sizes == [[20, 1, 1], [20], [11]]
