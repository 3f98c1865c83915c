"""The client for shop backends against the real API, over a real and bad line; waiting and awaiting alike."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeAlias

import pytest

from journeys.cart import Cart
from relance_client import AsyncRelance, Consent, Journey, Rejected, Relance, Result, Retries, Unreachable, events
from storage import carts
from tests.integration.loopback import Answer, Break, Silence, closed_port
from tests.integration.served import Instead, Lost, Served, served
from tests.support import ITEM, PATIENCE, WAITING_FOR_A_LOCK, TestShop, until

LONG_AGO = timedelta(hours=20)
"""An event that is so old starts nothing by itself."""
QUICK = Retries(first=0.01, longest=0.02)
IMPATIENT = 1.0
WILL_PASS = {"Retry-After": "0"}


@dataclass
class Backend:
    """A shop's backend with a client of either kind; the one that waits does so in a thread."""

    client: Relance | AsyncRelance
    api: Served

    async def call(self, name: str, *args: Any, **given: Any) -> Any:
        method = getattr(self.client, name)
        if isinstance(self.client, AsyncRelance):
            return await method(*args, **given)
        return await asyncio.to_thread(method, *args, **given)

    async def journeys(self, **wanted: Any) -> list[Journey]:
        if isinstance(self.client, AsyncRelance):
            return [journey async for journey in self.client.journeys(**wanted)]
        return await asyncio.to_thread(list, self.client.journeys(**wanted))

    async def has_asked(self, times: int) -> bool:
        return len(self.api.weather.requests) >= times

    @property
    def bodies(self) -> list[Any]:
        """What went over the line, try by try."""
        return [json.loads(request.body) for request in self.api.weather.requests]


Opens: TypeAlias = Callable[..., Any]


@pytest.fixture(params=[Relance, AsyncRelance])
def backend(request: pytest.FixtureRequest, shop: TestShop) -> Opens:
    """Opens a backend whose calls meet these mishaps."""

    @asynccontextmanager
    async def opened(*mishaps: Instead | Lost, **given: Any) -> AsyncIterator[Backend]:
        async with served(shop, *mishaps) as api:
            keys = {"write_key": api.write_key, "api_key": api.api_key}
            client = request.param(api.url, **keys | {"retries": QUICK} | given)
            try:
                yield Backend(client, api)
            finally:
                await (client.aclose() if isinstance(client, AsyncRelance) else asyncio.to_thread(client.close))

    return opened


def added(cart_id: str = "c-1", **more: Any) -> dict[str, Any]:
    properties = {**ITEM, "cart_id": cart_id, "currency": "EUR"}
    return {"event": "Product Added", "properties": properties, "user_id": "ann"} | more


def old(cart_id: str = "c-1", **more: Any) -> dict[str, Any]:
    """A cart event that starts nothing."""
    return added(cart_id, timestamp=datetime.now(UTC) - LONG_AGO, **more)


async def cart(shop: TestShop, cart_id: str = "c-1") -> Cart:
    async with shop.parts.pool.acquire() as db:
        stored = await carts.get(db, shop.shop, cart_id)
    assert stored
    return stored.cart


async def count(shop: TestShop, table: str) -> int:
    return int(await shop.parts.pool.fetchval(f"select count(*) from {table}"))


# What is told


async def test_what_a_backend_tells_relance_knows(backend: Opens, shop: TestShop) -> None:
    agreed = datetime(2026, 3, 1, 10, 15, tzinfo=UTC)
    consent = {"sms": Consent(granted=True, text="Yes, remind me", at=agreed), "email": False}
    async with backend() as shops:
        told = [
            await shops.call("identify", "ann", {"firstName": "Ann"}, consent=consent),
            await shops.call("track", **added()),
            await shops.call("order_completed", "o-1", user_id="ann", cart_id="c-1", total=Decimal("40.00")),
        ]
    assert [result.status for result in told] == ["new", "new", "new"]
    journey = await shop.journey()
    assert (journey.customer_id, journey.outcome, journey.reason) == ("ann", "converted", "ordered: o-1")
    rows = await shop.parts.pool.fetch("select channel, granted, wording, at from consents order by channel")
    assert [(row["channel"], row["granted"], row["wording"]) for row in rows] == [
        ("email", False, None),
        ("sms", True, "Yes, remind me"),
    ]
    assert rows[1]["at"] == agreed


async def test_no_digit_of_a_price_is_lost(backend: Opens, shop: TestShop) -> None:
    async with backend() as shops:
        await shops.call(
            "track", **added(properties={**ITEM, "cart_id": "c-1", "price": Decimal("0.10000000000000001")})
        )
    assert (await cart(shop)).value == Decimal("0.10000000000000001")


async def test_a_visitor_that_an_alias_names_is_told_to_relance(backend: Opens, shop: TestShop) -> None:
    async with backend() as shops:
        assert (await shops.call("alias", "ann", "device-9")).status == "new"
    row = await shop.parts.pool.fetchrow("select kind, customer_id from events")
    assert row
    assert (row["kind"], row["customer_id"]) == ("alias", "ann")


# A bad line

MISHAPS = [
    pytest.param(Instead(Break()), id="reset before the API heard"),
    pytest.param(Lost(Break()), id="reset after the API did it"),
    pytest.param(Lost(Break(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")), id="broken off in the answer"),
    pytest.param(Lost(Silence()), id="no answer"),
    pytest.param(Instead(Answer(429, headers=WILL_PASS)), id="429"),
    pytest.param(Instead(Answer(503, headers={"Retry-After": "Tue, 10 Mar 2026 10:15:00 GMT"})), id="503 with a date"),
    pytest.param(Lost(Answer(502, b"<html>")), id="502 of a proxy, after the API did it"),
    pytest.param(Instead(Answer(500)), id="500"),
    pytest.param(Lost(Answer(200, b"{}", headers={"Content-Encoding": "gzip"})), id="no gzip, after the API did it"),
]


@pytest.mark.parametrize("mishap", MISHAPS)
async def test_an_event_that_is_told_again_over_a_bad_line_counts_once(
    backend: Opens, shop: TestShop, mishap: Instead | Lost
) -> None:
    async with backend(mishap, mishap, timeout=IMPATIENT) as shops:
        result = await shops.call("track", **added())
    assert len(shops.bodies) >= 3  # on a busy machine a try may end because it took too long
    assert result.status == ("duplicate" if isinstance(mishap, Lost) else "new")
    assert {body["messageId"] for body in shops.bodies} == {result.message_id}
    assert await count(shop, "events") == 1
    assert [item.quantity for item in (await cart(shop)).items] == [1]


@pytest.mark.parametrize(
    "mishap", [*MISHAPS, pytest.param(Instead(Answer(409, headers=WILL_PASS)), id="still running")]
)
async def test_a_start_that_is_asked_for_again_over_a_bad_line_makes_one_journey(
    backend: Opens, shop: TestShop, mishap: Instead | Lost
) -> None:
    async with backend(timeout=IMPATIENT) as shops:
        await shops.call("track", **old())
        shops.api.weather.mishaps += [mishap, mishap]
        journey = await shops.call("start_journey", "cart-recovery", "c-1")
        tries = shops.api.weather.requests[1:]
    assert len(tries) >= 3
    assert len({request.headers["idempotency-key"] for request in tries}) == 1
    assert (journey.id, journey.status) == (f"cart-recovery:{shop.shop}:c-1:1", "running")
    assert await count(shop, "journeys") == 1


async def test_two_starts_with_the_callers_own_key_are_one(backend: Opens, shop: TestShop) -> None:
    async with backend() as shops:
        await shops.call("track", **old())
        first = await shops.call("start_journey", "cart-recovery", "c-1", idempotency_key="job-7")
        assert await shops.call("start_journey", "cart-recovery", "c-1", idempotency_key="job-7") == first
        with pytest.raises(Rejected, match="409 The journey may not start"):
            await shops.call("start_journey", "cart-recovery", "c-1")
    assert await count(shop, "journeys") == 1


async def test_a_start_that_comes_while_another_with_its_key_runs_comes_again(backend: Opens, shop: TestShop) -> None:
    # No try ends because somebody's patience does: not the client's, nor the database's, of 30 seconds.
    async with backend(timeout=PATIENCE.total_seconds()) as shops, shop.parts.pool.acquire() as db:
        await shops.call("track", **old())
        held = db.transaction()
        await held.start()
        await db.execute("select from customers for update")
        start = partial(shops.call, "start_journey", "cart-recovery", "c-1", idempotency_key="job-7")
        first = asyncio.create_task(start())
        await until(lambda: shop.parts.pool.fetchval(WAITING_FOR_A_LOCK))
        second = asyncio.create_task(start())
        await until(partial(shops.has_asked, 4), PATIENCE / 6)
        assert not second.done()
        await held.rollback()
        assert await first == await second
    assert await count(shop, "journeys") == 1


async def test_an_order_that_two_processes_tell_is_one(backend: Opens, shop: TestShop) -> None:
    async with backend() as shops:
        first = await shops.call("order_completed", 17, user_id="ann")
        assert (await shops.call("order_completed", "17", user_id="ann")) == Result(first.message_id, "duplicate")
        assert (await shops.call("order_completed", "18", user_id="ann")).status == "new"
    assert await count(shop, "orders") == 2


async def test_a_cancel_whose_answer_was_lost_is_done(backend: Opens, shop: TestShop) -> None:
    async with backend() as shops:
        await shops.call("track", **added())
        journey = (await shop.journey()).id
        shops.api.weather.mishaps.append(Lost())
        cancelled = await shops.call("cancel_journey", journey, "the shop was called")
    assert (cancelled.id, cancelled.outcome) == (journey, "cancelled")
    assert cancelled.ended_at == (await shop.journey()).ended_at


# Many at once


async def test_a_batch_is_split_and_a_bad_event_in_it_keeps_no_other_from_being_taken(
    backend: Opens, shop: TestShop
) -> None:
    told = [events.track("Balloon Popped", user_id=f"u-{number}") for number in range(250)]
    told[120] = events.track("Order Completed", user_id="ann")
    async with backend(Instead(Break()), Lost()) as shops:
        results = await shops.call("batch", told)
    assert [len(body["batch"]) for body in shops.bodies] == [100, 100, 100, 100, 50]
    assert [result.message_id for result in results] == [event.message_id for event in told]
    assert {result.status for result in results[:100]} == {"duplicate"}
    (bad,) = (result for result in results if not result.taken)
    assert bad == Result(
        told[120].message_id, "rejected", "properties.order_id", "Order Completed needs the id of the order"
    )
    assert await count(shop, "events") == 249


async def test_a_batch_of_large_events_stays_within_the_size_that_relance_takes(backend: Opens, shop: TestShop) -> None:
    told = [events.track("Note", {"text": "é" * 15_000}, user_id="ann") for _ in range(40)]
    async with backend() as shops:
        results = await shops.call("batch", iter(told))
    assert {result.status for result in results} == {"new"}
    assert [len(body["batch"]) for body in shops.bodies] == [16, 16, 8]
    assert await count(shop, "events") == 40


async def test_an_empty_batch_asks_for_nothing(backend: Opens) -> None:
    async with backend() as shops:
        assert await shops.call("batch", []) == []
    assert shops.bodies == []


# What is said no to, and what is not said at all


async def test_a_no_is_taken_at_its_first_word(backend: Opens) -> None:
    async with backend() as shops:
        with pytest.raises(Rejected) as error:
            await shops.call("track", "Order Completed", user_id="ann")
    assert len(shops.bodies) == 1
    assert (error.value.status, error.value.title) == (422, "The event cannot be taken")
    assert error.value.detail == "properties.order_id: Order Completed needs the id of the order"
    (named,) = error.value.errors
    assert (named.field, named.problem) == ("properties.order_id", "Order Completed needs the id of the order")


@pytest.mark.parametrize(
    ("name", "args", "status"),
    [
        ("start_journey", ("cart-recovery", "c-1"), 409),
        ("start_journey", ("no-such-plan", "c-1"), 404),
        ("start_journey", ("cart-recovery", ""), 422),
        ("cancel_journey", ("cart-recovery:demo:c-1:1",), 404),
        ("journey", ("a:/../b?c",), 404),
    ],
)
async def test_what_cannot_be_done_is_asked_for_once(
    backend: Opens, name: str, args: tuple[str, ...], status: int
) -> None:
    async with backend() as shops:
        with pytest.raises(Rejected) as error:
            await shops.call(name, *args)
    assert error.value.status == status
    assert error.value.detail
    assert len(shops.api.weather.requests) == 1


async def test_a_wrong_key_is_told_as_such(backend: Opens) -> None:
    async with backend(write_key="write_no", api_key="api_no") as shops:
        for name, args in (("order_completed", ("o-1",)), ("journey", ("a:b:c:1",))):
            with pytest.raises(Rejected, match="401 No valid"):
                await shops.call(name, *args)
    assert len(shops.api.weather.requests) == 2


async def test_a_journey_that_ended_otherwise_cannot_be_cancelled(backend: Opens, shop: TestShop) -> None:
    async with backend() as shops:
        await shops.call("track", **added())
        await shops.call("order_completed", "o-1", user_id="ann", cart_id="c-1")
        with pytest.raises(Rejected, match="409 The journey has ended"):
            await shops.call("cancel_journey", (await shop.journey()).id)


async def test_retries_are_bounded_and_the_last_answer_is_told(backend: Opens) -> None:
    async with backend(*[Instead(Answer(503))] * 9) as shops:
        with pytest.raises(Unreachable, match="tried 6 times; the last time: 503") as error:
            await shops.call("track", **added())
    assert len(shops.bodies) == 6
    assert isinstance(error.value.__cause__, Rejected)


async def test_an_answer_that_can_never_be_decoded_is_told(backend: Opens) -> None:
    broken = Instead(Answer(200, b"{}", headers={"Content-Encoding": "gzip"}))
    async with backend(*[broken] * 6) as shops:
        with pytest.raises(Unreachable, match="tried 6 times; the last time: DecodingError"):
            await shops.call("track", **added())


async def test_a_relance_that_asks_for_more_patience_than_there_is_is_given_up_at_once(backend: Opens) -> None:
    async with backend(Instead(Answer(429, headers={"Retry-After": "3600"}))) as shops:
        with pytest.raises(Unreachable, match="tried 1 times; the last time: 429"):
            await shops.call("track", **added())


async def test_a_port_on_which_nobody_listens_is_told(backend: Opens) -> None:
    with closed_port() as port:
        async with backend() as shops:
            client = type(shops.client)(f"http://127.0.0.1:{port}", write_key="w", retries=QUICK)
            with pytest.raises(Unreachable, match="tried 6 times; the last time: ConnectError"):
                await Backend(client, shops.api).call("track", **added())


@pytest.mark.parametrize("answer", [b"<html>Welcome!</html>", b"[]", b'{"success": true}', b'{"results": []}'])
async def test_what_is_not_relance_is_found_out(backend: Opens, answer: bytes) -> None:
    async with backend(*[Instead(Answer(200, answer))] * 2) as shops:
        with pytest.raises(Unreachable, match="not as Relance does; check url"):
            await shops.call("track", **added())
        with pytest.raises(Unreachable, match="not as Relance does; check url"):
            await shops.call("journey", "a:b:c:1")


async def test_an_address_that_moved_is_told(backend: Opens) -> None:
    moved = Instead(Answer(301, headers={"Location": "https://relance.example.com/v1/track"}))
    async with backend(moved) as shops:
        with pytest.raises(Rejected, match=r"301 .*redirects to https://relance\.example\.com/v1/track; check url"):
            await shops.call("track", **added())


# Journeys


async def test_the_story_of_a_journey_is_told(backend: Opens, shop: TestShop) -> None:
    async with backend() as shops:
        await shops.call("track", **added())
        told = await shops.call("journey", (await shop.journey()).id)
    assert [(line.kind, line.what) for line in told.story] == [
        ("event", "Product Added"),
        ("decision", "started"),
        ("next", "goes on at step leaves"),
    ]
    assert (told.key, told.status, told.stage, told.outcome) == ("c-1", "running", "leaves", None)
    assert told.next_at == told.story[-1].at == (await shop.journey()).next_at


async def test_all_journeys_are_listed_page_by_page(backend: Opens) -> None:
    told = [events.track(**added(f"c-{number}", user_id=f"u-{number}")) for number in range(60)]
    async with backend() as shops:
        await shops.call("batch", told)
        asked = len(shops.api.weather.requests)
        shops.api.weather.mishaps += [Instead(Break()), Lost()]
        assert {journey.key for journey in await shops.journeys(status="running")} == {f"c-{n}" for n in range(60)}
        assert len(shops.api.weather.requests) == asked + 4
        assert [journey.customer for journey in await shops.journeys(key="c-7")] == ["u-7"]
        assert await shops.journeys(customer="nobody") == []


@pytest.mark.parametrize(("with_api_key", "people"), [(True, 1), (False, 2)])
async def test_the_word_of_the_backend_is_taken_on_who_is_who(
    shop: TestShop, *, with_api_key: bool, people: int
) -> None:
    async with served(shop) as api:
        api_key = api.api_key if with_api_key else None
        async with AsyncRelance(api.url, write_key=api.write_key, api_key=api_key) as client:
            for user in ("ann", "bob"):
                await client.identify(user, {"email": "ann@example.com", "email_verified": True})
    owners = await shop.parts.pool.fetch("select distinct customer_id from events")
    assert len(owners) == people


async def test_one_client_serves_many_threads(shop: TestShop) -> None:
    async with served(shop) as api:
        with Relance(api.url, write_key=api.write_key) as client:
            told = await asyncio.gather(
                *(asyncio.to_thread(client.track, "Note", user_id=f"u-{number}") for number in range(20))
            )
    assert {result.status for result in told} == {"new"}
    assert await count(shop, "events") == 20


async def test_a_client_closes_its_connections_at_the_end(shop: TestShop) -> None:
    async with served(shop) as api:
        async with AsyncRelance(api.url, write_key=api.write_key) as client:
            await client.track("Note", user_id="ann")
        with pytest.raises(RuntimeError, match="closed"):
            await client.track("Note", user_id="ann")
