"""The send: through the gate, to the provider, into the ledger."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.clock import ShopClock
from activities.compose import Composer, CompositionError
from activities.contracts import SEND, SendInput, SendResult
from activities.shop_codes import ShopCodes
from channels.base import Accepted, Outcome, Outgoing, Provider, Rejected, Released, Unknown
from journeys import costs
from journeys.addresses import comparable
from journeys.facts import Channel
from journeys.imports import Suppression
from journeys.ledger import State
from journeys.play import WaitUntil, after, deadline, next_move
from journeys.question import Mode
from journeys.related import Candidate
from journeys.saying import All, UntilDelivered
from journeys.steps import Ask
from storage import journeys, provider_health, reading, related, sends, settling, suppressions
from storage.journeys import Journey
from storage.offering import CodeWantedError
from storage.plans import Plans, PlanVersion
from storage.sends import Claimed, Deferred, Refused, Settled, Try

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

    async def accounts(self, shop: str, channel: Channel) -> Sequence[Provider]:
        """Connect to the shop's own accounts for a channel: the one that is called first, then the other."""
        ...


class Sending:
    """Sends one step's message by one channel."""

    def __init__(
        self,
        pool: Pool,
        plans: Plans,
        providers: Providers,
        composer: Composer,
        clock: ShopClock,
        codes: ShopCodes,
    ) -> None:
        self._pool = pool
        self._plans = plans
        self._providers = providers
        self._composer = composer
        self._clock = clock
        self._codes = codes

    @activity.defn(name=SEND)
    async def send(self, order: SendInput) -> SendResult:
        """Send, once. Repeating it never sends twice.

        Raises:
            ApplicationError: provably not processed, or without the code of its offer yet; Temporal tries again, after
                what the provider asks for.

        """
        journey = await journeys.get(self._pool, order.journey)
        number = order.version or journey.plan_version
        version = await self._plans.version(self._pool, journey.shop, journey.plan, number)
        wanted = await self._try(journey, version, order)
        result = await self._through_the_gate(journey, version, wanted)
        await self._note(version, order, wanted, result)
        return result

    async def _try(self, journey: Journey, version: PlanVersion, order: SendInput) -> Try:
        step = version.plan.send_by_id.get(order.send or order.stage.step or "")
        if step is None:
            raise ApplicationError(f"step {order.stage.step} sends nothing", non_retryable=True)
        slot, at = step.slot(order.channel), self._clock.decided(order.at)
        moments = await reading.moments(self._pool, journey.id, version.plan, at) if step.send.before else {}
        return Try(
            journey=order.journey,
            step=step,
            slot=slot,
            channel=order.channel,
            passed_over=order.passed_over,
            send_id=send_id(order.journey, slot, order.channel),
            at=at,
            deadline=deadline(order.stage, step, moments),
        )

    async def _through_the_gate(self, journey: Journey, version: PlanVersion, wanted: Try) -> SendResult:
        sandbox = [self._providers.sandbox(wanted.channel)]
        own = await self._providers.accounts(journey.shop, wanted.channel)
        by_mode = {Mode.SANDBOX: sandbox, Mode.ALLOWLIST: own, Mode.LIVE: own}
        names = {mode: [provider.name for provider in providers] for mode, providers in by_mode.items()}
        repeatable = frozenset(provider.name for provider in [*sandbox, *own] if provider.idempotent)
        called: set[str] = set()
        # Before the claim, which stands for a moment only, and outside its transaction.
        together = await related.of_cart(self._pool, journey.shop, journey.cart_id) if journey.cart_id else []
        while True:
            try:
                claimed = await sends.claim(self._pool, version.plan, wanted, providers=names, repeatable=repeatable)
            except CodeWantedError as code:
                await self._codes.ask(code, wanted)
                continue
            match claimed:
                case Refused():
                    outcome = "held" if claimed.status != "running" else "failed"
                    return self._result(outcome, wanted.at, claimed.reason)
                case Deferred():
                    return self._result("deferred", wanted.at, claimed.reason, claimed.until)
                case Settled():
                    return self._result("sent", claimed.at, claimed.state)
            able = by_mode[claimed.situation.mode]
            provider = next((provider for provider in able if provider.name == claimed.provider), None)
            if provider is None:
                # The account was taken away since it was read; the next try reads anew.
                await self._settle(wanted, claimed, Released("account was removed"), provider="none")
                raise ApplicationError("account was removed", category=ApplicationErrorCategory.BENIGN)
            may_follow = provider.name not in called and len(called) + 1 < len(able)
            called.add(provider.name)
            result = await self._call(version, wanted, claimed, provider, together, may_follow=may_follow)
            if result is not None:
                return result

    async def _call(
        self,
        version: PlanVersion,
        wanted: Try,
        claimed: Claimed,
        provider: Provider,
        together: Sequence[Candidate],
        *,
        may_follow: bool,
    ) -> SendResult | None:
        """Call the provider and write down its answer.

        None when the claim is to be taken anew: it had grown too old to be used, or the provider provably did not
        send and another one may follow.
        """
        try:
            message = self._composer.compose(version, wanted, claimed, together)
        except CompositionError as error:
            await self._settle(wanted, claimed, _of_both(claimed, Rejected(str(error))), provider=provider.name)
            return self._result("failed", wanted.at, str(error))
        if time.monotonic() - claimed.since > CLAIM_STANDS.total_seconds():
            await self._settle(wanted, claimed, Released("claim grew too old before the call"), provider="none")
            return None
        answer = await provider.send(message)
        await self._note_health(claimed, wanted, provider, answer)
        outcome = _of_both(claimed, answer)
        handed_over = self._clock.decided(wanted.at)
        await self._settle(
            wanted, claimed, outcome, provider=provider.name, at=handed_over, cost=_cost(claimed, wanted, message)
        )
        if isinstance(outcome, Rejected) and outcome.suppress:
            await self._suppress(claimed, wanted, message.to, outcome)
        log.info("sent", journey=wanted.journey, step=wanted.slot, channel=wanted.channel, outcome=state_of(outcome))
        match outcome:
            case Accepted():
                return self._result("sent", handed_over, None)
            case Unknown():
                return self._result("sent", handed_over, outcome.reason)
            case Rejected():
                return self._result("failed", handed_over, outcome.reason)
            case Released() if may_follow and not claimed.repeated:
                return None
            case Released():
                raise ApplicationError(
                    outcome.reason,
                    type="Released",
                    next_retry_delay=outcome.retry_after,
                    category=ApplicationErrorCategory.BENIGN,
                )

    async def _suppress(self, claimed: Claimed, wanted: Try, address: str, outcome: Rejected) -> None:
        """Never try again what will never arrive."""
        medium = wanted.channel.medium
        told = Suppression(medium, comparable(medium, address), outcome.reason, self._clock.now())
        async with self._pool.acquire() as db:
            await suppressions.add(db, claimed.situation.row["shop"], told, self._clock.now())

    async def _note_health(self, claimed: Claimed, wanted: Try, provider: Provider, answer: Outcome) -> None:
        """Keep count of a provider that answers nobody. That it is busy is an answer."""
        shop, channel, name = claimed.situation.row["shop"], wanted.channel, provider.name
        match answer:
            case Unknown() | Released(retry_after=None):
                await provider_health.failed(self._pool, shop, channel, name, answer.reason, self._clock.now())
            case _:
                await provider_health.answered(self._pool, shop, channel, name)

    async def _settle(
        self,
        wanted: Try,
        claimed: Claimed,
        outcome: Outcome,
        *,
        provider: str,
        at: datetime | None = None,
        cost: Decimal | None = None,
    ) -> None:
        if claimed.repeated and isinstance(outcome, Released):
            # This call was not processed, but the one before may have been: the row stays, to be taken over again.
            return
        written = settling.Outcome(
            state=state_of(outcome),
            at=at or wanted.at,
            provider=provider,
            provider_id=outcome.provider_id if isinstance(outcome, Accepted) else None,
            reason=None if isinstance(outcome, Accepted) else outcome.reason,
            cost=cost,
        )
        await settling.settle(self._pool, wanted, claimed, written)

    async def _note(self, version: PlanVersion, order: SendInput, wanted: Try, result: SendResult) -> None:
        """Note in Postgres where the journey stands now, if this send was the last of its step."""
        channels = wanted.step.send.channels
        is_enough = result.outcome == "sent" and not isinstance(channels, All)
        if result.outcome == "held" or (order.remaining and not is_enough):
            return
        later = None if is_enough else min(filter(None, (order.later, result.until)), default=None)
        if is_enough and isinstance(channels, UntilDelivered) and order.untried:
            later = result.at + channels.within
        if is_enough and isinstance(asks := version.plan.by_id[order.stage.step or ""], Ask):
            later = result.at + asks.ask.within
        if later is not None:
            async with self._pool.acquire() as db:
                await journeys.stand(db, order.journey, order.stage.step, later)
            return
        stage = after(version.plan, order.stage, result.at)
        move = next_move(version.plan, stage, None, result.at)
        due = move.until if isinstance(move, WaitUntil) else result.at
        async with self._pool.acquire() as db:
            await journeys.stand(db, order.journey, move.stage.step or order.stage.step, due)

    def _result(self, outcome: str, at: datetime, reason: str | None, until: datetime | None = None) -> SendResult:
        return SendResult.model_validate(
            {"outcome": outcome, "at": at, "reason": reason, "until": until, "shop_time": self._clock.now()}
        )


def state_of(outcome: Outcome) -> State:
    """Tell how the ledger keeps an outcome."""
    return _STATES[type(outcome)]


def _cost(claimed: Claimed, wanted: Try, message: Outgoing) -> Decimal | None:
    found = claimed.situation
    return costs.cost(wanted.channel, message.text, found.country, found.policy.prices)


def _of_both(claimed: Claimed, outcome: Outcome) -> Outcome:
    """Tell what is known of a send when its call was repeated: a refusal of the second says nothing of the first."""
    if claimed.repeated and isinstance(outcome, Rejected):
        return Unknown(f"refused when it was repeated: {outcome.reason}")
    return outcome


def send_id(journey: str, slot: str, channel: Channel) -> str:
    """Give the id by which the provider knows a send: the same for every try, and no other send has it."""
    return hashlib.sha256(f"{journey}\0{slot}\0{channel}".encode()).hexdigest()[:32]
