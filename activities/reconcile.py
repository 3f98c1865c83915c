"""Compares what Postgres and Temporal say of the journeys, and has the differences put right."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowHistoryEventFilterType,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts import (
    COMPARE_CLOSED,
    COMPARE_ENDED,
    COMPARE_ORDERS,
    COMPARE_OVERDUE,
    Compared,
    JourneyResult,
)
from journeys.repairs import FOUND, Repair
from journeys.signals import BY_NAME
from storage import reconcile
from storage.following import Following
from storage.reconcile import Closing

if TYPE_CHECKING:
    from storage.database import Pool

AT_MOST = 1000
"""How many workflows one comparison asks for in a run, one by one; the others have their turn in the next."""
PAGE = 1000
"""How many closed workflows Temporal lists at a time."""
OPEN_AT_A_TIME = 5000
"""How many open journeys are compared with the orders at a time."""
_LONGEST_WORDS = 200
_PAUSES = {"pause", "resume"}

_TAKEN_OVER = {
    WorkflowExecutionStatus.TERMINATED: (Repair.WORKFLOW_TERMINATED, "cancelled"),
    WorkflowExecutionStatus.CANCELED: (Repair.WORKFLOW_TERMINATED, "cancelled"),
    WorkflowExecutionStatus.FAILED: (Repair.WORKFLOW_FAILED, "failed"),
    WorkflowExecutionStatus.TIMED_OUT: (Repair.WORKFLOW_FAILED, "failed"),
}
"""How a workflow closed that did not come to its own end, and the outcome that its journey gets."""

log = structlog.get_logger()


class Reconciling:
    """The comparisons. Each may be repeated, or stopped at any point: the next run finds what is left."""

    def __init__(self, pool: Pool, client: Client, following: Following) -> None:
        self._pool = pool
        self._client = client
        self._following = following

    @activity.defn(name=COMPARE_CLOSED)
    async def closed(self) -> Compared:
        """Find the journeys that go on in Postgres although their workflow has closed, by Temporal's list."""
        since, now = await reconcile.listed_until(self._pool)
        looked_at, repaired = 0, Counter[Repair]()
        async for ids in self._list_closed(since):
            looked_at += len(ids)
            for journey in await reconcile.not_ended(self._pool, ids):
                repaired.update(await self._compare(journey))
                activity.heartbeat()
            await reconcile.note_closed(self._pool, ids)
            activity.heartbeat()
        await reconcile.list_on_from(self._pool, now)
        return Compared(looked_at=looked_at, repaired=dict(repaired))

    @activity.defn(name=COMPARE_OVERDUE)
    async def overdue(self) -> Compared:
        """Find the running journeys whose moment has passed because their workflow is gone, or was never there."""
        late = await reconcile.overdue(self._pool, AT_MOST)
        repaired = Counter[Repair]()
        for journey in late:
            repaired.update(await self._compare(journey))
            await reconcile.note_asked(self._pool, journey)
            activity.heartbeat()
        left = await reconcile.count_overdue(self._pool)
        return Compared(looked_at=len(late), repaired=dict(repaired), overdue=left)

    @activity.defn(name=COMPARE_ORDERS)
    async def orders(self) -> Compared:
        """Find the journeys that go on although an order that we know should have ended them."""
        looked_at, ended, last = 0, 0, ""
        while ids := await reconcile.open_after(self._pool, last, OPEN_AT_A_TIME):
            for shop, customer in await reconcile.disregarded(self._pool, ids):
                ended += await reconcile.settle(self._pool, self._following, shop, customer)
                activity.heartbeat()
            looked_at, last = looked_at + len(ids), ids[-1]
            activity.heartbeat()
        return Compared(looked_at=looked_at, repaired={Repair.ORDER_MISSED: ended} if ended else {})

    @activity.defn(name=COMPARE_ENDED)
    async def ended(self) -> Compared:
        """Find the workflows that go on although their journey has ended and nobody told them."""
        unclosed = await reconcile.unclosed(self._pool, AT_MOST)
        told = 0
        for journey in unclosed:
            told += await self._tell(journey)
            await reconcile.note_asked(self._pool, journey)
            activity.heartbeat()
        return Compared(looked_at=len(unclosed), repaired={Repair.SIGNAL_LOST: told} if told else {})

    async def _list_closed(self, since: datetime | None) -> AsyncIterator[list[str]]:
        """List the journeys' workflows that have closed, a page at a time."""
        query = "WorkflowType = 'Journey' AND ExecutionStatus != 'Running'"
        if since is not None:
            query += f" AND CloseTime > '{since.isoformat()}'"
        listed = self._client.list_workflows(query, page_size=PAGE)
        while True:
            await listed.fetch_next_page()
            if ids := [execution.id for execution in listed.current_page or ()]:
                yield ids
            if not listed.next_page_token:
                return

    async def _compare(self, journey: str) -> list[Repair]:
        """Compare a journey that goes on in Postgres with its workflow, and put right what is wrong."""
        found = await self._find(journey)
        if found is None:
            return _repaired(journey, Repair.START_LOST, done=await reconcile.start_again(self._pool, journey))
        closing = await self._closing(found)
        if closing is None:
            return []
        return _repaired(journey, closing.what, done=await reconcile.end(self._pool, journey, closing))

    async def _tell(self, journey: str) -> bool:
        """Have the workflow of a journey that has ended hear of it, unless it has: it may wait for a worker."""
        found = await self._find(journey)
        if found is None or found.status is not WorkflowExecutionStatus.RUNNING:
            await reconcile.note_closed(self._pool, [journey])
            return False
        if await self._has_heard(self._client.get_workflow_handle(journey)):
            return False
        done = await reconcile.tell_again(self._pool, self._following, journey)
        return bool(_repaired(journey, Repair.SIGNAL_LOST, done=done))

    async def _find(self, journey: str) -> WorkflowExecutionDescription | None:
        """Ask Temporal for a journey's newest run: one that was reset has gone on under the same id."""
        try:
            return await self._client.get_workflow_handle(journey).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None

    async def _closing(self, found: WorkflowExecutionDescription) -> Closing | None:
        """Tell how a workflow closed; None while it runs."""
        at = found.close_time
        if at is None or found.status is None:
            return None
        if found.status is WorkflowExecutionStatus.COMPLETED:
            ended = self._client.get_workflow_handle(found.id, result_type=JourneyResult)
            result = await ended.result()
            return Closing(Repair.END_LOST, result.outcome, result.reason, at)
        if found.status not in _TAKEN_OVER:
            return None
        what, outcome = _TAKEN_OVER[found.status]
        return Closing(what, outcome, FOUND[what], at, await self._words(found.id))

    async def _words(self, journey: str) -> str | None:
        """Give what was said when a workflow was terminated or failed. It may name people: it is for Postgres only."""
        handle = self._client.get_workflow_handle(journey)
        last = WorkflowHistoryEventFilterType.CLOSE_EVENT
        said = ""
        async for event in handle.fetch_history_events(event_filter_type=last):
            said = (
                event.workflow_execution_terminated_event_attributes.reason
                or event.workflow_execution_failed_event_attributes.failure.message
            )
        # Postgres takes every character but this one.
        return said.replace("\0", "")[:_LONGEST_WORDS] or None

    async def _has_heard(self, handle: WorkflowHandle[object, object]) -> bool:
        """Tell whether a signal that ends its journey has reached a workflow."""
        async for event in handle.fetch_history_events():
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                name = event.workflow_execution_signaled_event_attributes.signal_name
                if name in BY_NAME.keys() - _PAUSES:
                    return True
        return False


def _repaired(journey: str, what: Repair, *, done: bool) -> list[Repair]:
    if not done:
        return []
    log.warning("repaired", journey=journey, what=what)
    return [what]
