"""The event log's months: made ahead, dropped whole, and what lies in none of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.clock import WorldClock
from activities.upkeep import Upkeep
from journeys.events import Event, parse
from relance.settings import Settings
from storage import hooks, partitions
from storage.database import Pool
from storage.ingest import Taken
from storage.partitions import drop_old, made, make_ahead, make_now, month_of, table
from tests.support import ITEM, TestShop, until

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest_asyncio.fixture
async def pool(shop: TestShop) -> AsyncIterator[Pool]:
    """The shop's database, with the months that are made at NOW."""
    async with shop.parts.pool.acquire() as db:
        await make_ahead(db, NOW)
    yield shop.parts.pool


async def make(pool: Pool, now: datetime) -> list[str]:
    async with pool.acquire() as db:
        return await make_ahead(db, now)


def event(at: datetime, message_id: str = "m-1", cart: str = "c-1") -> Event:
    properties = {**ITEM, "cart_id": cart, "currency": "EUR"}
    message = {"type": "track", "event": "Product Added", "userId": "ann", "messageId": message_id}
    return parse({**message, "timestamp": at.isoformat(), "properties": properties}, received_at=at)


async def fill(pool: Pool, shop: str, at: datetime, count: int) -> None:
    """Put many events of one moment into the log."""
    await pool.execute(
        "with ids as (insert into seen (shop, message_id) select $1, 'old-' || $2::timestamptz::text || n"
        "  from generate_series(1, $3) n returning message_id)"
        " insert into events (shop, message_id, kind, name, at, received_at, customer_id, content)"
        " select $1, message_id, 'track', 'Product Viewed', $2, $2, 'ann', '{}' from ids",
        shop,
        at,
        count,
    )


async def lies_in(pool: Pool, message_id: str) -> str:
    return str(await pool.fetchval("select tableoid::regclass::text from events where message_id = $1", message_id))


async def kept_since(pool: Pool) -> datetime:
    moment: datetime = await pool.fetchval("select kept_since from event_log")
    return moment


async def test_this_month_and_the_next_two_are_made_once(pool: Pool) -> None:
    assert await made(pool) == ["events_2026_11", "events_2026_12", "events_2027_01"]
    assert await make(pool, NOW) == []
    assert await make(pool, NOW + timedelta(days=10)) == ["events_2027_02"]


@pytest.mark.parametrize(
    ("at", "name"),
    [
        (datetime(2026, 11, 1, tzinfo=UTC), "events_2026_11"),
        (datetime(2026, 11, 30, 23, 59, 59, 999999, tzinfo=UTC), "events_2026_11"),
        (datetime(2026, 12, 1, tzinfo=UTC), "events_2026_12"),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), "events_2026_12"),
        (datetime(2027, 1, 1, tzinfo=UTC), "events_2027_01"),
        (datetime(2020, 5, 5, tzinfo=UTC), "events_rest"),
        (datetime(2027, 2, 1, tzinfo=UTC), "events_rest"),
    ],
)
async def test_an_event_lies_in_the_month_in_which_it_came_in(
    shop: TestShop, pool: Pool, at: datetime, name: str
) -> None:
    assert await shop.take(event(at)) is Taken.NEW
    assert await lies_in(pool, "m-1") == name


async def test_a_cart_is_not_told_anew_by_a_log_that_has_lost_its_beginning(shop: TestShop, pool: Pool) -> None:
    begun = NOW - timedelta(days=3 * 31)
    await shop.take(event(begun, "m-1"))
    await shop.take(event(NOW, "m-3"))
    assert await drop_old(pool, NOW, 1) == []
    assert await pool.fetchval("select count(*) from events") == 1
    for late in (event(NOW - timedelta(days=1), "m-2"), event(begun - timedelta(days=1), "m-0")):
        assert await shop.take(late) is Taken.NEW
        content = await pool.fetchval("select content from carts")
        assert [item["quantity"] for item in content["items"]] == [2]


async def test_a_month_that_is_made_late_takes_its_events_out_of_the_rest(shop: TestShop, pool: Pool) -> None:
    february, march = datetime(2027, 2, 14, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
    await shop.take(event(february, "m-1"))
    await shop.take(event(march, "m-2", "c-2"))
    before = await pool.fetch("select * from events order by message_id")
    assert await make(pool, datetime(2026, 12, 1, tzinfo=UTC)) == ["events_2027_02"]
    assert [await lies_in(pool, message) for message in ("m-1", "m-2")] == ["events_2027_02", "events_rest"]
    assert await pool.fetch("select * from events order by message_id") == before
    indexes = "select count(*) from pg_indexes where tablename = $1"
    assert await pool.fetchval(indexes, "events_2027_02") == await pool.fetchval(indexes, "events") == 4


async def test_events_are_taken_and_read_while_the_months_are_made_by_many_at_once(shop: TestShop) -> None:
    pool = shop.parts.pool
    start = datetime.now(UTC)

    async def take(cart: str) -> list[Taken]:
        return [await shop.take(event(start, f"m-{cart}-{n}", cart)) for n in range(20)]

    making = asyncio.gather(*(make(pool, start) for _ in range(4)))
    taken = await asyncio.gather(*(take(f"c-{n}") for n in range(3)))
    assert taken == [[Taken.NEW] * 20] * 3
    assert sorted(name for names in await making for name in names) == await made(pool)
    assert await pool.fetchval(f"select count(*) from {table(start)}") == 60


async def test_the_months_before_those_that_are_kept_are_dropped_and_the_rest_is_cleared(
    shop: TestShop, pool: Pool
) -> None:
    for month in (1, 2, 3, 4):
        await make(pool, datetime(2026, month, 1, tzinfo=UTC))
    await shop.take(event(datetime(2020, 5, 5, tzinfo=UTC), "m-rest"))
    await shop.take(event(datetime(2026, 8, 31, 23, 59, tzinfo=UTC), "m-august", "c-2"))
    await shop.take(event(datetime(2026, 9, 1, tzinfo=UTC), "m-september", "c-3"))

    assert await drop_old(pool, NOW, 2) == [f"events_2026_0{month}" for month in (1, 2, 3, 4, 5, 6)]
    assert await made(pool) == ["events_2026_11", "events_2026_12", "events_2027_01"]
    left = await pool.fetch("select message_id from events order by 1")
    assert [row["message_id"] for row in left] == ["m-september"]
    assert await kept_since(pool) == datetime(2026, 9, 1, tzinfo=UTC)
    assert await drop_old(pool, NOW, 2) == []


async def test_where_all_is_kept_nothing_is_dropped(pool: Pool) -> None:
    before = await kept_since(pool)
    assert await drop_old(pool, NOW + timedelta(days=3650), 0) == []
    assert len(await made(pool)) == 3
    assert await drop_old(pool, NOW, 13) == []
    assert await kept_since(pool) == before


async def test_a_dropped_event_that_comes_again_is_a_duplicate(shop: TestShop, pool: Pool) -> None:
    await shop.take(event(NOW))
    assert await drop_old(pool, datetime(2027, 2, 1, tzinfo=UTC), 2) == ["events_2026_11"]
    assert await pool.fetchval("select count(*) from events") == 0
    assert await shop.take(event(NOW)) is Taken.DUPLICATE
    assert await pool.fetchval("select count(*) from events") == 0


async def test_dropping_a_month_writes_no_more_however_many_events_it_holds(shop: TestShop, pool: Pool) -> None:
    """Deleting a row writes at least as much to the write-ahead log as its header's 54 bytes."""
    rows = 20_000
    await fill(pool, shop.shop, NOW, rows)
    await fill(pool, shop.shop, NOW + timedelta(days=30), 1)

    async def written(now: datetime) -> int:
        await pool.execute("checkpoint")
        before = await pool.fetchval("select pg_current_wal_insert_lsn()")
        assert len(await drop_old(pool, now, 2)) == 1
        return int(await pool.fetchval("select pg_current_wal_insert_lsn() - $1::pg_lsn", before))

    many, one = await written(datetime(2027, 2, 1, tzinfo=UTC)), await written(datetime(2027, 3, 1, tzinfo=UTC))
    assert many - one < rows * 54 / 4
    assert await pool.fetchval("select count(*) from seen") == rows + 1


async def test_a_busy_log_is_left_alone_for_now_so_that_events_keep_coming_in(shop: TestShop, pool: Pool) -> None:
    hands = Upkeep(pool, WorldClock(), 2)
    await make(pool, datetime(2020, 1, 1, tzinfo=UTC))
    async with pool.acquire() as db, db.transaction():
        await db.fetch("select * from events")
        with pytest.raises(ApplicationError, match="busy"):
            await ActivityEnvironment().run(hands.drop_months)
        assert await shop.take(event(NOW)) is Taken.NEW
    assert await ActivityEnvironment().run(hands.drop_months) == ["events_2020_01", "events_2020_02", "events_2020_03"]


async def test_a_month_whose_making_was_given_up_is_not_half_made(pool: Pool, database_url: str) -> None:
    async with pool.acquire() as db, db.transaction():
        await db.fetch("select * from events")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await make(pool, NOW + timedelta(days=200))
    assert len(await made(pool)) == 3
    await make_now(database_url)
    assert await make_now(database_url) == []
    assert table(datetime.now(UTC)) in await made(pool)


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 bounds are without a zone
def test_every_moment_lies_in_its_month_and_months_follow_one_another(moment: datetime) -> None:
    month = month_of(moment)
    assert month <= moment < month_of(moment, 1)
    assert month_of(month_of(moment, 1) - timedelta(microseconds=1)) == month
    assert month_of(month_of(moment, 7), -7) == month
    assert partitions.table(month) < partitions.table(month_of(moment, 1))


def test_retention_is_a_setting_and_short_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().keep_events_months == 13
    for text, months in (("0", 0), ("2", 2), ("120", 120)):
        monkeypatch.setenv("RELANCE_KEEP_EVENTS_MONTHS", text)
        assert Settings().keep_events_months == months
    for text in ("1", "-3", "a year"):
        monkeypatch.setenv("RELANCE_KEEP_EVENTS_MONTHS", text)
        with pytest.raises(ValidationError):
            Settings()


async def test_a_missed_month_is_made_however_long_its_events_take_to_move(
    shop: TestShop, pool: Pool, database_url: str
) -> None:
    await pool.execute(f"drop table {table(datetime.now(UTC))}")
    await shop.take(event(datetime.now(UTC), "m-1"))
    db = await asyncpg.connect(database_url, server_settings={"statement_timeout": "300"})
    async with pool.acquire() as other, other.transaction():
        # What is in the way takes longer than a statement may.
        await other.execute("lock table events_rest in share mode")
        making = asyncio.create_task(partitions.make_ahead(db, datetime.now(UTC)))
        await until(lambda: pool.fetchval("select exists (select from pg_locks where not granted)"))
        await pool.fetchval("select pg_sleep(0.4)")
    assert table(datetime.now(UTC)) in await making
    await db.close()


async def test_with_the_months_the_webhooks_bodies_of_then_are_dropped(shop: TestShop, pool: Pool) -> None:
    for number in range(2):
        await hooks.keep(pool, shop.shop, "shopify", "orders/create", b"x" * number, "is not JSON")
    await pool.execute("update hook_bodies_kept set received_at = '2026-08-31 23:59Z' where body = ''")
    upkeep = Upkeep(pool, WorldClock(), 2)
    assert await ActivityEnvironment().run(upkeep.drop_months) == []
    assert [kept.shop for kept in await hooks.kept(pool, None)] == [shop.shop]
