"""What a journey does next: one pure function over the plan, where the journey stands, and what it last saw.

The workflow acts on the answer; the look and the send note it down in Postgres. Both ask the same function.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from journeys.durations import show
from journeys.facts import Channel, Facts, Moment, Out
from journeys.local_time import next_moment
from journeys.plan import Plan, awaited
from journeys.saying import All, First
from journeys.steps import (
    Ask,
    Branch,
    Exit,
    LocalTime,
    Send,
    Set,
    Split,
    Start,
    Step,
    Task,
    Until,
    Wait,
    WaitFor,
    WaitUntilIdle,
    Weekday,
)


class Stage(BaseModel):
    """Where a journey stands.

    Attributes:
        step: the step it is in; None when the plan is played out.
        since: when it came there.
        life_ends: when it ends at the latest.
        handed_at: when what it waits for an answer to, or for the arrival of, was handed over; None while nothing was.
            A pause moves all three moments.
        variants: the one it went by, of each split that lies behind it: a customer who turns out to be another person
            would have gone another way.

    """

    model_config = ConfigDict(frozen=True)

    step: str | None
    since: datetime
    life_ends: datetime
    handed_at: datetime | None = None
    variants: dict[str, str] = {}

    def go(self, step: str | None, at: datetime) -> Stage:
        """Stand at another step."""
        return self.model_copy(update={"step": step, "since": at, "handed_at": None})

    def went(self, split: str, variant: str) -> Stage:
        """Keep by which variant of a split the journey goes."""
        return self.model_copy(update={"variants": {**self.variants, split: variant}})


@dataclass(frozen=True)
class Look:
    """The next step needs fresh facts."""

    stage: Stage


@dataclass(frozen=True)
class WaitUntil:
    """Nothing happens before ``until``; where it ``heeds`` what is heard, a look may tell that it is over before.

    Where it is asked ``anew`` after a pause, the moment is one of a clock's, which no pause moves.
    """

    stage: Stage
    until: datetime
    summary: str
    heeds: bool = False
    anew: bool = False


@dataclass(frozen=True)
class SendNow:
    """A message of the step goes out now."""

    stage: Stage
    step: Send


@dataclass(frozen=True)
class Do:
    """The step is done now, by an activity."""

    stage: Stage
    step: Start | Set | Task


@dataclass(frozen=True)
class End:
    """The journey is over."""

    outcome: str
    reason: str
    stage: Stage


DEFER_WITHIN = timedelta(hours=48)
"""For a send without a deadline of its own: how long after it was due it may still go out."""


def deadline(stage: Stage, step: Send, moments: Mapping[Moment, datetime]) -> datetime:
    """Tell until when a step's message is worth sending, that moment included.

    Args:
        stage: where the journey stands; the step's deadline is counted from the moment it came there.
        step: what it sends.
        moments: those of the order that are known.

    """
    last = min(stage.since + (step.send.deadline or DEFER_WITHIN), stage.life_ends)
    before = moments.get(step.send.before) if step.send.before else None
    return last if before is None else min(last, before - datetime.resolution)


Move = Look | WaitUntil | SendNow | Do | End


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
            reached = at_step(plan, stage, step, facts, at)
        if not isinstance(reached, Stage):
            return reached
        stage = reached
    return End("finished", "plan played to its end", stage)


def held_until(step: Send, facts: Facts) -> datetime | None:
    """Tell from when on one of a step's channels may be used that may not be used now; None where none is held back."""
    later = facts.reach(step.id).later
    return min((later[channel] for channel in untried(step, facts) if channel in later), default=None)


def tries(step: Send, facts: Facts) -> list[Channel]:
    """Give the channels of a step that may be used now, in its order."""
    usable = facts.reach(step.id).usable
    return [channel for channel in untried(step, facts) if channel in usable]


def untried(step: Send, facts: Facts) -> list[Channel]:
    """Give the channels of a step by which its message is not out yet, in its order, each once."""
    out = facts.out.get(step.id, {})
    return [channel for channel in dict.fromkeys(step.send.named) if channel not in out]


def at_step(  # noqa: C901, PLR0911 one case for each kind of step
    plan: Plan, stage: Stage, step: Step, facts: Facts, at: datetime
) -> Stage | Move:
    """Go past a step, or tell what it asks for."""
    match step:
        case Wait():
            return _past(plan, stage, stage.since + step.wait, at, f"{step.id}: {show(step.wait)}")
        case WaitUntilIdle():
            until = facts.last_activity + step.wait_until_idle
            return _past(plan, stage, until, at, f"{step.id}: {show(step.wait_until_idle)} idle")
        case Until():
            reached = _past(plan, stage, _moment(step, facts, stage), at, f"{step.id}: {when(step)}")
            return replace(reached, anew=True) if isinstance(reached, WaitUntil) else reached
        case WaitFor():
            return _at_wait_for(plan, stage, step, facts, at)
        case Branch():
            arm = next((arm.then for arm in step.branch if arm.condition.holds(facts)), step.otherwise)
            return _into(plan, stage, arm, at)
        case Split():
            return _at_split(plan, stage, step, facts, at)
        case Send():
            return _at_send(plan, stage, step, facts, at)
        case Ask():
            return _at_ask(plan, stage, step, facts, at)
        case Task():
            return _at_task(plan, stage, step, facts, at)
        case Start() | Set():
            return Do(stage, step)
        case Exit():
            return End("exited", step.exit, stage)


def _into(plan: Plan, stage: Stage, steps: list[Step], at: datetime) -> Stage:
    """Go on with steps that lie inside one, and past it where there are none."""
    return stage.go(steps[0].id, at) if steps else after(plan, stage, at)


def _at_split(plan: Plan, stage: Stage, step: Split, facts: Facts, at: datetime) -> Stage:
    for variant in step.split:
        if variant.variant == facts.variants.get(step.id):
            return _into(plan, stage.went(step.id, variant.variant), variant.then, at)
    return after(plan, stage, at)


def _at_wait_for(plan: Plan, stage: Stage, step: WaitFor, facts: Facts, at: datetime) -> Stage | Move:
    if any(count.holds(facts) for count in awaited(step)):
        return after(plan, stage, at)
    until = stage.since + step.wait_for.within
    if until <= at:
        return _into(plan, stage, step.otherwise, at)
    summary = f"{step.id}: {step.wait_for} within {show(step.wait_for.within)}"
    return WaitUntil(stage, min(until, stage.life_ends), summary, heeds=True)


def _at_send(plan: Plan, stage: Stage, step: Send, facts: Facts, at: datetime) -> Stage | Move:
    """Send by what the message is not out by yet; where it is to arrive, wait for that, and go on once it has."""
    channels, out = step.send.channels, facts.out.get(step.id)
    if not out:
        return SendNow(stage, step)
    if isinstance(channels, First) or not untried(step, facts):
        return after(plan, stage, at)
    if isinstance(channels, All):
        return SendNow(stage, step)
    if any(one.delivered for one in out.values()):
        return after(plan, stage, at)
    until = _handed(stage, out) + channels.within
    if at < until:
        return WaitUntil(stage, min(until, stage.life_ends), f"{step.id}: {show(channels.within)} to arrive")
    return SendNow(stage, step)


def _at_ask(plan: Plan, stage: Stage, step: Ask, facts: Facts, at: datetime) -> Stage | Move:
    """Ask; wait for the answer; ask once more where it was not understood."""
    asked, again = facts.out.get(step.id), facts.out.get(step.asking(again=True).id)
    answered = facts.replies.get(step.id)
    if not asked:
        return SendNow(stage, step.asking())
    if answered is not None and not answered.unclear:
        return after(plan, stage, at)
    if answered is not None and step.ask.again and not again:
        # It is due now, not when the first question was.
        due = stage.go(stage.step, at) if stage.since < _last(asked) else stage
        return SendNow(due, step.asking(again=True))
    until = _handed(stage, again or asked) + step.ask.within
    summary = f"{step.id}: an answer within {show(step.ask.within)}"
    return after(plan, stage, at) if until <= at else WaitUntil(stage, min(until, stage.life_ends), summary, heeds=True)


def _at_task(plan: Plan, stage: Stage, step: Task, facts: Facts, at: datetime) -> Stage | Move:
    match facts.tasks.get(step.id):
        case None:
            return Do(stage, step)
        case "done":
            return after(plan, stage, at)
        case "open" if (until := stage.since + step.task.within) > at:
            summary = f"{step.id}: {show(step.task.within)} for a person"
            return WaitUntil(stage, min(until, stage.life_ends), summary, heeds=True)
    return _into(plan, stage, step.otherwise, at)


def _moment(step: Until, facts: Facts, stage: Stage) -> datetime:
    """Tell until when is waited; at once for a moment that is not known."""
    wanted = step.wait_until
    if isinstance(wanted, LocalTime):
        return next_moment(wanted, facts.zone, stage.since)
    known = facts.moments.get(wanted.moment)
    if known is None:
        return stage.since
    return known - (wanted.before or timedelta(0)) + (wanted.after or timedelta(0))


def when(step: Until) -> str:
    """Say until when a step waits."""
    wanted = step.wait_until
    if isinstance(wanted, LocalTime):
        days = "" if set(wanted.on) == set(Weekday) else f" on {' or '.join(wanted.on)}"
        return f"{wanted.time:%H:%M} where the person lives{days}"
    later = (wanted.after or timedelta(0)) - (wanted.before or timedelta(0))
    if not later:
        return wanted.moment.words
    return f"{show(abs(later))} {'after' if later > timedelta(0) else 'before'} {wanted.moment.words}"


def _last(out: dict[Channel, Out]) -> datetime:
    return max(one.at for one in out.values())


def _handed(stage: Stage, out: dict[Channel, Out]) -> datetime:
    """Tell from when on an answer, or an arrival, is waited for."""
    return max(_last(out), stage.handed_at or _last(out))


def _past(plan: Plan, stage: Stage, until: datetime, at: datetime, summary: str) -> Stage | WaitUntil:
    """Go past a wait that is over; otherwise wait, at most until the journey's life ends."""
    if until <= at:
        return after(plan, stage, at)
    return WaitUntil(stage, min(until, stage.life_ends), summary)
