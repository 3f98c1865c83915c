"""The send: through the gate, to the provider, into the ledger."""

from __future__ import annotations

import hashlib
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.clock import ShopClock
from activities.compose import Composer, CompositionError
from activities.contracts import SEND, SendInput, SendResult
from channels.base import Accepted, Outcome, Provider, Rejected, Released, Unknown
from journeys.facts import Channel
from journeys.gate import Mode
from journeys.ledger import State
from journeys.play import WaitUntil, after, next_move
from journeys.steps import First, Send
from storage import journeys, sends
from storage.journeys import Journey
from storage.plans import Plans, PlanVersion
from storage.sends import Claimed, Refused, Settled, Try

if TYPE_CHECKING:
    from storage.database import Pool

CLAIM_STANDS = timedelta(seconds=2)
"""Law 1: an older claim is released before the provider is called, and taken anew."""

_STATES: dict[type, State] = {
    Accepted: State.ACCEPTED,
    Rejected: State.REJECTED,
    Released: State.RELEASED,
    Unknown: State.UNKNOWN,
}

log = structlog.get_logger()


class Providers(Protocol):
    """Finds the provider of a shop's channel."""

    def sandbox(self, channel: Channel) -> Provider:
        """Give the sandbox of a channel."""
        ...

    async def account(self, shop: str, channel: Channel) -> Provider | None:
        """Connect to the shop's own account for a channel; None where it has none."""
        ...


class Sending:
    """Sends one step's message by one channel."""

    def __init__(self, pool: Pool, plans: Plans, providers: Providers, composer: Composer, clock: ShopClock) -> None:
        self._pool = pool
        self._plans = plans
        self._providers = providers
        self._composer = composer
        self._clock = clock

    @activity.defn(name=SEND)
    async def send(self, order: SendInput) -> SendResult:
        """Send, once. Repeating it never sends twice.

        Raises:
            ApplicationError: provably not processed; Temporal tries again, after what the provider asks for.

        """
        journey = await journeys.get(self._pool, order.journey)
        version = await self._plans.version(self._pool, journey.shop, journey.plan, journey.plan_version)
        wanted = self._try(version, order)
        result = await self._through_the_gate(journey, version, wanted)
        await self._note(version, order, wanted, result)
        return result

    def _try(self, version: PlanVersion, order: SendInput) -> Try:
        step = version.plan.by_id[order.stage.step or ""]
        if not isinstance(step, Send):
            raise ApplicationError(f"step {step.id} sends nothing", non_retryable=True)
        slot = step.id if isinstance(step.send.channels, First) else f"{step.id}/{order.channel}"
        return Try(
            journey=order.journey,
            step=step,
            slot=slot,
            channel=order.channel,
            passed_over=order.passed_over,
            send_id=send_id(order.journey, slot, order.channel),
            at=self._clock.decided(order.at),
            deadline=order.at + step.send.deadline if step.send.deadline else None,
        )

    async def _through_the_gate(self, journey: Journey, version: PlanVersion, wanted: Try) -> SendResult:
        sandbox = self._providers.sandbox(wanted.channel)
        account = await self._providers.account(journey.shop, wanted.channel)
        by_mode = {Mode.SANDBOX: sandbox, Mode.ALLOWLIST: account, Mode.LIVE: account}
        names = {mode: provider.name for mode, provider in by_mode.items() if provider}
        repeatable = frozenset(provider.name for provider in by_mode.values() if provider and provider.idempotent)
        while True:
            claimed = await sends.claim(self._pool, version.plan, wanted, providers=names, repeatable=repeatable)
            if isinstance(claimed, Refused):
                return self._result("held" if claimed.status != "running" else "failed", wanted.at, claimed.reason)
            if isinstance(claimed, Settled):
                return self._result("sent", claimed.at, claimed.state)
            provider = by_mode[claimed.situation.mode]
            if provider is None:
                # The account was taken away since it was read; the next try reads anew.
                await self._settle(wanted, claimed, Released("account was removed"), provider="none")
                raise ApplicationError("account was removed", category=ApplicationErrorCategory.BENIGN)
            result = await self._call(version, wanted, claimed, provider)
            if result is not None:
                return result

    async def _call(self, version: PlanVersion, wanted: Try, claimed: Claimed, provider: Provider) -> SendResult | None:
        """Call the provider and write down its answer; None when the claim had grown too old to be used."""
        try:
            message = self._composer.compose(version, wanted, claimed)
        except CompositionError as error:
            await self._settle(wanted, claimed, _of_both(claimed, Rejected(str(error))), provider=provider.name)
            return self._result("failed", wanted.at, str(error))
        if time.monotonic() - claimed.since > CLAIM_STANDS.total_seconds():
            await self._settle(wanted, claimed, Released("claim grew too old before the call"), provider=provider.name)
            return None
        outcome = _of_both(claimed, await provider.send(message))
        handed_over = self._clock.decided(wanted.at)
        await self._settle(wanted, claimed, outcome, provider=provider.name, at=handed_over)
        log.info(
            "sent", journey=wanted.journey, step=wanted.slot, channel=wanted.channel, outcome=_STATES[type(outcome)]
        )
        match outcome:
            case Accepted():
                return self._result("sent", handed_over, None)
            case Unknown():
                return self._result("sent", handed_over, outcome.reason)
            case Rejected():
                return self._result("failed", handed_over, outcome.reason)
            case Released():
                raise ApplicationError(
                    outcome.reason,
                    type="Released",
                    next_retry_delay=outcome.retry_after,
                    category=ApplicationErrorCategory.BENIGN,
                )

    async def _settle(
        self, wanted: Try, claimed: Claimed, outcome: Outcome, *, provider: str, at: datetime | None = None
    ) -> None:
        if claimed.repeated and isinstance(outcome, Released):
            # This call was not processed, but the one before may have been: the row stays, to be taken over again.
            return
        await sends.settle(
            self._pool,
            wanted,
            claimed,
            _STATES[type(outcome)],
            at=at or wanted.at,
            provider=provider,
            provider_id=outcome.provider_id if isinstance(outcome, Accepted) else None,
            reason=None if isinstance(outcome, Accepted) else outcome.reason,
        )

    async def _note(self, version: PlanVersion, order: SendInput, wanted: Try, result: SendResult) -> None:
        """Note in Postgres where the journey stands now, if this send was the last of its step."""
        done = not order.remaining or (result.outcome == "sent" and isinstance(wanted.step.send.channels, First))
        if result.outcome == "held" or not done:
            return
        stage = after(version.plan, order.stage, result.at)
        move = next_move(version.plan, stage, None, result.at)
        due = move.until if isinstance(move, WaitUntil) else result.at
        async with self._pool.acquire() as db:
            await journeys.stand(db, order.journey, move.stage.step or order.stage.step, due)

    def _result(self, outcome: str, at: datetime, reason: str | None) -> SendResult:
        return SendResult.model_validate(
            {"outcome": outcome, "at": at, "reason": reason, "shop_time": self._clock.now()}
        )


def _of_both(claimed: Claimed, outcome: Outcome) -> Outcome:
    """Tell what is known of a send when its call was repeated: a refusal of the second says nothing of the first."""
    if claimed.repeated and isinstance(outcome, Rejected):
        return Unknown(f"refused when it was repeated: {outcome.reason}")
    return outcome


def send_id(journey: str, slot: str, channel: Channel) -> str:
    """Give the id by which the provider knows a send: the same for every try, and no other send has it."""
    return hashlib.sha256(f"{journey}\0{slot}\0{channel}".encode()).hexdigest()[:32]
