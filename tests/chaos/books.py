"""What Postgres and Temporal say of a load of events, beside what was acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from journeys.cart import CART_EVENTS, Cart, fold
from journeys.events import Event
from storage import database
from storage.database import Pool
from tests.chaos.load import order_of
from tests.chaos.processes import Installation

CAUGHT_UP_WITHIN = 120.0
"""Seconds. What a killed relay had taken comes to the next one when its lease ends, after 30."""


@dataclass(frozen=True)
class Report:
    """What became of the events.

    Attributes:
        accepted: how many were acknowledged.
        lost: what was acknowledged and is not there, or has had no effect.
        duplicated: what is there twice, or has had its effect twice.
        heard_again: signals that a workflow heard once more; they change nothing.
        repaired: what the reconciliation had to put right.

    """

    accepted: int
    lost: list[str]
    duplicated: list[str]
    heard_again: int
    repaired: int


@dataclass(frozen=True)
class Books:
    """The books of one shop."""

    pool: Pool
    client: Client
    shop: str

    async def settle(self) -> None:
        """Wait until Temporal has heard and done everything, or for as long as that may take."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CAUGHT_UP_WITHIN):
                while not await self._are_settled():  # noqa: ASYNC110 Postgres and Temporal set no events
                    await asyncio.sleep(0.5)

    async def _are_settled(self) -> bool:
        waiting = await self.pool.fetchval("select count(*) from outbox")
        journeys = await self.pool.fetch("select id, status from journeys where shop = $1", self.shop)
        runs = await self._runs()
        at_work = {run.id for run in runs if run.status is WorkflowExecutionStatus.RUNNING}
        running = {row["id"] for row in journeys if row["status"] == "running"}
        return waiting == 0 and len(runs) == len(journeys) and at_work == running

    async def compare(self, accepted: set[str]) -> Report:
        """Compare what was acknowledged with what is there."""
        journeys = await self.pool.fetch("select id, cart_id, outcome from journeys where shop = $1", self.shop)
        ordered = [row for row in journeys if order_of(row["cart_id"]) in accepted]
        heard = {row["id"]: await self._heard(row["id"]) for row in ordered}
        runs = Counter(run.id for run in await self._runs())
        lost = [
            *await self._events_that_are_missing(accepted),
            *await self._carts_that_differ(),
            *(f"start of {row['id']} in Temporal" for row in journeys if row["id"] not in runs),
            *(f"order of {row['id']} in Postgres" for row in ordered if row["outcome"] != "converted"),
            *(f"order of {journey} in Temporal" for journey, times in heard.items() if not times),
        ]
        duplicated = [
            *_more_than_one("event", await self._ids("select message_id from events where shop = $1")),
            *_more_than_one("workflow", runs.elements()),
            *_more_than_one("end", await self._ids(_ENDS)),
        ]
        repaired = await self.pool.fetchval("select count(*) from repairs where shop = $1", self.shop)
        return Report(len(accepted), lost, duplicated, sum(max(times - 1, 0) for times in heard.values()), repaired)

    async def _runs(self) -> list[WorkflowExecution]:
        return [run async for run in self.client.list_workflows("WorkflowType = 'Journey'")]

    async def _ids(self, query: str) -> list[str]:
        return [row[0] for row in await self.pool.fetch(query, self.shop)]

    async def _events_that_are_missing(self, accepted: set[str]) -> list[str]:
        kept = set(await self._ids("select message_id from events where shop = $1"))
        seen = set(await self._ids("select message_id from seen where shop = $1"))
        return [f"event {name}" for name in sorted(accepted - (kept & seen))]

    async def _carts_that_differ(self) -> list[str]:
        """Fold the events anew: each cart must be what they leave."""
        told = await self.pool.fetch(
            "select cart_id, content from events where shop = $1 and name = any($2)", self.shop, sorted(CART_EVENTS)
        )
        events = defaultdict(list)
        for row in told:
            events[row["cart_id"]].append(Event.model_validate(row["content"]))
        kept = await self.pool.fetch("select cart_id, content from carts where shop = $1", self.shop)
        carts = {row["cart_id"]: Cart.model_validate(row["content"]) for row in kept}
        return [f"contents of {cart}" for cart, of_cart in events.items() if carts.get(cart) != fold(of_cart)]

    async def _heard(self, journey: str) -> int:
        """Tell how often a workflow heard of its order, and did by it what it should: it ended as converted."""
        handle = self.client.get_workflow_handle(journey)
        if (await handle.describe()).status is not WorkflowExecutionStatus.COMPLETED:
            return 0
        history = await handle.fetch_history()
        signals = [
            event.workflow_execution_signaled_event_attributes.signal_name
            for event in history.events
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        ]
        ended_well = (await handle.result())["outcome"] == "converted"
        return signals.count("checkout_completed") if ended_well else 0


_ENDS = (
    "select l.journey from journey_log l join journeys j on j.id = l.journey where j.shop = $1 and l.what like 'ended%'"
)


def _more_than_one(what: str, ids: Iterable[str]) -> list[str]:
    return [f"{what} {name}, {count} times" for name, count in Counter(ids).items() if count > 1]


@asynccontextmanager
async def books_of(relance: Installation) -> AsyncIterator[Books]:
    """Open the books, once whatever was killed answers again."""
    client = await relance.temporal()
    async with await database.connect(relance.database_url) as pool:
        yield Books(pool, client, relance.shop)
