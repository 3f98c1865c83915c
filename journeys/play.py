"""What a journey does next: one pure function over the plan, where the journey stands, and what it last saw.

The workflow acts on the answer; the look and the send note it down in Postgres. Both ask the same function.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from journeys.durations import show
from journeys.facts import Channel, Facts
from journeys.plan import Plan
from journeys.steps import Branch, Exit, Send, UntilDelivered, Wait, WaitUntilIdle


class Stage(BaseModel):
    """Where a journey stands.

    Attributes:
        step: the step it is in; None when the plan is played out.
        since: when it came there.
        life_ends: when it ends at the latest.

    """

    model_config = ConfigDict(frozen=True)

    step: str | None
    since: datetime
    life_ends: datetime

    def go(self, step: str | None, at: datetime) -> Stage:
        """Stand at another step."""
        return self.model_copy(update={"step": step, "since": at})


@dataclass(frozen=True)
class Look:
    """The next step needs fresh facts."""

    stage: Stage


@dataclass(frozen=True)
class WaitUntil:
    """Nothing happens before ``until``."""

    stage: Stage
    until: datetime
    summary: str


@dataclass(frozen=True)
class SendNow:
    """The step's message goes out now."""

    stage: Stage
    step: Send


@dataclass(frozen=True)
class End:
    """The journey is over."""

    outcome: str
    reason: str
    stage: Stage


DEFER_WITHIN = timedelta(hours=48)
"""For a send without a deadline of its own: how long after it was due it may still go out."""


def deadline(stage: Stage, step: Send) -> datetime:
    """Tell until when a step's message is worth sending, counted from the moment it was due."""
    return min(stage.since + (step.send.deadline or DEFER_WITHIN), stage.life_ends)


Move = Look | WaitUntil | SendNow | End


def first_stage(plan: Plan, started_at: datetime) -> Stage:
    """Stand before the first step."""
    return Stage(step=plan.steps[0].id, since=started_at, life_ends=started_at + plan.longest_life)


def after(plan: Plan, stage: Stage, at: datetime) -> Stage:
    """Stand before the step that follows."""
    return stage.go(plan.following[stage.step] if stage.step else None, at)


def next_move(plan: Plan, stage: Stage, facts: Facts | None, at: datetime) -> Move:
    """Decide what a journey does next.

    Args:
        plan: the version that the journey keeps.
        stage: where it stands.
        facts: what a look at this very moment found; None when there was none yet, and then the answer is ``Look``
            wherever facts are needed.
        at: the moment of the decision.

    """
    if facts is not None and facts.outcome is not None:
        return End(facts.outcome, facts.reason or "", stage)
    if at >= stage.life_ends:
        return End("finished", f"longest life of {show(plan.longest_life)} reached", stage)
    while stage.step is not None:
        step = plan.by_id[stage.step]
        if isinstance(step, Wait):
            reached: Stage | Move = _past(plan, stage, stage.since + step.wait, at, f"{step.id}: {show(step.wait)}")
        elif facts is None:
            return Look(stage)
        else:
            reached = _at_step(plan, stage, step, facts, at)
        if not isinstance(reached, Stage):
            return reached
        stage = reached
    return End("finished", "plan played to its end", stage)


def held_until(step: Send, facts: Facts) -> datetime | None:
    """Tell from when on one of a step's channels may be used that may not be used now; None where none is held back."""
    return min((facts.later[channel] for channel in untried(step, facts) if channel in facts.later), default=None)


def tries(step: Send, facts: Facts) -> list[Channel]:
    """Give the channels of a step that may be used now, in its order."""
    return [channel for channel in untried(step, facts) if channel in facts.usable]


def untried(step: Send, facts: Facts) -> list[Channel]:
    """Give the channels of a step by which its message is not out yet, in its order."""
    out = facts.out.get(step.id, {})
    return [channel for channel in step.send.named if channel not in out]


def _at_step(
    plan: Plan, stage: Stage, step: WaitUntilIdle | Branch | Send | Exit, facts: Facts, at: datetime
) -> Stage | Move:
    """Go past a step, or tell what it asks for."""
    match step:
        case WaitUntilIdle():
            until = facts.last_activity + step.wait_until_idle
            return _past(plan, stage, until, at, f"{step.id}: {show(step.wait_until_idle)} idle")
        case Branch():
            arm = next((arm.then for arm in step.branch if arm.condition.holds(facts)), step.otherwise)
            return stage.go(arm[0].id, at) if arm else after(plan, stage, at)
        case Exit():
            return End("exited", step.exit, stage)
        case Send():
            return _at_send(plan, stage, step, facts, at)


def _at_send(plan: Plan, stage: Stage, step: Send, facts: Facts, at: datetime) -> Stage | Move:
    """Send, unless the message is out by a channel: then wait for it to arrive, and go on once it has."""
    channels, out = step.send.channels, facts.out.get(step.id)
    if not out or not isinstance(channels, UntilDelivered):
        return SendNow(stage, step)
    if any(one.delivered for one in out.values()) or not untried(step, facts):
        return after(plan, stage, at)
    until = max(one.at for one in out.values()) + channels.within
    if at < until:
        return WaitUntil(stage, min(until, stage.life_ends), f"{step.id}: {show(channels.within)} to arrive")
    return SendNow(stage, step)


def _past(plan: Plan, stage: Stage, until: datetime, at: datetime, summary: str) -> Stage | WaitUntil:
    """Go past a wait that is over; otherwise wait, at most until the journey's life ends."""
    if until <= at:
        return after(plan, stage, at)
    return WaitUntil(stage, min(until, stage.life_ends), summary)
