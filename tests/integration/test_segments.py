"""Segments and scores on a real Postgres: counted after events and by the clock, kept, asked, told when they change."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.conditions import Condition
from journeys.events import parse
from journeys.facts import Segment
from journeys.rfm import LEAST, Rfm
from relance import customer_commands
from relance.settings import Settings
from storage import plans, reading, segment_changes, segments, summaries
from tests.examples import examples
from tests.integration.segmenting import DAY, buy, changes, count_all, kept, view, work_off
from tests.support import (
    HOUR,
    MINUTE,
    PATIENCE,
    SECRET_TEXT,
    WAITING_FOR_A_LOCK,
    TestShop,
    cart_recovery,
    plan_file,
    until,
)


def names(found: Iterable[Segment]) -> set[str]:
    return {str(segment) for segment in found}


async def number(shop: TestShop, table: str) -> int:
    found: int = await shop.parts.pool.fetchval(f"select count(*) from {table}")
    return found


# Who is in which


async def test_nobody_who_was_never_counted_is_more_than_a_prospect(shop: TestShop) -> None:
    await shop.identify()
    assert await number(shop, "segment_queue") == 0
    assert (await kept(shop)) == segments.NEVER_COUNTED
    assert names(segments.NEVER_COUNTED.segments) == {"prospect"}


async def test_whoever_looks_at_products_browses_until_they_fill_a_cart(shop: TestShop) -> None:
    await view(shop, -2 * HOUR, "p-1", "Tents")
    await work_off(shop)
    assert names((await kept(shop)).segments) == {"prospect", "browser"}
    await shop.fill(after=-HOUR)
    await work_off(shop)
    assert names((await kept(shop)).segments) == {"prospect", "buyer"}


async def test_three_products_of_one_category_make_a_comparison_which_an_order_ends(shop: TestShop) -> None:
    for product, category in (("p-1", "Tents"), ("p-2", "Tents"), ("p-2", "Tents"), ("p-3", "Pegs"), ("p-4", None)):
        await view(shop, -3 * HOUR, product, category)
    await work_off(shop)
    assert "comparing" not in (await kept(shop)).segments
    await view(shop, -2 * HOUR, "p-5", "Tents")
    await work_off(shop)
    assert "comparing" in (await kept(shop)).segments
    await buy(shop, -HOUR, "o-1")
    await work_off(shop)
    assert names((await kept(shop)).segments) == {"customer", "buyer"}


async def test_orders_make_a_loyal_customer_and_time_alone_one_who_lapses(shop: TestShop) -> None:
    for day in (-300, -200, -95):
        await buy(shop, day * DAY, f"o{day}")
    await work_off(shop)
    assert names((await kept(shop)).segments) == {"customer", "loyal", "lapsing"}
    await count_all(shop, shop.begins + 300 * DAY)
    assert names((await kept(shop)).segments) == {"customer", "lapsing"}


async def test_an_order_that_page_and_backend_tell_counts_once_and_with_the_backends_amount(shop: TestShop) -> None:
    told = {"type": "track", "event": "Order Completed", "userId": "ann", "messageId": "m"}
    for total, at, from_backend in ((1, shop.begins + MINUTE, False), (60, shop.begins, True)):
        message = {**told, "properties": {"order_id": "o-1", "total": total, "currency": "EUR"}}
        await shop.take(parse(message, received_at=at, from_backend=from_backend))
    assert await number(shop, "orders") == 2
    found = (await summaries.read(shop.parts.pool, shop.shop, ["ann"], shop.begins + HOUR))["ann"]
    assert (found.orders, found.spent, found.currency) == ((shop.begins,), Decimal(60), "EUR")


async def test_three_carts_left_behind_make_a_serial_abandoner_here_as_in_the_live_look(shop: TestShop) -> None:
    for cart in ("c-1", "c-2", "c-3"):
        await shop.fill(cart, after=-HOUR)
    await work_off(shop)
    assert names((await kept(shop)).segments) == {"prospect", "serial_abandoner", "buyer"}
    journey = await shop.journey("c-3")
    found = await reading.situation(shop.parts.pool, journey.id, cart_recovery(), shop.begins)
    assert found.segments == (Segment.PROSPECT, Segment.SERIAL_ABANDONER, Segment.BUYER)


async def test_ordering_somebody_elses_cart_counts_its_owner_anew(shop: TestShop) -> None:
    for cart in ("c-1", "c-2", "c-3"):
        await shop.fill(cart, after=-HOUR)
    await work_off(shop)
    await shop.order(timedelta(0), "c-1", person="bob")
    await work_off(shop)
    assert "serial_abandoner" not in (await kept(shop)).segments


async def test_a_visitor_who_is_recognised_leaves_what_they_saw_and_is_counted_no_more(shop: TestShop) -> None:
    for product in ("p-1", "p-2", "p-3"):
        seen = shop.event("Product Viewed", -HOUR, product_id=product, category="Tents")
        await shop.take(seen.model_copy(update={"user_id": None, "anonymous_id": "v-1"}))
    await work_off(shop)
    assert "comparing" in (await kept(shop, "v-1")).segments
    await shop.identify()
    await shop.take(shop.event("page").model_copy(update={"anonymous_id": "v-1"}))
    await work_off(shop)
    assert "comparing" in (await kept(shop)).segments
    assert await kept(shop, "v-1") == segments.NEVER_COUNTED
    assert (await count_all(shop)).people == 1


# What asks for them


async def test_a_look_sees_all_segments_the_live_ones_first_and_the_scores(shop: TestShop) -> None:
    await shop.fill()
    await shop.parts.pool.execute(
        "insert into person_segments values ($1, 'ann', '{customer,loyal}', 5, 4, 3, $2)", shop.shop, shop.begins
    )
    found = await reading.situation(shop.parts.pool, (await shop.journey()).id, cart_recovery(), shop.begins)
    facts = found.facts(cart_recovery(), shop.begins)
    assert facts.segments == (Segment.PROSPECT, Segment.LOYAL)
    assert facts.rfm == Rfm(r=5, f=4, m=3)


@pytest.mark.parametrize(
    ("audience", "enters"),
    [
        ({"segment": ["loyal"]}, True),
        ({"segment": ["lapsing"]}, False),
        ({"segment": ["prospect"]}, True),
        ({"rfm": {"r": {"at_least": 4, "at_most": 5}, "m": {"at_most": 3}}}, True),
        ({"rfm": {"f": {"at_least": 5}}}, False),
    ],
)
async def test_an_audience_asks_for_segments_and_scores_while_the_event_is_taken(
    shop: TestShop, audience: dict[str, Any], *, enters: bool
) -> None:
    await shop.identify()
    await shop.parts.pool.execute(
        "insert into person_segments values ($1, 'ann', '{customer,loyal}', 5, 4, 3, $2)", shop.shop, shop.begins
    )
    asked = cart_recovery(name="for-some", audience=Condition.model_validate(audience))
    await plans.publish(shop.parts.pool, shop.shop, asked, plan_file().messages.model_dump_json())
    await shop.fill()
    started = await shop.parts.pool.fetchval("select count(*) from journeys where plan = 'for-some'")
    assert started == enters


async def test_the_api_and_the_command_line_tell_segments_and_scores(
    shop: TestShop,
    api: httpx.AsyncClient,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for n in range(LEAST):
        await buy(shop, -n * DAY, f"o-{n}", person=f"p-{n}", total=10 * n)
    await count_all(shop)
    found = (await api.get("/v1/customers/p-0")).json()
    assert (found["segments"], found["rfm"]) == (["customer", "buyer"], {"r": 5, "f": 1, "m": 1})
    monkeypatch.setattr(customer_commands.console, "width", 200)
    await customer_commands.show(
        Settings.model_validate({"database_url": database_url, "secret": SECRET_TEXT}), shop.shop, "p-0"
    )
    said = capsys.readouterr().out
    assert "customer, buyer" in said
    assert "511" in said


# What is told


async def test_a_change_is_told_once_as_an_event_of_the_person_that_is_no_activity(shop: TestShop) -> None:
    await view(shop, -2 * HOUR, "p-1", "Tents")
    await work_off(shop)
    await buy(shop, -HOUR, "o-1")
    await work_off(shop)
    await work_off(shop)
    assert await changes(shop) == [
        {
            "before": ["prospect"],
            "after": ["prospect", "browser"],
            "added": ["browser"],
            "removed": [],
            "rfm_before": None,
            "rfm_after": None,
        },
        {
            "before": ["prospect", "browser"],
            "after": ["customer", "buyer"],
            "added": ["customer", "buyer"],
            "removed": ["prospect", "browser"],
            "rfm_before": None,
            "rfm_after": None,
        },
    ]
    row = await shop.parts.pool.fetchrow(
        "select c.last_activity, c.known, (select max(at) from events where name = 'Segment Changed') as told_of"
        " from customers c where c.customer_id = 'ann'"
    )
    assert row is not None
    assert dict(row) == {"last_activity": shop.begins - HOUR, "known": True, "told_of": shop.begins - HOUR}
    seen = await shop.parts.pool.fetch("select message_id from seen where from_backend order by 1")
    assert [row["message_id"] for row in seen] == ["segments:1", "segments:2"]


async def test_a_visitor_stays_a_visitor_when_a_change_is_told(shop: TestShop) -> None:
    seen = shop.event("Product Viewed", -HOUR, product_id="p-1")
    await shop.take(seen.model_copy(update={"user_id": None, "anonymous_id": "v-1"}))
    await work_off(shop)
    assert len(await changes(shop, ["v-1"])) == 1
    assert await shop.parts.pool.fetchval("select known from customers where customer_id = 'v-1'") is False


async def test_what_is_told_and_not_forgotten_because_of_a_kill_is_told_once(shop: TestShop) -> None:
    await view(shop, -HOUR, "p-1", None)
    await segment_changes.count_waiting(shop.parts.pool, shop.begins)
    kept_rows = await shop.parts.pool.fetch("select * from segment_changes")
    await segment_changes.tell(shop.parts.pool, shop.parts.following, shop.begins)
    await shop.parts.pool.executemany(
        "insert into segment_changes overriding system value values ($1, $2, $3, $4, $5)",
        [tuple(row) for row in kept_rows],
    )
    await segment_changes.tell(shop.parts.pool, shop.parts.following, shop.begins)
    assert len(await changes(shop)) == 1
    assert await number(shop, "segment_changes") == 0


async def test_counting_everybody_twice_changes_nothing_and_tells_nothing(shop: TestShop) -> None:
    for n in range(LEAST + 2):
        await buy(shop, -n * 20 * DAY, f"o-{n}", person=f"p-{n}", total=n)
        await view(shop, -HOUR, "p-1", "Tents", person=f"v-{n}")
    await work_off(shop)
    first = await count_all(shop, shop.begins + HOUR)
    await work_off(shop)
    before = [dict(row) for row in await shop.parts.pool.fetch("select * from person_segments order by customer_id")]
    told = await number(shop, "events")
    again = await count_all(shop, shop.begins + 2 * HOUR)
    await work_off(shop)
    after = [dict(row) for row in await shop.parts.pool.fetch("select * from person_segments order by customer_id")]
    assert (first.people, first.changed) == (2 * (LEAST + 2), LEAST + 2)
    assert (again.people, again.changed) == (2 * (LEAST + 2), 0)
    moment = {"computed_at": None}
    assert [row | moment for row in after] == [row | moment for row in before]
    assert await number(shop, "events") == told


async def test_people_who_were_there_before_segments_are_counted_once_without_a_word(shop: TestShop) -> None:
    await shop.parts.pool.execute("update shops set segments_since = null")
    await buy(shop, -HOUR, "o-1")
    await work_off(shop)
    await count_all(shop)
    await work_off(shop)
    assert names((await kept(shop)).segments) == {"customer", "buyer"}
    assert await changes(shop) == []
    await count_all(shop, shop.begins + 100 * DAY)
    await work_off(shop)
    assert [said["added"] for said in await changes(shop)] == [["lapsing"]]


async def test_several_count_at_once_and_nothing_is_lost_or_told_twice(shop: TestShop) -> None:
    people = [f"p-{n}" for n in range(40)]
    for at, what in enumerate(("p-1", "p-2", "p-3")):
        await asyncio.gather(*(view(shop, -HOUR + at * MINUTE, what, "Tents", person) for person in people))
        await asyncio.gather(*(shop.parts.segmenting.batch() for _ in range(4)))
    await asyncio.gather(*(work_off(shop) for _ in range(4)))
    assert await number(shop, "segment_queue") == await number(shop, "segment_changes") == 0
    told = await changes(shop, people)
    assert sum("comparing" in said["added"] for said in told) == len(people)
    assert sum("browser" in said["added"] for said in told) == len(people)


async def test_two_who_count_the_same_person_do_so_after_one_another_and_note_one_change(shop: TestShop) -> None:
    await view(shop, -HOUR, "p-1", None)
    await work_off(shop)
    await buy(shop, -MINUTE, "o-1")
    pool, ann = shop.parts.pool, {"ann": shop.begins}

    async def count() -> int:
        async with pool.acquire() as db, db.transaction():
            return await segments.count(db, shop.shop, ann, shop.begins)

    async def waits() -> bool:
        return bool(await pool.fetchval(WAITING_FOR_A_LOCK))

    async with pool.acquire() as db, db.transaction():
        await db.execute("select from person_segments for update")
        second = asyncio.create_task(count())
        await until(waits)
        first = await segments.count(db, shop.shop, ann, shop.begins)
    assert (first, await second) == (1, 0)
    assert await number(shop, "segment_changes") == 1


async def test_one_who_cannot_be_counted_keeps_nobody_waiting(shop: TestShop, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = summaries.read

    async def read(db: Any, of: str, people: list[str], at: Any) -> Any:
        if "bob" in people:
            raise ValueError("a mistake of ours")
        return await counted(db, of, people, at)

    monkeypatch.setattr(summaries, "read", read)
    for person in ("ann", "bob", "eve"):
        await view(shop, -HOUR, "p-1", None, person)
    await work_off(shop)
    assert await number(shop, "segment_queue") == 0
    assert {person for person in ("ann", "bob", "eve") if await kept(shop, person) != segments.NEVER_COUNTED} == {
        "ann",
        "eve",
    }


async def test_whoever_takes_events_in_waits_for_nobody_who_counts(shop: TestShop) -> None:
    await view(shop, -HOUR, "p-1", None)
    async with shop.parts.pool.acquire() as db, db.transaction():
        await db.fetch("select from segment_queue for update")
        await segments.count(db, shop.shop, {"ann": shop.begins}, shop.begins)
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await view(shop, -MINUTE, "p-2", None)
            await shop.fill()
    assert await number(shop, "segment_queue") == 3


async def test_the_loop_counts_until_it_is_told_to_stop_and_waits_an_outage_out(shop: TestShop) -> None:
    async def is_browser(person: str) -> bool:
        return Segment.BROWSER in (await kept(shop, person)).segments

    stop = asyncio.Event()
    loop = asyncio.create_task(shop.parts.segmenting.run(stop))
    await view(shop, -HOUR, "p-1", None)
    await until(lambda: is_browser("ann"))
    with structlog.testing.capture_logs() as logs:

        async def is_told() -> bool:
            return any(line["event"] == "segments wait for Postgres" for line in logs)

        await shop.parts.pool.execute("alter table segment_queue rename to gone")
        await until(is_told)
        await shop.parts.pool.execute("alter table gone rename to segment_queue")
        await view(shop, -HOUR, "p-1", None, "bob")
        await until(lambda: is_browser("bob"))
    stop.set()
    await loop


# Scores, beside a plain computation


def fifths(values: list[Any], mine: Any) -> int:
    """The fifth in which a value lies: how many are lower, in fifths of all."""
    lower = [value for value in values if value < mine]
    return 5 * len(lower) // len(values) + 1


ORDERS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 30), st.integers(0, 4), st.sampled_from(["EUR", "EUR", "BRL", ""])),
    min_size=1,
    max_size=60,
)


@given(told=ORDERS)
@settings(max_examples=examples(40))
async def test_the_scores_are_those_of_a_plain_computation(
    shop: TestShop, told: list[tuple[int, int, int, str]]
) -> None:
    """Rows are written as ingest writes them: its own tests show that it does."""
    one = TestShop(shop.parts, begins=shop.begins)
    await one.open()
    people: dict[str, list[tuple[int, int, str]]] = {}
    for who, day, total, currency in told:
        people.setdefault(f"p-{who}", []).append((day, total, currency))
    rows = [
        (one.shop, f"o-{n}", f"p-{who}", one.begins - day * DAY, f"m-{n}", Decimal(total), currency or None)
        for n, (who, day, total, currency) in enumerate(told)
    ]
    await one.parts.pool.executemany(
        "insert into customers (shop, customer_id) values ($1, $2)", [(one.shop, person) for person in people]
    )
    await one.parts.pool.executemany(
        "insert into orders (shop, order_id, customer_id, at, message_id, total, currency)"
        " values ($1, $2, $3, $4, $5, $6, $7)",
        rows,
    )
    await count_all(one, one.begins)
    numbers = {(person, order): n for n, (_, order, person, *_) in enumerate(rows)}
    assert len(numbers) == len(rows)
    last = {person: min(day for day, _, _ in bought) for person, bought in people.items()}
    main = {
        person: max((at, order, currency or "") for _, order, who, at, _, _, currency in rows if who == person)[2]
        for person in people
    }
    spent = {person: sum(t for _, t, c in bought if c == main[person]) for person, bought in people.items()}
    for person, bought in people.items():
        found = (await kept(one, person)).rfm
        if len(people) < LEAST:
            assert found is None
            continue
        beside = [spent[other] for other in people if main[other] == main[person]]
        assert found == Rfm(
            r=fifths([-day for day in last.values()], -last[person]),
            f=fifths([len(other) for other in people.values()], len(bought)),
            m=fifths(beside, spent[person]) if len(beside) >= LEAST else 3,
        )
