"""Answers STOP, START and HELP: one message each, through the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.contracts import CONFIRM, TO_CONFIRM, ToConfirm
from activities.send import Providers, state_of
from channels.base import Accepted, Outgoing, Provider, Released
from journeys import costs
from journeys.addresses import country_of
from journeys.question import Mode
from messages import confirmations as words
from storage import confirmations, shops
from storage.confirmations import Confirmation
from storage.shops import Shop

if TYPE_CHECKING:
    from storage.database import Pool

AT_MOST = 500
"""How many one run answers; the others have their turn in the next."""

log = structlog.get_logger()


class Confirming:
    """Answers the words that came in. Whoever stopped everything still hears, once, that it was heard."""

    def __init__(self, pool: Pool, providers: Providers) -> None:
        self._pool = pool
        self._providers = providers

    @activity.defn(name=TO_CONFIRM)
    async def to_confirm(self) -> list[ToConfirm]:
        """Give what is to be answered now; what is too late is forgotten."""
        if late := await confirmations.forget_late(self._pool):
            log.warning("answers to STOP, START or HELP were too late to be sent", count=late)
        found = await confirmations.waiting(self._pool, AT_MOST)
        return [ToConfirm(send_id=one.send_id, channel=one.channel) for one in found]

    @activity.defn(name=CONFIRM)
    async def confirm(self, what: ToConfirm) -> str | None:
        """Answer one word; tell the state of its send, or None where none was to be made.

        Raises:
            ApplicationError: provably not processed; Temporal tries again, after what the provider asks for.

        """
        wanted = await confirmations.get(self._pool, what.send_id)
        if wanted is None:
            return None
        shop = await shops.get(self._pool, wanted.shop)
        provider = await self._provider(shop, wanted)
        if provider is None:
            await confirmations.forget(self._pool, wanted.send_id)
            return None
        message = _compose(shop, wanted)
        claimed = await confirmations.claim(self._pool, wanted.send_id, provider.name)
        if claimed is None:
            return None
        answer = await provider.send(message)
        state = state_of(answer)
        reason = None if isinstance(answer, Accepted) else answer.reason
        provider_id = answer.provider_id if isinstance(answer, Accepted) else None
        cost = costs.cost(wanted.channel, message.text, message.country, shop.policy.prices)
        await confirmations.settle(self._pool, claimed, state, provider_id, reason, cost)
        log.info("confirmed", word=wanted.word, channel=wanted.channel, outcome=state)
        if isinstance(answer, Released):
            raise ApplicationError(
                answer.reason,
                type="Released",
                next_retry_delay=answer.retry_after,
                category=ApplicationErrorCategory.BENIGN,
            )
        return state

    async def _provider(self, shop: Shop, wanted: Confirmation) -> Provider | None:
        """Choose who sends it: the account that heard the word, else the first; None where nothing may go there."""
        match shop.mode:
            case Mode.STOPPED:
                return None
            case Mode.SANDBOX:
                return self._providers.sandbox(wanted.channel)
            case Mode.ALLOWLIST if wanted.address not in shop.allowlist:
                return None
        accounts = await self._providers.accounts(shop.shop, wanted.channel)
        heard = [account for account in accounts if account.name == wanted.provider]
        return next(iter([*heard, *accounts]), None)


def _compose(shop: Shop, wanted: Confirmation) -> Outgoing:
    return Outgoing(
        send_id=wanted.send_id,
        to=wanted.address,
        text=words.text(wanted.word, wanted.language, shop.name, shop.policy.contact),
        locale=wanted.language,
        country=country_of(wanted.address),
    )
