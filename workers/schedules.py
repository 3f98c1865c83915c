"""The Temporal Schedules: what runs by itself, how often, and how it is made so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from activities.contracts import JOURNEY_QUEUE
from workflows.confirmations import ConfirmationsWorkflow
from workflows.entries import EntriesWorkflow
from workflows.lookups import LookUpsWorkflow
from workflows.reconciliation import ReconciliationWorkflow
from workflows.related import RelatedWorkflow
from workflows.revocations import RevocationsWorkflow
from workflows.segments import SegmentsWorkflow
from workflows.tasks import TasksWorkflow
from workflows.upkeep import UpkeepWorkflow

RECONCILIATION = "relance-reconciliation"
UPKEEP = "relance-upkeep"
LOOK_UPS = "relance-look-ups"
CONFIRMATIONS = "relance-confirmations"
RELATED = "relance-related"
REVOCATIONS = "relance-revocations"
SEGMENTS = "relance-segments"
TASKS = "relance-tasks"
ENTRIES = "relance-entries"

_SCHEDULES = (
    (RECONCILIATION, ReconciliationWorkflow, timedelta(minutes=5), "Compares journeys, orders and workflows"),
    (UPKEEP, UpkeepWorkflow, timedelta(days=1), "Makes and drops months of the event log"),
    (LOOK_UPS, LookUpsWorkflow, timedelta(minutes=10), "Asks providers what became of unknown sends"),
    (SEGMENTS, SegmentsWorkflow, timedelta(hours=6), "Counts the segments and scores of all customers"),
    (CONFIRMATIONS, ConfirmationsWorkflow, timedelta(minutes=1), "Answers STOP, START and HELP"),
    (RELATED, RelatedWorkflow, timedelta(minutes=15), "Keeps count of what is bought together"),
    (REVOCATIONS, RevocationsWorkflow, timedelta(minutes=1), "Has codes of cancelled journeys taken back"),
    (TASKS, TasksWorkflow, timedelta(minutes=1), "Lets tasks expire, and tells shops of those that are open"),
    (ENTRIES, EntriesWorkflow, timedelta(minutes=1), "Lets people into plans by their schedules"),
)
"""The id of each schedule, what it runs, how often, and what the Temporal UI says of it."""
_CATCH_UP = timedelta(minutes=1)
"""What was missed longer ago is not made up for: the next run sees the same."""
_LONGEST_RUN = timedelta(hours=1)
"""A run that no worker takes must not stand in the way of the next ones for longer."""


async def make(client: Client) -> None:
    """Make the schedules, or bring them to what they should be. One that was paused stays paused."""
    for name, workflow, every, summary in _SCHEDULES:
        wanted = Schedule(
            action=ScheduleActionStartWorkflow(
                workflow.run,
                id=name,
                task_queue=JOURNEY_QUEUE,
                execution_timeout=_LONGEST_RUN,
                static_summary=summary,
            ),
            spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every)]),
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
        )
        try:
            await client.create_schedule(name, wanted)
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(name).update(_to(wanted))


def _to(wanted: Schedule) -> Callable[[ScheduleUpdateInput], ScheduleUpdate]:
    return lambda found: ScheduleUpdate(replace(wanted, state=found.description.schedule.state))
