"""What a plan would do for a person and a cart, step by step, as things stand now. Nothing is sent or written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from journeys import explained, plan_show
from journeys.explained import RuleAnswer
from journeys.facts import Channel
from journeys.gate import Decision
from journeys.plan import Plan
from journeys.play import Do, End, Look, SendNow, WaitUntil, after, deadline, first_stage, held_until, next_move, tries
from journeys.saying import All
from storage import reading
from storage.situation import Situation

if TYPE_CHECKING:
    from storage.database import Connection, Pool


class ChannelAnswer(BaseModel):
    """What the gate says of a channel, and what each rule says."""

    channel: Channel
    answer: Literal["allowed", "deferred", "refused"]
    until: datetime | None = None
    reason: str | None = None
    rules: list[RuleAnswer]


class PreviewLine(BaseModel):
    """One thing that would happen: ``waits``, ``sends``, ``defers``, ``passes over``, ``does`` or ``ends``."""

    at: datetime
    step: str | None
    what: Literal["waits", "sends", "defers", "passes over", "does", "ends"]
    why: str | None = None
    until: datetime | None = None
    channels: list[ChannelAnswer] = []


async def of_key(db: Pool | Connection, shop: str, plan: Plan, key: str, at: datetime) -> list[PreviewLine] | None:
    """Tell what a plan would do from now on for a cart, an order or a person; None where there is no such one.

    Nothing that is waited for comes, no question is answered, and what people are to do they do at once.
    """
    found = await reading.imagined(db, shop, plan, key, at)
    return None if found is None else list(walk(plan, found))


async def of_journey(db: Pool | Connection, journey: str, plan: Plan, at: datetime) -> list[ChannelAnswer]:
    """Tell what the gate would say now of each channel that a journey's plan sends by.

    Raises:
        UnknownJourneyError: there is no such journey.

    """
    found = await reading.situation(db, journey, plan, at)
    return [answer(channel, found.decide(plan, channel)) for channel in plan.channels]


def answer(channel: Channel, decision: Decision) -> ChannelAnswer:
    """Write a decision for people to read."""
    said = {"channel": channel, "rules": explained.rules(decision), **explained.verdict(decision.verdict)}
    return ChannelAnswer.model_validate(said)


def walk(plan: Plan, found: Situation) -> Iterator[PreviewLine]:
    """Play a plan over a situation that does not change but by what the plan itself sends."""
    at, stage = found.at, first_stage(plan, found.at)
    while True:
        found = found.later(at)
        facts = found.facts(plan, at)
        move = next_move(plan, stage, facts, at)
        stage = move.stage
        match move:
            case End():
                yield PreviewLine(at=at, step=stage.step, what="ends", why=f"{move.outcome}: {move.reason}")
                return
            case WaitUntil():
                yield PreviewLine(at=at, step=stage.step, what="waits", why=move.summary, until=move.until)
                at = move.until
            case SendNow():
                last = deadline(stage, move.step, facts.moments)
                decisions = {channel: found.decide(plan, channel, last, move.step) for channel in move.step.send.named}
                facts = facts.model_copy(update={"later": {c: d.later for c, d in decisions.items() if d.later}})
                line = PreviewLine(
                    at=at,
                    step=stage.step,
                    what="passes over",
                    channels=[answer(channel, decision) for channel, decision in decisions.items()],
                )
                able, later = tries(move.step, facts), held_until(move.step, facts)
                if not able and later is not None:
                    yield line.model_copy(update={"what": "defers", "until": later})
                    at = later
                    continue
                for channel in able if isinstance(move.step.send.channels, All) else able[:1]:
                    found = found.after_sending(plan, move.step, channel)
                yield line.model_copy(update={"what": "sends"}) if able else line
                stage = after(plan, stage, at)
            case Do():
                yield PreviewLine(at=at, step=stage.step, what="does", why=plan_show.words(move.step))
                stage = after(plan, stage, at)
            case Look():
                raise AssertionError("the facts are there")
