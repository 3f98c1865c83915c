"""The first day: what a shop knew before comes in from files, once, and starts nothing."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.facts import Channel
from journeys.imports import What
from storage import reading, suppressions
from tests.examples import examples
from tests.integration.importing import count, people, take
from tests.support import HOUR, TestShop, cart_recovery

DAY = timedelta(days=1)


def moment(shop: TestShop, after: timedelta) -> str:
    return (shop.begins + after).isoformat()


def past_order(shop: TestShop, after: timedelta, order: str = "o-1", **more: Any) -> dict[str, Any]:
    given = {"order_id": order, "customer_id": "ann", "at": moment(shop, after), "total": "40.00", "currency": "EUR"}
    return given | more


# What an import leaves, and what it leaves alone


async def test_an_import_starts_nothing_and_is_no_activity(shop: TestShop, tmp_path: Path) -> None:
    rows = [{"customer_id": "ann", "email": "ann@example.com"}]
    await take(shop, What.CUSTOMERS, rows, tmp_path / "a")
    words = [{"customer_id": "ann", "channel": "sms", "granted": True, "at": moment(shop, -DAY)}]
    await take(shop, What.CONSENTS, words, tmp_path / "b")
    row = await shop.parts.pool.fetchrow("select known, last_activity from customers")
    assert tuple(row or ()) == (True, None)
    await take(shop, What.ORDERS, [past_order(shop, -30 * DAY)], tmp_path / "c")
    assert await shop.parts.pool.fetchval("select last_activity from customers") == shop.begins - 30 * DAY
    assert [await count(shop, table) for table in ("journeys", "outbox", "carts")] == [0, 0, 0]


async def test_whoever_has_an_imported_order_is_a_customer(shop: TestShop, tmp_path: Path) -> None:
    journey = await shop.fill()
    before = await reading.situation(shop.parts.pool, journey.id, cart_recovery(), shop.begins)
    await take(shop, What.ORDERS, [past_order(shop, -30 * DAY)], tmp_path / "orders")
    after = await reading.situation(shop.parts.pool, journey.id, cart_recovery(), shop.begins)
    assert (before.segments, after.segments) == (("prospect",), ("customer",))


async def test_an_old_order_without_a_cart_leaves_the_carts_that_were_opened_after_it(
    shop: TestShop, tmp_path: Path
) -> None:
    await shop.fill("c-1")
    await take(shop, What.ORDERS, [past_order(shop, -DAY)], tmp_path / "orders")
    journey = await shop.journey("c-1")
    assert (journey.status, journey.outcome) == ("running", None)
    assert await shop.parts.pool.fetchval("select ordered_at from carts") is None
    assert await shop.parts.pool.fetchval("select count(*) from outbox where signal is not null") == 0


async def test_an_order_of_the_file_completes_the_cart_that_was_opened_before_it(
    shop: TestShop, tmp_path: Path
) -> None:
    await shop.fill("c-1", -2 * HOUR)
    await take(shop, What.ORDERS, [past_order(shop, -HOUR)], tmp_path / "orders")
    assert (await shop.journey("c-1")).outcome == "converted"


async def test_an_order_that_was_told_live_is_not_told_again_by_a_file(shop: TestShop, tmp_path: Path) -> None:
    await shop.order(-DAY, None)
    await shop.fill("c-1", -2 * HOUR)
    await take(shop, What.ORDERS, [past_order(shop, -HOUR)], tmp_path / "orders")
    assert await count(shop, "orders") == 1
    assert (await shop.journey("c-1")).status == "running"


async def test_a_word_that_was_told_live_stands_above_an_older_one_of_a_file(shop: TestShop, tmp_path: Path) -> None:
    await shop.identify(consent={"sms": False}, email="new@example.com")
    await take(shop, What.CUSTOMERS, [{"customer_id": "ann", "email": "old@example.com", "vip": "yes"}], tmp_path / "a")
    words = [{"customer_id": "ann", "channel": "sms", "granted": True, "at": moment(shop, -DAY)}]
    await take(shop, What.CONSENTS, words, tmp_path / "b")
    traits = await shop.parts.pool.fetchval("select traits from customers")
    assert (traits["email"]["value"], traits["vip"]["value"]) == ("new@example.com", "yes")
    assert await shop.parts.pool.fetchval("select granted from consents where channel = 'sms'") is False


async def test_only_the_channel_and_the_shop_of_a_suppressed_address_are_refused(
    shop: TestShop, tmp_path: Path
) -> None:
    await take(shop, What.SUPPRESSIONS, [{"email": "ann@example.com"}], tmp_path / "rows")
    addresses = {Channel.EMAIL: "Ann@example.com", Channel.SMS: "+33639980001"}
    pool = shop.parts.pool
    assert await suppressions.among(pool, shop.shop, addresses) == (frozenset({Channel.EMAIL}), frozenset())
    assert await suppressions.among(pool, "another", addresses) == (frozenset(), frozenset())


@pytest.mark.parametrize("order", [1, -1])
async def test_the_oldest_word_on_a_suppressed_address_is_kept(shop: TestShop, tmp_path: Path, order: int) -> None:
    rows = [
        {"email": "ann@example.com", "reason": "hard bounce", "at": "2025-01-01T00:00:00Z"},
        {"email": "ANN@example.com", "reason": "unsubscribed", "at": "2026-01-01T00:00:00Z"},
    ]
    done = await take(shop, What.SUPPRESSIONS, rows[::order], tmp_path / "rows")
    assert (done.new, done.known) == (1, 1)
    assert await shop.parts.pool.fetchval("select reason from suppressions") == "hard bounce"


# Again, in pieces, and in any order

PEOPLE = st.sampled_from(["ann", "bob"])
DATES = st.sampled_from([None, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {"customer_id": PEOPLE},
        optional={
            "email": st.sampled_from(["a@example.com", "b@example.com"]),
            "first_name": st.text("xyz", max_size=1),
            "points": st.integers(0, 3),
            "updated_at": DATES,
        },
    ),
    min_size=1,
    max_size=8,
)


@given(rows=ROWS, cut=st.integers(0, 8), batch=st.integers(1, 4), seed=st.integers(0, 999))
@settings(max_examples=examples(30))
async def test_any_shuffled_split_of_a_file_gives_the_same_customers(
    shop: TestShop, tmp_path: Path, rows: list[dict[str, Any]], cut: int, batch: int, seed: int
) -> None:
    whole, split = TestShop(shop.parts, begins=shop.begins), TestShop(shop.parts, begins=shop.begins)
    await whole.open()
    await split.open()
    await take(whole, What.CUSTOMERS, rows, tmp_path / "whole")
    shuffled = random.Random(seed).sample(rows, len(rows))
    for part in (shuffled[:cut], shuffled[cut:], shuffled[cut:]):
        if part:
            await take(split, What.CUSTOMERS, part, tmp_path / "part", batch)
    assert await people(split) == await people(whole)


async def test_a_row_that_cannot_be_taken_by_our_own_mistake_is_told_of_and_keeps_no_other_out(
    shop: TestShop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A mistake that nobody has made yet: the database refuses one person.
    await shop.parts.pool.execute("alter table customers add constraint odd check (customer_id <> 'odd')")
    rows = [{"customer_id": name, "note": "secret"} for name in ("ann", "odd", "bob")]
    done = await take(shop, What.CUSTOMERS, rows, tmp_path / "rows")
    assert (done.rejected, await count(shop, "customers")) == (1, 2)
    told = json.loads((tmp_path / "rows.errors").read_text())
    assert (told["line"], told["row"]["customer_id"]) == (2, "odd")
    assert "by a mistake of Relance" in told["problem"]
    assert "secret" not in capsys.readouterr().out
