"""Looks for unknown sends in their providers' books."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import structlog
from temporalio import activity

from activities.clock import ShopClock
from activities.contracts import LOOK_UP, LookedUp
from activities.send import Providers
from channels.base import Accepted, Asked, Books, Rejected
from journeys.ledger import State
from storage import unknowns
from storage.unknowns import UnknownSend

if TYPE_CHECKING:
    from storage.database import Pool

AT_MOST = 500
"""How many sends one run asks for; the others have their turn in the next."""

log = structlog.get_logger()


class LookingUp:
    """Asks what became of sends. It may be repeated, or stopped at any point: the next run finds what is left."""

    def __init__(self, pool: Pool, providers: Providers, clock: ShopClock) -> None:
        self._pool = pool
        self._providers = providers
        self._clock = clock

    @activity.defn(name=LOOK_UP)
    async def look_up(self) -> LookedUp:
        """Ask for what is unknown; what a provider's books do not tell stays unknown."""
        lost = await unknowns.give_up_lost(self._pool, self._clock.now())
        asked = await unknowns.to_look_up(self._pool, self._clock.now(), AT_MOST)
        found = Counter[State]()
        for send in asked:
            found[await self._ask(send)] += 1
            await unknowns.note_looked_up(self._pool, send, self._clock.now())
            activity.heartbeat()
        return LookedUp(lost=lost, asked=len(asked), accepted=found[State.ACCEPTED], rejected=found[State.REJECTED])

    async def _ask(self, send: UnknownSend) -> State:
        """Ask for one send; tell in which state it is then by what the provider said."""
        accounts = await self._providers.accounts(send.shop, send.channel)
        provider: object = next((account for account in accounts if account.name == send.provider), None)
        if not isinstance(provider, Books):
            return State.UNKNOWN
        answer = await provider.look_up(Asked(send.send_id, send.address, send.since, send.until, send.others))
        match answer:
            case Accepted() if await unknowns.accept(self._pool, send, answer.provider_id):
                state = State.ACCEPTED
            case Rejected() if await unknowns.reject(
                self._pool, send, answer.reason, self._clock.now(), suppress=answer.suppress
            ):
                state = State.REJECTED
            case _:
                return State.UNKNOWN
        log.info("looked up", journey=send.journey, step=send.slot, channel=send.channel, state=state)
        return state
