"""The relay against a real Temporal server: many rows, several relays, and what cannot be delivered."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from structlog.testing import capture_logs
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from relance import embedded
from storage import outbox
from storage.journeys import Journey
from tests.support import SECRET_TEXT, TestShop, until
from workers import temporal
from workers.pressure import FIRST
from workers.relay import MOST_TRIES, Relay

BESIDE = Path(sys.executable).parent
SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


@asynccontextmanager
async def temporal_on(port: int, *settings: str) -> AsyncIterator[str]:
    """A Temporal server on a port, with dynamic settings; gives its address."""
    beside = BESIDE / "temporal"
    async with await WorkflowEnvironment.start_local(
        port=port,
        dev_server_existing_path=str(beside if beside.exists() else shutil.which("temporal")),
        dev_server_extra_args=[word for setting in settings for word in ("--dynamic-config-value", setting)],
        dev_server_log_level="never",
    ):
        await temporal.bootstrap(await temporal.connect(address=f"127.0.0.1:{port}", namespace="default"))
        yield f"127.0.0.1:{port}"


@pytest_asyncio.fixture(scope="module")
async def address() -> AsyncIterator[str]:
    """A Temporal server that the tests share."""
    async with temporal_on(embedded.free_port(7233)) as address:
        yield address


@pytest_asyncio.fixture
async def client(address: str) -> Client:
    """Temporal as the relay calls it."""
    return await temporal.connect(address=address, namespace="default", retry=temporal.ONCE)


@asynccontextmanager
async def at_work(*relays: Relay) -> AsyncIterator[None]:
    """Relays, running."""
    stop = asyncio.Event()
    running = [asyncio.create_task(relay.run(stop)) for relay in relays]
    yield
    stop.set()
    await asyncio.gather(*running)


async def many(shop: TestShop, count: int) -> None:
    """Journeys like one that the shop has, to be started."""
    await shop.fill("c-0")
    columns = {name: name for name in Journey.__dataclass_fields__}
    columns |= {"id": "id || '-' || n", "key": "'c-' || n", "cart_id": "'c-' || n"}
    await shop.parts.pool.execute(
        f"insert into journeys ({', '.join(columns)}) select {', '.join(columns.values())}"
        f" from journeys, generate_series(1, {count - 1}) n"
    )
    await shop.parts.pool.execute("delete from outbox")
    await shop.parts.pool.execute("insert into outbox (journey) select id from journeys order by started_at, id")


async def tell(shop: TestShop, signal: str, which: str = "true", **payload: Any) -> None:
    """Have journeys hear a signal."""
    at = shop.begins.isoformat()
    await shop.parts.pool.execute(
        f"insert into outbox (journey, signal, payload) select id, $1, $2 from journeys j where {which} order by id",
        signal,
        {"at": at, **payload},
    )


async def heard(client: Client, journey: str) -> list[str]:
    """The signals that a workflow has heard."""
    history = await client.get_workflow_handle(journey).fetch_history()
    return [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in history.events
        if event.event_type == SIGNALED
    ]


async def rows(shop: TestShop) -> list[tuple[Any, ...]]:
    """The outbox: cart, signal, tries, whether it is due, whether it is parked, problem."""
    found = await shop.parts.pool.fetch(
        "select j.cart_id, signal, tries, parked_at is null and try_at <= clock_timestamp(),"
        " parked_at is not null, problem from outbox o join journeys j on j.id = o.journey order by o.id"
    )
    return [tuple(row) for row in found]


async def ids(shop: TestShop) -> list[str]:
    """The ids of the shop's journeys."""
    return sorted(row["id"] for row in await shop.parts.pool.fetch("select id from journeys"))


async def started(shop: TestShop, client: Client, count: int) -> list[str]:
    """The workflows of the shop, one for each run, once Temporal lists so many: it lists them a little late."""
    query = f"RelanceShop = '{shop.shop}'"

    async def all_are_listed() -> bool:
        return (await client.count_workflows(query)).count >= count

    await until(all_are_listed)
    return sorted([run.id async for run in client.list_workflows(query)])


async def is_empty(shop: TestShop) -> bool:
    return not await rows(shop)


async def relance(database_url: str, *words: str) -> str:
    """Run the program and give what it prints."""
    process = await asyncio.create_subprocess_exec(
        BESIDE / "relance",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"RELANCE_DATABASE_URL": database_url, "RELANCE_SECRET": SECRET_TEXT, "COLUMNS": "200"},
    )
    out, _ = await process.communicate()
    return f"{process.returncode}: {' '.join(out.decode().split())}"


async def test_three_relays_start_2000_journeys_once_each_and_every_signal_is_heard_once_and_in_order(
    shop: TestShop, client: Client
) -> None:
    await many(shop, 2_000)
    await tell(shop, "pause")
    for name in ("resume", "pause", "cancel"):
        await tell(shop, name, "cart_id like '%0'")
    async with at_work(*(shop.parts.relay(client) for _ in range(3))):
        await until(lambda: is_empty(shop), patience=timedelta(minutes=5))

    assert await started(shop, client, 2_000) == await ids(shop)
    journeys = await shop.parts.pool.fetch("select id, cart_id from journeys")
    at_once = asyncio.Semaphore(20)

    async def check(journey: str, cart: str) -> None:
        async with at_once:
            names = ["pause", "resume", "pause", "cancel"] if cart.endswith("0") else ["pause"]
            assert await heard(client, journey) == names

    await asyncio.gather(*(check(row["id"], row["cart_id"]) for row in journeys))


async def test_a_row_that_can_never_be_delivered_is_parked_with_its_reason_and_the_others_are_delivered(
    shop: TestShop, client: Client, database_url: str
) -> None:
    await many(shop, 4)
    await tell(shop, "no_such_signal", "cart_id = 'c-0'")
    await tell(shop, "checkout_completed", "cart_id = 'c-1'", at="ann@example.com")
    await tell(shop, "cancel", "cart_id = 'c-2'", reason="x" * 3_000_000)
    await tell(shop, "cancel", "cart_id = 'c-3'", reason="x" * 5_000_000)
    await tell(shop, "pause")
    with capture_logs() as log:
        assert await shop.parts.relay(client).deliver_batch()
    assert [(cart, tries, parked, problem) for cart, _, tries, _, parked, problem in await rows(shop)] == [
        ("c-0", 1, True, "no journey hears a signal 'no_such_signal'"),
        ("c-1", 1, True, "not a valid CheckoutCompleted: at (datetime_from_date_parsing), order_id (missing)"),
        ("c-2", 1, True, "Temporal says INVALID_ARGUMENT: Blob data size exceeds limit."),
        (
            "c-3",
            1,
            True,
            "Temporal says RESOURCE_EXHAUSTED: grpc: received message after decompression larger than max 4194304",
        ),
    ]
    assert len(log) == 4
    journeys = {row["cart_id"]: row["id"] for row in await shop.parts.pool.fetch("select id, cart_id from journeys")}
    for journey in journeys.values():
        assert await heard(client, journey) == ["pause"]
    waiting = await outbox.waiting(shop.parts.pool)
    assert (waiting.rows, waiting.oldest, waiting.parked) == (0, timedelta(0), 4)

    ids = [row["id"] for row in await shop.parts.pool.fetch("select id from outbox order by id")]
    listed = await relance(database_url, "events", "parked", "--shop", shop.shop)
    assert listed.startswith("0:")
    assert all(str(one) in listed for one in ids)
    assert "no journey hears a signal 'no_such_signal'" in listed
    # A deployment knows the signal now, and somebody has mended the order.
    await shop.parts.pool.execute("update outbox set signal = 'resume' where id = $1", ids[0])
    assert await relance(database_url, "events", "retry", str(ids[0])) == "0: given back to the relay: 1"
    again = await relance(database_url, "events", "retry", str(ids[0]), str(ids[1]))
    assert again.startswith("2: given back to the relay: 1")
    assert f"not parked: {ids[0]};" in again
    await shop.parts.pool.execute(
        "update outbox set payload = jsonb_build_object('at', now(), 'order_id', 'o-1') where id = $1", ids[1]
    )
    await shop.parts.relay(client).deliver_batch()
    assert await heard(client, journeys["c-0"]) == ["pause", "resume"]
    assert await heard(client, journeys["c-1"]) == ["pause", "checkout_completed"]
    assert await relance(database_url, "events", "retry", "--all") == "0: given back to the relay: 2"
    assert (await outbox.waiting(shop.parts.pool)).rows == 2


async def test_a_row_at_which_our_own_side_fails_is_parked_though_it_is_alone_and_no_outage_is_told_of(
    shop: TestShop, client: Client
) -> None:
    await many(shop, 1)
    pool = shop.parts.pool
    # No start delay can be worked out of that.
    await pool.execute("update journeys set first_due = 'infinity'")
    await tell(shop, "pause")
    relay = shop.parts.relay(client)
    with capture_logs() as log:
        for tries in range(1, MOST_TRIES):
            assert await relay.deliver_batch()
            [start, behind] = await rows(shop)
            assert (start[2], start[4:]) == (tries, (False, "TypeError"))
            assert (behind[2], behind[4:]) == (0, (False, None))
            await pool.execute("update outbox set try_at = now()")
        assert await relay.deliver_batch()
    [start, behind] = await rows(shop)
    assert start[2:] == (MOST_TRIES, False, True, "TypeError")
    assert behind == ("c-0", "pause", 0, True, False, None)
    assert [line["event"] for line in log] == ["relay parks a row that cannot be delivered"]


async def test_what_comes_after_a_row_at_which_our_own_side_fails_is_delivered_at_once(
    shop: TestShop, client: Client
) -> None:
    await many(shop, 2)
    pool = shop.parts.pool
    await pool.execute("update journeys set first_due = 'infinity' where cart_id = 'c-0'")
    await pool.execute("delete from outbox where journey in (select id from journeys where cart_id = 'c-1')")
    await pool.execute("update outbox set tries = 7")
    relay = shop.parts.relay(client)
    assert await relay.deliver_batch()
    assert [row[2:] for row in await rows(shop)] == [(8, False, False, "TypeError")]
    await tell(shop, "pause", "cart_id = 'c-1'")
    assert await relay.deliver_batch()
    assert [(row[0], row[2]) for row in await rows(shop)] == [("c-0", 8)]
    assert relay.rest == timedelta(0)


class Odd(Interceptor):
    """A Temporal that answers what nobody knows when it is told of one journey."""

    def __init__(self, journey: str) -> None:
        self.journey = journey
        self.asked: list[bool] = []

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 the library's name
        return _Odd(next, self)


class _Odd(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, odd: Odd) -> None:  # noqa: A002 the library's name
        super().__init__(next)
        self._odd = odd

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002 the library's name
        is_odd = input.id == self._odd.journey
        self._odd.asked.append(is_odd)
        if is_odd:
            raise RPCError("odd", RPCStatusCode.INTERNAL, b"")
        return await super().start_workflow(input)


async def odd_for_one(shop: TestShop, client: Client) -> tuple[Client, Odd]:
    """A client of a Temporal that is odd about the first cart's journey."""
    odd = Odd(str(await shop.parts.pool.fetchval("select id from journeys where cart_id = 'c-0'")))
    config = client.config()
    config["interceptors"] = [odd]
    return Client(**config), odd


async def test_an_answer_that_nobody_knows_is_held_against_a_row_only_while_temporal_takes_others(
    shop: TestShop, client: Client
) -> None:
    await many(shop, 2)
    pool = shop.parts.pool
    answering, _ = await odd_for_one(shop, client)
    await pool.execute("delete from outbox where journey in (select id from journeys where cart_id = 'c-1')")
    await tell(shop, "pause", "cart_id = 'c-0'")
    relay = shop.parts.relay(answering)
    for _ in range(2 * MOST_TRIES):
        await pool.execute("update outbox set try_at = now()")
        assert await relay.deliver_batch()
    assert [row[2:] for row in await rows(shop)] == [(0, False, False, None)] * 2

    for tries in range(1, MOST_TRIES):
        await tell(shop, "pause", "cart_id = 'c-1'")
        # One finds out that Temporal is there; then both are in one batch.
        while len(await rows(shop)) > 2:
            await relay.deliver_batch()
        await tell(shop, "pause", "cart_id = 'c-1'")
        await pool.execute("update outbox set try_at = now()")
        await relay.deliver_batch()
        [start, behind] = await rows(shop)
        assert start[1:] == (None, tries, False, False, "Temporal says INTERNAL: odd")
        assert behind[1:] == ("pause", 0, False, False, None)
    await tell(shop, "pause", "cart_id = 'c-1'")
    await pool.execute("update outbox set try_at = now()")
    await relay.deliver_batch()
    [start, behind] = await rows(shop)
    assert start[2:] == (MOST_TRIES, False, True, "Temporal says INTERNAL: odd")
    assert behind == ("c-0", "pause", 0, True, False, None)


async def test_a_new_row_goes_before_one_that_temporal_answers_oddly(shop: TestShop, client: Client) -> None:
    await many(shop, 2)
    answering, odd = await odd_for_one(shop, client)
    await shop.parts.pool.execute("delete from outbox where journey in (select id from journeys where cart_id = 'c-1')")
    relay = shop.parts.relay(answering)
    for _ in range(8):
        await shop.parts.pool.execute("update outbox set try_at = now()")
        assert await relay.deliver_batch()
    await tell(shop, "pause", "cart_id = 'c-1'")
    assert await relay.deliver_batch()
    assert odd.asked == [True] * 8 + [False]


async def test_while_temporal_is_away_no_row_is_marked_and_one_line_tells_of_it(shop: TestShop) -> None:
    await many(shop, 40)
    await tell(shop, "pause")
    port = embedded.free_port(17233)
    away = await temporal.connect(address=f"127.0.0.1:{port}", namespace="default", lazy=True, retry=temporal.ONCE)
    relay = shop.parts.relay(away)
    with capture_logs() as log:
        for _ in range(100):
            assert await relay.deliver_batch()
        assert [line["event"] for line in log] == ["relay cannot reach Temporal and waits for it"]
        assert len(await rows(shop)) == 80
        assert all(row[2:] == (0, True, False, None) for row in await rows(shop))
        async with temporal_on(port) as address:
            while not await is_empty(shop):
                await relay.deliver_batch()
            there = await temporal.connect(address=address, namespace="default")
            assert await started(shop, there, 40) == await ids(shop)
    assert [line["event"] for line in log] == [
        "relay cannot reach Temporal and waits for it",
        "relay reaches Temporal again",
    ]


async def test_while_postgres_is_away_the_relay_waits_for_it_and_one_line_tells_of_it(
    shop: TestShop, client: Client, database_url: str, postgres_server: str
) -> None:
    database = database_url.partition("?")[0].rpartition("/")[2]
    admin = await asyncpg.connect(postgres_server.replace("/relance?", "/postgres?"))

    async def said(*lines: str) -> bool:
        return [line["event"] for line in log] == list(lines)

    try:
        with capture_logs() as log:
            async with at_work(shop.parts.relay(client)):
                await admin.execute(f"alter database {database} allow_connections false")
                await admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", database
                )
                await until(lambda: said("relay cannot reach Postgres and waits for it"))
                # Several tries go by, and say nothing.
                await asyncio.sleep(2)
                await admin.execute(f"alter database {database} allow_connections true")
                await until(
                    lambda: said("relay cannot reach Postgres and waits for it", "relay reaches Postgres again")
                )
                await many(shop, 1)
                await until(lambda: is_empty(shop))
    finally:
        await admin.close()


async def test_a_namespace_that_is_missing_or_not_set_up_is_waited_for(shop: TestShop, address: str) -> None:
    await many(shop, 3)
    client = await temporal.connect(address=address, namespace=shop.shop, retry=temporal.ONCE)
    assert "NOT_FOUND" in await why_away(shop, client)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(
            namespace=client.namespace, workflow_execution_retention_period=Duration(seconds=24 * 60 * 60)
        )
    )

    async def lacks_attributes() -> bool:
        return "search attribute" in await why_away(shop, client)

    await until(lacks_attributes)
    assert [row[2:] for row in await rows(shop)] == [(0, True, False, None)] * 3
    await temporal.bootstrap(client)
    async with at_work(shop.parts.relay(client)):
        await until(lambda: is_empty(shop))


async def why_away(shop: TestShop, client: Client) -> str:
    """What a relay says that finds Temporal away."""
    with capture_logs() as log:
        await shop.parts.relay(client).deliver_batch()
    return str(log[0]["problem"])


async def test_a_relay_presses_less_when_temporal_pushes_back_and_all_is_delivered_in_the_end(shop: TestShop) -> None:
    await many(shop, 40)
    async with temporal_on(
        embedded.free_port(17233), "frontend.namespaceRPS=5", "frontend.namespaceBurstRatio=1.0"
    ) as address:
        client = await temporal.connect(address=address, namespace="default", retry=temporal.ONCE)
        relay = shop.parts.relay(client)
        with capture_logs() as log:
            await relay.deliver_batch()
            assert relay.pressure.width == FIRST // 2
            left = await rows(shop)
            assert len(left) > 40 - FIRST
            assert {(row[2], row[4], row[5]) for row in left} == {(0, False, None)}
            async with at_work(relay):
                await until(lambda: is_empty(shop))
        assert relay.pressure.width < FIRST
        assert log == []
        # This client tries again when it is told that it is too much.
        patient = await temporal.connect(address=address, namespace="default")
        assert await started(shop, patient, 40) == await ids(shop)


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
