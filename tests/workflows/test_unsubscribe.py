"""Law 1 for a person's own no: after its answer, no claim of a send that they stopped commits."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from storage import customers
from tests.integration.served import served
from tests.support import WAITING_FOR_A_LOCK, TestShop, until
from tests.workflows.providers import send

STOPS = [
    pytest.param({"act": "stop"}, id="stop everything"),
    pytest.param({"act": "save", "was_on": ["sms.marketing", "email.marketing"]}, id="boxes unticked"),
]


@pytest.mark.parametrize("form", STOPS)
async def test_a_claim_that_waits_for_a_stop_being_taken_is_refused(shop: TestShop, form: dict[str, Any]) -> None:
    await shop.identify()
    await shop.fill()
    path = f"/u/{shop.parts.preferences.token(shop.shop, 'ann')}"
    pool = shop.parts.pool

    async def waiting(number: int) -> bool:
        return bool(await pool.fetchval(WAITING_FOR_A_LOCK) == number)

    async with served(shop) as api, httpx.AsyncClient(base_url=api.url) as browser:
        async with pool.acquire() as db, db.transaction():
            await customers.lock(db, shop.shop, "ann")
            stop = asyncio.create_task(browser.post(path, data=form))
            await until(lambda: waiting(1))
            claim = asyncio.create_task(send(shop))
            await until(lambda: waiting(2))
            assert not stop.done()
        answer, result = await asyncio.gather(stop, claim)
    assert answer.status_code == 303
    assert (result.outcome, result.reason) == ("failed", "no consent to marketing by sms")
    assert [state for _, _, state, _ in await shop.ledger()] == ["refused"]


@pytest.mark.parametrize("form", STOPS)
async def test_while_claims_go_on_none_commits_after_the_answer(shop: TestShop, form: dict[str, Any]) -> None:
    """Nobody holds a lock for them here: whichever comes first, what the answer finds is the last word."""
    await shop.identify()
    for number in range(6):
        await shop.fill(f"c-{number}")
    path = f"/u/{shop.parts.preferences.token(shop.shop, 'ann')}"
    ledger = "select count(*) from sends where state <> 'refused'"
    async with served(shop) as api, httpx.AsyncClient(base_url=api.url) as browser:
        claims = [asyncio.create_task(send(shop)) for _ in range(4)]
        answer = await browser.post(path, data=form)
        claimed = await shop.parts.pool.fetchval(ledger)
        claims += [asyncio.create_task(send(shop)) for _ in range(4)]
        await asyncio.gather(*claims)
    assert answer.status_code == 303
    assert await shop.parts.pool.fetchval(ledger) == claimed
