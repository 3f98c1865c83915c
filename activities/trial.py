"""One message of a plan, sent to an address of the shop's own, to be looked at."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from pydantic import BaseModel

from activities.clock import ShopClock
from activities.compose import Composer, CompositionError
from activities.send import Providers, state_of
from channels.base import Accepted, Outgoing, Provider
from journeys.addresses import usable
from journeys.facts import Channel
from journeys.ledger import State
from journeys.question import Mode
from journeys.steps import Send
from storage import trials
from storage.plans import PlanVersion
from storage.shops import Shop
from storage.situation import ADDRESS_TRAITS

if TYPE_CHECKING:
    from storage.database import Pool


class TrialRefusedError(Exception):
    """The message is not sent; the text says what to change."""


class Trial(BaseModel):
    """What became of it: ``accepted``, ``rejected``, ``released`` (not sent) or ``unknown``."""

    step: str
    channel: Channel
    provider: str
    state: State
    reason: str | None
    subject: str | None
    text: str


class Trials:
    """Sends one message of a plan, with made-up words about a cart, to an address on the shop's allowlist."""

    def __init__(self, pool: Pool, providers: Providers, composer: Composer, clock: ShopClock) -> None:
        self._pool = pool
        self._providers = providers
        self._composer = composer
        self._clock = clock

    async def send(self, shop: Shop, version: PlanVersion, to: str, step: str | None = None) -> Trial:
        """Send a step's message, the first one's where no step is named, by the step's first channel for the address.

        Raises:
            TrialRefusedError: it cannot be sent to this address, or is no message.

        """
        wanted = _step(version, step)
        channel, address = _reached(wanted, to)
        if address not in shop.allowlist:
            raise TrialRefusedError(
                f"to: is not on the shop's allowlist: relance shop set {shop.shop} --allow {address}"
            )
        provider = await self._provider(shop, channel)
        send_id = uuid.uuid4().hex
        try:
            message = self._composer.sample(version, wanted, channel, address, send_id, shop)
        except CompositionError as error:
            raise TrialRefusedError(f"step: {error}") from None
        return await self._hand_over(shop, version, wanted, provider, message)

    async def _provider(self, shop: Shop, channel: Channel) -> Provider:
        if shop.mode is Mode.STOPPED:
            raise TrialRefusedError("the shop has stopped sending")
        if shop.mode is Mode.SANDBOX:
            return self._providers.sandbox(channel)
        accounts = await self._providers.accounts(shop.shop, channel)
        if not accounts:
            raise TrialRefusedError(f"the shop has no account for {channel}")
        return accounts[0]

    async def _hand_over(
        self, shop: Shop, version: PlanVersion, wanted: Send, provider: Provider, message: Outgoing
    ) -> Trial:
        row = trials.Row(shop.shop, version.plan.name, wanted.id, provider.channel, provider.name, message.to)
        await trials.claim(self._pool, message.send_id, row, self._clock.now())
        outcome = await provider.send(message)
        reason = None if isinstance(outcome, Accepted) else outcome.reason
        provider_id = outcome.provider_id if isinstance(outcome, Accepted) else None
        state = state_of(outcome)
        await trials.settle(self._pool, message.send_id, state, provider_id, reason, self._clock.now())
        return Trial(
            step=wanted.id,
            channel=provider.channel,
            provider=provider.name,
            state=state,
            reason=reason,
            subject=message.subject,
            text=message.text,
        )


def _step(version: PlanVersion, name: str | None) -> Send:
    sends = {step.id: step for step in version.plan.sends}
    if not sends:
        raise TrialRefusedError("the plan sends nothing")
    if name is not None and name not in sends:
        raise TrialRefusedError(f"step: '{name}' sends nothing; these do: {', '.join(sends)}")
    return sends[name] if name is not None else next(iter(sends.values()))


def _reached(step: Send, to: str) -> tuple[Channel, str]:
    """Choose the step's first channel for an address, and write the address as providers take it."""
    for channel in step.send.named:
        if channel in ADDRESS_TRAITS and (address := usable(channel.medium, to)):
            return channel, address
    named = ", ".join(step.send.named)
    raise TrialRefusedError(f"to: is no address for a channel of the step ({named})")
