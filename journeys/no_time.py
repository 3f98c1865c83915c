"""Times of ``0s`` that leave no time for what they are for. Pure.

Where none is meant, ``0s`` says it: a ``re_entry`` at once, an ``attribution`` that there is none of.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from journeys.entry import ByEvents
from journeys.paths import patience
from journeys.plan import Plan
from journeys.saying import UntilDelivered
from journeys.steps import Branch, Step, Task, Wait, WaitUntilIdle, walk

_NONE = timedelta(0)


def without_time(plan: Plan) -> Iterator[str]:
    """Tell which times leave none, each in a sentence that names the step and what to write."""
    if isinstance(plan.entry, ByEvents) and plan.entry.within == _NONE:
        yield "entry: a within of 0s lets nobody in; write how old an event may be when it comes in"
    if plan.audience is not None and any(count.within == _NONE for count in plan.audience.counted):
        yield f"audience: {_NOTHING_COUNTED}"
    for step in walk(plan.steps):
        yield from (f"step {step.id}: {problem}" for problem in _of_step(step))
    for send in plan.sends:
        if send.send.deadline == _NONE and send.id in plan.by_id:
            yield f"step {send.id}: a deadline of 0s leaves no time to send it; write how long it is worth that"
        if isinstance(send.send.channels, UntilDelivered) and send.send.channels.within == _NONE:
            yield f"step {send.id}: a within of 0s leaves no time to arrive; write how long, or send by all channels"


_NOTHING_COUNTED = "event: a within of 0s counts nothing; write how far back is counted"


def _of_step(step: Step) -> Iterator[str]:
    if patience(step) == _NONE:
        yield "a within of 0s leaves no time to wait; write how long it is waited for"
    match step:
        case Wait() if step.wait == _NONE:
            yield "a wait of 0s waits for nothing; write how long, or leave the step out"
        case WaitUntilIdle() if step.wait_until_idle == _NONE:
            yield "a wait_until_idle of 0s waits for nothing; write how long, or leave the step out"
        case Task() if step.task.escalate_after == _NONE:
            yield "an escalate_after of 0s is over before anybody can have done it; write how long, or leave it out"
        case Branch():
            for number, arm in enumerate(step.branch, start=1):
                if any(count.within == _NONE for count in arm.condition.counted):
                    yield f"arm {number}: {_NOTHING_COUNTED}"
