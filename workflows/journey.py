"""One journey: waits, looks, sends, ends.

What comes next is decided by ``journeys.play``; this module gives it time and order. Replayed histories depend on the
order of the commands here: change it behind ``workflow.patched`` only.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.contracts import (
        DO,
        END,
        LOOK,
        PAUSE,
        RESUME,
        SEND,
        DoInput,
        DoResult,
        EndInput,
        JourneyInput,
        JourneyResult,
        JourneyState,
        LookInput,
        PauseInput,
        SendInput,
        SendResult,
        send_queue,
    )
    from journeys.facts import Facts
    from journeys.moving import landing, moved
    from journeys.play import Do, End, SendNow, WaitUntil, after, first_stage, held_until, next_move, tries
    from journeys.saying import All, UntilDelivered
    from journeys.signals import Heard, Migrate, Pause, Resume
    from journeys.steps import Ask, Send, Task
    from workflows.ending import Endable
    from workflows.handing import orders
    from workflows.pausing import Pauses
    from workflows.running import ATTEMPT, RETRIES, run_activity
    from workflows.waiting import Seen

SEND_WITHIN = timedelta(hours=6)
"""How long a send without a deadline of its own is tried, so that a nudge does not go out days late."""

WAITS_KEEP_THEIR_TIME = "waits-keep-their-time"
"""The patch since which a pause moves the moment from which a step's waiting is counted."""

A_PAUSE_SEES_THE_END = "a-pause-sees-the-end"
"""The patch since which a journey that is paused looks once whether it has ended already."""

MOVED_BEFORE_IT_BEGAN = "moved-before-it-began"
"""The patch since which a journey that is moved before its first look goes where Postgres says, and looks at once."""

A_PAUSE_MOVES_NO_CLOCK = "a-pause-moves-no-clock"
"""The patch since which a wait for a moment of the day, or of an order, is asked about anew after a pause."""

A_PAUSE_KEEPS_THE_TIME_TO_ANSWER = "a-pause-keeps-the-time-to-answer"
"""The patch since which a pause moves the moment from which on an answer, or an arrival, is waited for."""


@workflow.defn(name="Journey")
class JourneyWorkflow(Endable):
    """Follows one cart through its plan."""

    @workflow.init
    def __init__(self, start: JourneyInput) -> None:
        """Start with the plan that the journey keeps, unless it is told to go on in another version."""
        super().__init__()
        self._start = start
        self._plan = start.plan
        self._version = start.plan_version
        self._migrated_at: datetime | None = None
        self._clock = start.clock
        self._stage = first_stage(start.plan, start.started_at)
        self._doing = "Starting"
        self._next_at: datetime | None = start.first_due
        self._pauses = Pauses()
        self._heard = 0
        self._heard_at: datetime | None = None
        self._has_begun = False

    @workflow.run
    async def run(self, start: JourneyInput) -> JourneyResult:  # noqa: ARG002 taken by __init__
        """Play the plan to its end, or to what ends it before."""
        try:
            return await self._record(*await self._play())
        except FailureError as failure:
            if not is_cancelled_exception(failure):
                raise
            await asyncio.shield(self._record("cancelled", "cancelled in Temporal", self._now()))
            raise
        except asyncio.CancelledError:
            await asyncio.shield(self._record("cancelled", "cancelled in Temporal", self._now()))
            raise

    async def _play(self) -> tuple[str, str, datetime]:
        at = await self._wait(self._start.first_due, "first window", self._seen_before_it_began())
        self._has_begun = True
        while self._end is None:
            heard = self._heard
            facts, at = await self._see(at)
            if facts is None:
                continue
            move = next_move(self._plan, self._stage, facts, at)
            if isinstance(move, SendNow) and self._end is None:
                self._stage = move.stage
                at = await self._send(move.step, facts, at)
                move = next_move(self._plan, self._stage, None, at)
            if isinstance(move, Do) and self._end is None:
                self._stage = move.stage
                await self._do_step(move, at)
                continue
            if isinstance(move, End) and self._end is None:
                return move.outcome, move.reason, at
            self._stage = move.stage
            if isinstance(move, WaitUntil):
                unheard = heard if move.heeds else None
                anew = move.anew and workflow.patched(A_PAUSE_MOVES_NO_CLOCK)
                at = await self._wait(move.until, move.summary, self._seen, unheard=unheard, anew=anew)
        return self._end

    @property
    def _seen(self) -> Seen:
        return Seen(self._pauses.total, self._migrated_at)

    def _seen_before_it_began(self) -> Seen:
        """Tell what the first moment includes: no pause and no move, though either may come before the first line."""
        is_moved = self._migrated_at is not None and workflow.patched(MOVED_BEFORE_IT_BEGAN)
        return Seen(timedelta(0), None if is_moved else self._migrated_at)

    async def _see(self, at: datetime) -> tuple[Facts | None, datetime]:
        """Look, and give what may be decided by, and when; nothing where the journey must look again."""
        seen_by = (self._pauses.resumed_at, self._migrated_at)
        facts = await self._look(at)
        if (self._pauses.resumed_at, self._migrated_at) != seen_by:
            # What it saw of a pause may be over, and another version may ask for other facts.
            return None, at
        if facts.early:
            return None, await self._wait(at, "the recording to come so far", self._seen)
        if facts.paused_at is not None and self._pauses.since is None:
            if await self._note_resumption():
                return None, at
            self._pauses.begin(facts.paused_at, noted=True)
        if self._pauses.since is not None and facts.outcome is None:
            return None, await self._wait(at, "paused", self._seen)
        return facts, at

    async def _wait(
        self, until: datetime, summary: str, seen: Seen, *, unheard: int | None = None, anew: bool = False
    ) -> datetime:
        """Wait until a moment, or until the journey ends or is moved; a pause keeps the time that was left.

        Args:
            until: the moment.
            summary: what is waited for.
            seen: what had been heard of pauses and moves when it was decided to wait.
            unheard: how much had been heard of events by then: more ends the wait. None: nothing that is heard does.
            anew: the end of a pause ends the wait, as the moment is no later by it.

        Returns:
            The moment at which the decision that follows counts as made.

        """
        while self._end is None:
            if self._pauses.since is not None:
                await self._while_paused(self._pauses.since)
                continue
            if unheard is not None and self._heard > unheard:
                return self._clock.decided(self._heard_at or until, workflow.now())
            if self._migrated_at is not None and self._migrated_at != seen.migrated_at:
                return self._clock.decided(self._migrated_at, workflow.now())
            if anew and self._pauses.resumed_at is not None and self._pauses.total != seen.paused:
                return self._clock.decided(self._pauses.resumed_at, workflow.now())
            due = until + (self._pauses.total - seen.paused)
            self._tell(f"Waiting: {summary}, until {due:%Y-%m-%d %H:%M:%S} UTC", due)
            left = self._clock.until(due, workflow.now())
            if not left or await self._slept(left, summary, unheard):
                return self._clock.decided(due, workflow.now())
        return until

    async def _slept(self, left: timedelta, summary: str, unheard: int | None) -> bool:
        """Sleep; tell whether the whole time has passed and nothing came in between."""
        before = self._seen

        def interrupted() -> bool:
            # A pause and its resumption may come in one task: only the sum tells of them.
            is_woken = unheard is not None and self._heard > unheard
            return is_woken or self._end is not None or self._pauses.since is not None or self._seen != before

        try:
            await workflow.wait_condition(interrupted, timeout=left, timeout_summary=summary)
        except TimeoutError:
            # A signal may have come in the same task as the timer.
            return not interrupted()
        return False

    async def _while_paused(self, since: datetime) -> None:
        self._tell(f"Paused since {since:%Y-%m-%d %H:%M:%S} UTC", None)
        await self._note_pause()
        if workflow.patched(A_PAUSE_SEES_THE_END):
            await self._see_the_end(since)
        await workflow.wait_condition(lambda: self._end is not None or self._pauses.since != since)
        if self._end is None and self._pauses.since is None:
            await self._note_resumption()

    async def _see_the_end(self, at: datetime) -> None:
        """Take the end that Postgres knows of: a pause may come after it, and no resumption comes after that."""
        facts = await self._look(at)
        if facts.outcome is not None and self._end is None:
            self._end = (facts.outcome, facts.reason or "", at)

    async def _note_pause(self) -> None:
        """Tell Postgres of a pause that it does not know of: a backend's own signal."""
        at = self._pauses.take_pause_to_note()
        if at is not None:
            await run_activity(PAUSE, PauseInput(journey=self._start.journey, at=at), type(None), "note the pause")

    async def _note_resumption(self) -> bool:
        """Tell Postgres of a resumption that it does not know of; tell whether there was one."""
        at = self._pauses.take_resumption_to_note()
        if at is None:
            return False
        await run_activity(RESUME, PauseInput(journey=self._start.journey, at=at), type(None), "note the resumption")
        return True

    async def _look(self, at: datetime) -> Facts:
        order = LookInput(journey=self._start.journey, stage=self._stage, at=at, version=self._version)
        facts = await run_activity(LOOK, order, Facts, f"look at {self._stage.step}")
        self._clock = self._clock.set(workflow.now(), facts.shop_time)
        return facts

    async def _send(self, step: Send, facts: Facts, at: datetime) -> datetime:
        """Send a step's message, by its first channel that takes it or by all; return when it was handed over.

        Where it is sent until it arrives, the step is over once there is no channel left to try. A step that has begun
        is sent as the version has it that it began with.
        """
        stage, migrated_at = self._stage, self._migrated_at
        channels, later = step.send.channels, held_until(step, facts)
        if later is not None and not tries(step, facts):
            return await self._defer(step, later, migrated_at)
        for order in orders(self._start.journey, self._version, stage, step, facts, at):
            result = await self._hand_over(step, order.model_copy(update={"later": later}))
            if self._end is not None:
                return at
            if result is None:
                continue
            self._clock = self._clock.set(workflow.now(), result.shop_time)
            if result.outcome == "held":
                return at
            if result.until is not None:
                later = min(later or result.until, result.until)
                continue
            at = result.at
            if result.outcome == "sent" and not isinstance(channels, All):
                if (isinstance(channels, UntilDelivered) and order.untried) or self._asks():
                    self._await_what_comes(stage.step, at)
                    return at
                later = None
                break
        if later is not None:
            return await self._defer(step, later, migrated_at)
        self._go_past(stage.step, at)
        return at

    def _asks(self) -> bool:
        """Tell whether the step waits for an answer to what it sends."""
        return isinstance(self._plan.by_id[self._stage.step or ""], Ask)

    def _await_what_comes(self, step: str | None, at: datetime) -> None:
        """Note when a step's message was handed over: from then on its answer, or its arrival, is waited for."""
        if self._stage.step == step and workflow.patched(A_PAUSE_KEEPS_THE_TIME_TO_ANSWER):
            self._stage = self._stage.model_copy(update={"handed_at": at})

    async def _do_step(self, move: Do, at: datetime) -> None:
        """Have a step done, unless a pause came first; a task is over only once a look tells that somebody did it."""
        order = DoInput(journey=self._start.journey, stage=move.stage, version=self._version, at=at)
        # Nothing, in the histories of when a step was done in whatever came between.
        done: DoResult | None = await run_activity(DO, order, DoResult, f"do {move.step.id}")
        if done is not None and done.held:
            return
        if not isinstance(move.step, Task):
            self._go_past(move.stage.step, at)

    def _go_past(self, step: str | None, at: datetime) -> None:
        """Go on after a step, unless the journey was moved meanwhile to a version that does not have it."""
        if self._stage.step == step:
            self._stage = after(self._plan, self._stage, at)

    async def _defer(self, step: Send, until: datetime, migrated_at: datetime | None) -> datetime:
        """Wait for the moment from which on the gate allows what it does not allow now; then it is asked anew.

        Where the journey was moved since ``migrated_at``, it is asked at once.
        """
        if self._migrated_at is not None and self._migrated_at != migrated_at:
            return self._clock.decided(self._migrated_at, workflow.now())
        return await self._wait(until, f"{step.id}: deferred by the sending rules", self._seen)

    async def _hand_over(self, step: Send, order: SendInput) -> SendResult | None:
        """Run one send on its channel's queue; None when it could not be brought about, or is no longer wanted."""
        self._tell(f"Sending {step.id} by {order.channel}", order.at)
        sending = workflow.start_activity(
            SEND,
            order,
            result_type=SendResult,
            task_queue=send_queue(order.channel),
            start_to_close_timeout=ATTEMPT,
            schedule_to_close_timeout=self._worth_trying(step),
            retry_policy=RETRIES,
            priority=Priority(priority_key=self._plan.send_priority),
            summary=f"{step.send.message} by {order.channel}",
        )
        pauses = self._pauses
        while self._end is None and not sending.done():
            # The send may stand in its queue: it asks Postgres, which a backend's own signal has not reached.
            await self._note_pause()
            await workflow.wait_condition(lambda: self._end is not None or sending.done() or pauses.has_one_to_note)
        if not sending.done():
            sending.cancel()
            return None
        try:
            result: SendResult = await sending
        except FailureError as failure:
            if is_cancelled_exception(failure):
                raise
            workflow.logger.warning("send failed", extra={"step": step.id, "channel": order.channel})
            return None
        return result

    def _worth_trying(self, step: Send) -> timedelta:
        """Tell for how long a send is tried: where nobody takes it, it holds no journey beyond its longest life.

        A rehearsal's send is tried in real time, of which its journey's life says nothing.
        """
        within = step.send.deadline or SEND_WITHIN
        if self._clock.rehearses:
            return within
        return min(within, max(self._clock.until(self._stage.life_ends, workflow.now()), ATTEMPT))

    async def _record(self, outcome: str, reason: str, at: datetime) -> JourneyResult:
        order = EndInput(journey=self._start.journey, outcome=outcome, reason=reason, at=at)
        result = await run_activity(END, order, JourneyResult, f"{outcome}: {reason}")
        self._tell(f"Ended: {result.outcome} ({result.reason})", None)
        return result

    def _now(self) -> datetime:
        return self._clock.at(workflow.now())

    def _tell(self, what: str, next_at: datetime | None) -> None:
        """Say in the Temporal UI what is going on."""
        self._doing, self._next_at = what, next_at
        workflow.set_current_details(f"{what}\n\nStep: {self._stage.step or 'none left'}")

    @workflow.query(description="Where the journey stands and what comes next.")
    def state(self) -> JourneyState:
        """Tell where the journey stands."""
        return JourneyState(
            step=self._stage.step,
            doing=self._doing,
            next_at=self._next_at,
            paused_at=self._pauses.since,
            ending=self._end[0] if self._end else None,
        )

    @workflow.signal(description="Something happened that the journey may wait for: it looks again.")
    def heard(self, signal: Heard) -> None:
        """Hear that something happened; what it means is seen by a look."""
        self._heard += 1
        self._heard_at = max(self._heard_at or signal.at, signal.at)

    @workflow.signal(description="Go on in another version of the plan.")
    def migrate(self, signal: Migrate) -> None:
        """Hear that the journey was moved to another version; an older word than the newest changes nothing."""
        if self._migrated_at is not None and signal.at <= self._migrated_at:
            return
        self._stage = moved(self._stage, self._plan, signal.plan, self._lands(signal), signal.at)
        self._plan, self._version, self._migrated_at = signal.plan, signal.version, signal.at

    def _lands(self, signal: Migrate) -> str:
        """Tell at which step it goes on: where Postgres says, unless it has gone on meanwhile."""
        stands = self._stage.step
        if stands == signal.left or (not self._has_begun and workflow.patched(MOVED_BEFORE_IT_BEGAN)):
            return signal.step
        return landing(self._plan, stands, signal.plan) or signal.step

    @workflow.signal(description="Do nothing until resume.")
    def pause(self, signal: Pause) -> None:
        """Hear that nothing is to happen for a while."""
        self._pauses.hear_pause(signal)

    @workflow.signal(description="Go on with the time that was left.")
    def resume(self, signal: Resume) -> None:
        """Hear that the journey goes on."""
        paused_for = self._pauses.hear_resume(signal)
        if paused_for is None:
            return
        moved = {"life_ends": self._stage.life_ends + paused_for}
        if workflow.patched(WAITS_KEEP_THEIR_TIME):
            moved["since"] = self._stage.since + paused_for
        if self._stage.handed_at is not None:
            moved["handed_at"] = self._stage.handed_at + paused_for
        self._stage = self._stage.model_copy(update=moved)
