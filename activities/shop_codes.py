"""Asks the shops' own APIs for the codes of offers, and has them taken back. No transaction is open meanwhile."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import httpx
import structlog
from cryptography.fernet import Fernet
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.contracts import REVOKE_CODES, Revoked
from channels.offer_api import Given, OfferApi, Wanted, Withheld
from channels.signed import Endpoint, Failed
from journeys.offers import ASK_AGAIN_AFTER, MOST_TRIES
from storage import endpoints, shop_codes
from storage.endpoints import Kind
from storage.offering import CodeWantedError
from storage.sends import Try
from storage.shop_codes import Revocation, ShopCode

if TYPE_CHECKING:
    from storage.database import Pool

AT_MOST = 500
"""How many codes one run takes back; the others have their turn in the next."""

log = structlog.get_logger()


class ShopCodes:
    """Speaks with the shops' APIs.

    Args:
        pool: Postgres.
        http: of its own: an API that hangs must hold up no provider.
        cipher: decrypts the APIs' settings.

    """

    def __init__(self, pool: Pool, http: httpx.AsyncClient, cipher: Fernet) -> None:
        self._pool = pool
        self._http = http
        self._cipher = cipher

    async def ask(self, wanted: CodeWantedError, claim: Try) -> None:
        """Ask once for what a claim lacks. Afterwards the claim is taken anew, with it or without an offer.

        Args:
            wanted: what is asked for.
            claim: what lacks it.

        Raises:
            ApplicationError: the API gave nothing; Temporal tries again, a few times.

        """
        kept = await shop_codes.begin(self._pool, wanted.journey, wanted.step, wanted.offer)
        if kept is None:
            # It is over: the claim says so.
            return
        problem = await self._ask(wanted, kept)
        if problem is None:
            return
        log.warning("the shop's API gave no code", journey=kept.journey, step=kept.step, reason=problem.reason)
        if _is_last(kept, claim):
            await shop_codes.give_up(self._pool, kept, problem.reason)
            return
        await shop_codes.fail(self._pool, kept, problem.reason)
        raise ApplicationError(
            f"the shop's API gave no code: {problem.reason}",
            type="NoCode",
            next_retry_delay=ASK_AGAIN_AFTER[kept.tries - 1],
            category=ApplicationErrorCategory.BENIGN,
        )

    async def _ask(self, wanted: CodeWantedError, kept: ShopCode) -> Failed | None:
        """Call the API and keep what it gives; tell what is wrong where another try may mend it."""
        api = await self._api(kept.shop)
        if api is None:
            await shop_codes.give_up(self._pool, kept, "the shop has told of none: relance offer-api set")
            return None
        if kept.code is not None:
            return await self._move(api, kept, kept.code, wanted.offer.deadline)
        answer = await api.give(_wanted(wanted, kept))
        match answer:
            case Given():
                is_good = await shop_codes.keep(self._pool, kept, answer.code)
                return None if is_good else Failed("it gave a code that somebody else has")
            case Withheld():
                await shop_codes.give_up(self._pool, kept, "it gives none for this one")
                return None
            case Failed():
                return answer

    async def _move(self, api: OfferApi, kept: ShopCode, code: str, deadline: datetime) -> Failed | None:
        failed = await api.move(kept.code_id, code, deadline)
        if failed is None:
            await shop_codes.move(self._pool, kept, deadline)
        return failed

    @activity.defn(name=REVOKE_CODES)
    async def revoke(self) -> Revoked:
        """Have the codes of cancelled journeys taken back; what an API does not hear is told again by a later run."""
        waiting = sorted(await shop_codes.to_revoke(self._pool, AT_MOST), key=lambda one: (one.shop, one.tell_at))
        by_shop = [(shop, list(ones)) for shop, ones in itertools.groupby(waiting, key=lambda one: one.shop)]
        told = await asyncio.gather(*(self._tell(shop, ones) for shop, ones in by_shop))
        failed = sum(done < len(ones) for done, (_, ones) in zip(told, by_shop, strict=True))
        return Revoked(told=sum(told), failed=failed)

    async def _tell(self, shop: str, waiting: Sequence[Revocation]) -> int:
        """Tell one shop's API, until it does not hear; tell how many it heard."""
        api = await self._api(shop)
        for done, one in enumerate(waiting):
            activity.heartbeat()
            failed = await api.revoke(one.code_id, one.code) if api else Failed("the shop has told of none")
            if failed is not None:
                await shop_codes.tell_later(self._pool, one)
                log.warning("the shop's API took no code back", shop=shop, reason=failed.reason)
                return done
            await shop_codes.told(self._pool, one)
        return len(waiting)

    async def _api(self, shop: str) -> OfferApi | None:
        kept = await endpoints.get(self._pool, shop, Kind.OFFER_API)
        if kept is None:
            return None
        return OfferApi(self._http, Endpoint.model_validate_json(self._cipher.decrypt(kept)))


def _is_last(kept: ShopCode, claim: Try) -> bool:
    """Tell whether the message would come too late if this were tried again."""
    if kept.tries >= MOST_TRIES:
        return True
    return claim.deadline is not None and claim.at + ASK_AGAIN_AFTER[kept.tries - 1] >= claim.deadline


def _wanted(wanted: CodeWantedError, kept: ShopCode) -> Wanted:
    journey, offer = wanted.journey, kept.offer
    return Wanted(
        code_id=kept.code_id,
        journey=journey.id,
        step=kept.step,
        customer=journey.customer_id,
        cart=journey.cart_id,
        kind=offer.kind,
        amount=offer.amount,
        currency=offer.currency,
        product_id=offer.product_id,
        deadline=offer.deadline,
    )
