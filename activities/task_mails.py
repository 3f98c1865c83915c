"""Tells the agents of shops by mail what is new of their tasks: one mail to an address in each run, of all that is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from temporalio import activity

from activities.clock import ShopClock
from activities.contracts import MAIL_TASKS, MailedTasks
from activities.send import Providers, state_of
from activities.task_digest import Digests
from channels.base import Accepted, Outcome, Outgoing, Provider, Rejected, Released
from journeys.facts import Channel
from storage import shops, task_mails, task_news
from storage.database import PASSING
from storage.shops import Shop
from storage.task_mails import Mailing
from storage.task_news import ALL, OVER, What

if TYPE_CHECKING:
    from storage.database import Pool

AT_MOST = 500
"""Of so many tasks of each kind one mail tells; the others have their turn in the next run."""
REFUSED_FOR = timedelta(hours=1)
"""An address that was refused for good is written to again this much later: the shop may have put it right."""

log = structlog.get_logger()


class TaskMails:
    """Writes to the agents of shops, by the shops' own e-mail accounts.

    A mail is claimed before the provider is called, and with it what it tells. What provably did not go out is told
    again by a later run; of what may have gone out nothing is told again.

    Args:
        pool: Postgres.
        clock: tells the time.
        providers: finds the accounts.
        digests: writes the mails.

    """

    def __init__(self, pool: Pool, clock: ShopClock, providers: Providers, digests: Digests) -> None:
        self._pool = pool
        self._clock = clock
        self._providers = providers
        self._digests = digests

    @activity.defn(name=MAIL_TASKS)
    async def mail(self) -> MailedTasks:
        """Write to all who have yet to hear something."""
        if lost := await task_mails.give_up(self._pool):
            log.warning("mails of tasks may not have gone out: their worker was lost", count=lost)
        mailings = await task_mails.of_shops_that_send(self._pool)
        went = [one for of_shop in await asyncio.gather(*map(self._mail_shop, mailings)) for one in of_shop]
        return MailedTasks(mailed=sum(went), failed=len(went) - sum(went))

    async def _mail_shop(self, mailing: Mailing) -> list[bool]:
        """Write to those of one shop; tell of each mail whether it went out.

        A shop to which we cannot write, by our own mistake, keeps none of the others waiting.
        """
        try:
            shop = await shops.get(self._pool, mailing.shop)
            return [went for to in _recipients(mailing) if (went := await self._mail(shop, *to)) is not None]
        except PASSING:
            raise
        except Exception as error:  # noqa: BLE001 whatever it is, it is this shop's alone
            log.warning("agents cannot be written to", shop=mailing.shop, problem=type(error).__name__)
            return [False]

    async def _mail(self, shop: Shop, address: str, whats: Sequence[What]) -> bool | None:
        """Write to one address; tell whether the mail went out, or None where there was none to write."""
        activity.heartbeat()
        now = self._clock.now()
        if await task_mails.waits(self._pool, shop.shop, address):
            return None
        news = await task_news.to_tell(self._pool, shop.shop, address, whats, now, AT_MOST)
        if not news:
            return None
        providers = await self._providers.accounts(shop.shop, Channel.EMAIL)
        if not providers:
            log.warning("the shop has no account for email: no mail tells of its tasks", shop=shop.shop)
            return False
        written = await self._digests.write(shop, news)
        digest = await task_mails.claim(self._pool, shop.shop, address, news, now)
        if digest is None:
            return None
        mail = Outgoing(digest, address, written.text, subject=written.subject, locale=shop.language)
        return await self._send(shop, mail, providers)

    async def _send(self, shop: Shop, mail: Outgoing, providers: Sequence[Provider]) -> bool:
        """Hand a mail over, by the second account where it provably did not go out by the first."""
        for provider in providers:
            outcome = await provider.send(mail)
            if not isinstance(outcome, Released):
                break
        reason = None if isinstance(outcome, Accepted) else outcome.reason
        provider_id = outcome.provider_id if isinstance(outcome, Accepted) else None
        state = state_of(outcome)
        await task_mails.settle(
            self._pool, mail.send_id, state, provider.name, provider_id, reason, wait=_wait(outcome)
        )
        if reason is not None:
            log.warning("a mail of tasks did not surely go out", shop=shop.shop, outcome=state, reason=reason)
        return isinstance(outcome, Accepted)


def _wait(outcome: Outcome) -> timedelta:
    """Tell how long an address is left alone to which a mail did not go out."""
    match outcome:
        case Rejected():
            return REFUSED_FOR
        case Released():
            return outcome.retry_after or timedelta(0)
    return timedelta(0)


def _recipients(mailing: Mailing) -> list[tuple[str, tuple[What, ...]]]:
    """Tell who hears what. What is over hears who has heard of it."""
    if mailing.escalate_to is None or mailing.escalate_to == mailing.address:
        return [(mailing.address, ALL)]
    return [(mailing.address, ("opened", *OVER)), (mailing.escalate_to, ("escalated", *OVER))]
