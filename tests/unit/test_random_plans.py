"""Any plan, whatever happens meanwhile: what comes next is of the plan, and comes to an end in time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.conditions import Condition
from journeys.facts import Answered, Channel, Facts, Out
from journeys.plan import Key, Plan
from journeys.play import (
    Do,
    End,
    Look,
    Move,
    SendNow,
    Stage,
    WaitUntil,
    after,
    deadline,
    first_stage,
    next_move,
    tries,
    untried,
)
from journeys.saying import All, UntilDelivered
from journeys.steps import _KINDS as KINDS
from journeys.steps import Ask, Send, Task
from tests.examples import examples
from tests.random_facts import BEGINS, worlds
from tests.random_plans import Happening, Made, plans, possible, stories

ENDED = Facts(shop_time=BEGINS, last_activity=BEGINS, outcome="converted", reason="Order Completed")

handings = st.lists(st.sampled_from(["sent", "sent", "failed", "deferred", "held"]), min_size=1, max_size=6)
"""What becomes of one send after the other; then from the beginning."""


@dataclass
class Player:
    """Plays a plan as the workflow does, with facts that a story makes; judges each move."""

    plan: Plan
    story: list[Happening]
    worlds: list[dict[str, Any]]
    handed: Iterator[str]
    at: datetime = BEGINS
    active: datetime = BEGINS
    out: dict[str, dict[Channel, Out]] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    replies: dict[str, Answered] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)
    due: dict[str, datetime] = field(default_factory=dict)
    ended: tuple[str, str] | None = None

    def play(self) -> End:
        """Play to the end."""
        self.story = _dated(self.story)
        stage = first_stage(self.plan, BEGINS)
        most = 20 * (len(self.plan.by_id) + 1) + 3 * len(self.story)
        for look in range(most):
            facts = self._look(self.worlds[look % len(self.worlds)])
            move = next_move(self.plan, stage, facts, self.at)
            self._judge(stage, facts, move)
            match move:
                case End():
                    assert (move.outcome, move.reason) == self.ended or self.ended is None
                    return move
                case SendNow():
                    stage = self._send(move, facts)
                case Do():
                    stage = self._do(move)
                case WaitUntil():
                    stage = move.stage
                    self._wait(move.until, heeds=move.heeds)
        raise AssertionError(f"{most} looks, and it has not ended: {stage}")

    def _look(self, world: dict[str, Any]) -> Facts:
        while self.story and self._is_due(self.story[0]):
            self._happens(self.story.pop(0))
        expired = {step: "expired" for step, due in self.due.items() if self.tasks[step] == "open" and due <= self.at}
        self.tasks |= expired
        variants = {step.id: step.split[0].variant for step in self.plan.by_id.values() if hasattr(step, "split")}
        outcome, reason = self.ended or (None, None)
        return Facts(
            shop_time=self.at,
            last_activity=self.active,
            outcome=outcome,
            reason=reason,
            out={step: dict(out) for step, out in self.out.items()},
            events=dict(self.events),
            replies=dict(self.replies),
            tasks=dict(self.tasks),
            variants=variants,
            **world,
        )

    def _judge(self, stage: Stage, facts: Facts, move: Move) -> None:
        """See to it that a move is one of the plan's, and leads on."""
        plan = self.plan
        assert move.stage.step in plan.by_id or move.stage.step is None
        assert move.stage.life_ends == stage.life_ends
        assert move.stage.since <= max(self.at, stage.since)
        match move:
            case WaitUntil():
                assert self.at < move.until <= stage.life_ends
            case SendNow():
                assert plan.send_by_id[move.step.id] == move.step
                assert untried(move.step, facts), "there is something left to send by"
                assert self.at < stage.life_ends
            case Do():
                assert plan.by_id[move.step.id] == move.step
                assert self.at < stage.life_ends
            case Look():
                raise AssertionError("it has looked")
        assert isinstance(next_move(plan, stage, None, self.at), Look | WaitUntil | End)
        assert next_move(plan, stage, ENDED, self.at) == End("converted", "Order Completed", stage)

    def _send(self, move: SendNow, facts: Facts) -> Stage:
        """Hand a step's message over as the workflow does; tell where the journey stands then."""
        step, channels = move.step, move.step.send.channels
        wanted = untried(step, facts)
        for channel in tries(step, facts) or wanted[-1:]:
            became = next(self.handed)
            if became == "held":
                return move.stage
            if became == "deferred":
                last = min(self.at + timedelta(minutes=5), deadline(move.stage, step, facts.moments))
                if last > self.at:
                    self._wait(last, heeds=False)
                    return move.stage
            elif became == "sent":
                self._goes_out(step, channel)
                if not isinstance(channels, All):
                    more = isinstance(channels, UntilDelivered) and set(wanted) - {channel}
                    asks = isinstance(self.plan.by_id[move.stage.step or ""], Ask)
                    return move.stage if more or asks else after(self.plan, move.stage, self.at)
        return after(self.plan, move.stage, self.at)

    def _goes_out(self, step: Send, channel: Channel) -> None:
        out = self.out.setdefault(step.id, {})
        assert channel not in out, "nothing goes out twice"
        out[channel] = Out(at=self.at, delivered=False)

    def _do(self, move: Do) -> Stage:
        if not isinstance(move.step, Task):
            return after(self.plan, move.stage, self.at)
        assert move.step.id not in self.tasks, "a task is opened once"
        self.tasks[move.step.id] = "open"
        self.due[move.step.id] = move.stage.since + move.step.task.within
        return move.stage

    def _wait(self, until: datetime, *, heeds: bool) -> None:
        """Let time pass until a moment, or until something is heard before."""
        heard = [one for one in self.story if one.what in {"event", "reply", "task"}] if heeds else []
        ends = [one for one in self.story if one.what in {"goal", "cancel"}]
        self.at = max(self.at, min([until, *(BEGINS + one.after for one in [*heard, *ends])]))

    def _is_due(self, one: Happening) -> bool:
        return BEGINS + one.after <= self.at

    def _happens(self, one: Happening) -> None:
        match one.what:
            case "activity":
                self.active = BEGINS + one.after
            case "event":
                for counted in self.plan.counted.values():
                    self.events[counted.key] = self.events.get(counted.key, 0) + (counted.name == one.word)
            case "reply":
                self._hear(Answered(unclear=one.word == "??"))
            case "task":
                self.tasks |= {step: "done" for step, state in self.tasks.items() if state == "open"}
            case "arrival":
                for out in self.out.values():
                    out.update({channel: Out(at=sent.at, delivered=True) for channel, sent in out.items()})
            case "goal":
                self.ended = self.ended or ("converted", "Order Completed")
            case "cancel":
                self.ended = self.ended or ("cancelled", "cancelled")

    def _hear(self, answer: Answered) -> None:
        asked = [step for step in self.out if isinstance(self.plan.by_id.get(step), Ask)]
        for step in asked[-1:]:
            if step not in self.replies or self.replies[step].unclear:
                self.replies[step] = answer


def _dated(story: list[Happening]) -> list[Happening]:
    """Count each happening from the beginning, instead of from the one before."""
    moments = itertools.accumulate(one.after for one in story)
    return [Happening(at, one.what, one.word) for at, one in zip(moments, story, strict=True)]


@settings(max_examples=examples(300))
@given(plan=plans(), story=stories(), worlds=st.lists(worlds, min_size=1, max_size=3), handed=handings)
def test_any_plan_ends_in_time_whatever_happens_and_does_only_what_it_says(
    plan: Plan, story: list[Happening], worlds: list[dict[str, Any]], handed: list[str]
) -> None:
    player = Player(plan, story, worlds, itertools.chain(handed, itertools.repeat("sent")))
    end = player.play()
    assert player.at <= BEGINS + plan.longest_life
    assert end.outcome in {"finished", "exited", "converted", "cancelled"}
    exits = {step.exit for step in plan.by_id.values() if hasattr(step, "exit")}
    assert end.outcome != "exited" or end.reason in exits


@given(plan=plans())
def test_a_random_plan_reads_as_it_was_written(plan: Plan) -> None:
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan


def test_random_plans_have_every_kind_of_step() -> None:
    seen: set[str] = set()

    @settings(max_examples=examples(300), database=None)
    @given(plan=plans())
    def look(plan: Plan) -> None:
        seen.update(kind for step in plan.by_id.values() for kind in KINDS if hasattr(step, kind))

    look()
    assert seen == KINDS.keys()


def test_the_conditions_of_random_plans_have_every_field() -> None:
    made = Made(Key.ORDER, [{"id": kind, kind: {}} for kind in ("split", "ask", "task", "send")])
    assert possible(made).keys() | {"any", "unless", "newly_consented"} == Condition.model_fields.keys()
