"""The workers: one for the journeys and what looks after them, one for the sends of each channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.contracts import JOURNEY_QUEUE, send_queue
from journeys.facts import Channel
from workers.privacy import WordlessFailures
from workflows.confirmations import ConfirmationsWorkflow
from workflows.entries import EntriesWorkflow
from workflows.journey import JourneyWorkflow
from workflows.lookups import LookUpsWorkflow
from workflows.reconciliation import ReconciliationWorkflow
from workflows.related import RelatedWorkflow
from workflows.revocations import RevocationsWorkflow
from workflows.segments import SegmentsWorkflow
from workflows.tasks import TasksWorkflow
from workflows.upkeep import UpkeepWorkflow

SENDS_PER_SECOND = {
    Channel.SMS: 25.0,
    Channel.MMS: 10.0,
    Channel.RCS: 25.0,
    Channel.WHATSAPP: 25.0,
    Channel.EMAIL: 50.0,
    Channel.WEB_PUSH: 100.0,
    Channel.APP_PUSH: 100.0,
    Channel.VOICE: 1.0,
    Channel.ON_SITE: 100.0,
}
"""What a channel's whole queue hands over in a second, over all its workers; Temporal itself keeps the limit."""
GRACE = timedelta(seconds=30)
"""For activities to finish when a worker is told to stop: a provider call takes 10 s at most."""

QUEUES = (JOURNEY_QUEUE, *(send_queue(channel) for channel in Channel))

WORKFLOWS = (
    JourneyWorkflow,
    ReconciliationWorkflow,
    UpkeepWorkflow,
    LookUpsWorkflow,
    ConfirmationsWorkflow,
    RelatedWorkflow,
    RevocationsWorkflow,
    SegmentsWorkflow,
    TasksWorkflow,
    EntriesWorkflow,
)

Activity = Callable[..., Any]


def check(queues: Iterable[str]) -> None:
    """Make sure that there are such queues.

    Raises:
        ValueError: there is no such queue; the message names those there are.

    """
    for queue in queues:
        if queue not in QUEUES:
            raise ValueError(f"there is no queue '{queue}'; there are {', '.join(QUEUES)}")


def build(
    client: Client,
    queue: str,
    activities: Sequence[Activity],
    sends: Sequence[Activity],
    *,
    concurrency: int = 100,
    grace: timedelta = GRACE,
) -> Worker:
    """Build the worker of one queue.

    Args:
        client: Temporal.
        queue: one of ``QUEUES``.
        activities: the activities of a journey's own queue.
        sends: the activities of a channel's queue.
        concurrency: how many workflow tasks, looks and sends run at a time.
        grace: how long a worker that is told to stop lets its activities finish.

    Raises:
        KeyError: there is no such queue.

    """
    if queue == JOURNEY_QUEUE:
        return Worker(
            client,
            task_queue=queue,
            workflows=WORKFLOWS,
            activities=activities,
            workflow_runner=runner(),
            max_concurrent_workflow_tasks=concurrency,
            max_concurrent_local_activities=concurrency,
            max_concurrent_activities=concurrency,
            graceful_shutdown_timeout=grace,
            interceptors=[WordlessFailures()],
        )
    limits = {send_queue(channel): limit for channel, limit in SENDS_PER_SECOND.items()}
    return Worker(
        client,
        task_queue=queue,
        activities=sends,
        max_concurrent_activities=concurrency,
        max_task_queue_activities_per_second=limits[queue],
        graceful_shutdown_timeout=grace,
        interceptors=[WordlessFailures()],
    )


def runner() -> SandboxedWorkflowRunner:
    """Build what runs the workflows. Replays of recorded histories take the same."""
    passed = SandboxRestrictions.default.with_passthrough_modules("journeys", "activities.contracts")
    return SandboxedWorkflowRunner(restrictions=passed)
