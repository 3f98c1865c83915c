"""Law 1 for a shop's own commands: after their answer, no claim of a send for that journey commits."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from storage import holding
from tests.integration.calls import Keys
from tests.integration.served import served
from tests.support import WAITING_FOR_A_LOCK, TestShop, until
from tests.workflows.providers import send

COMMANDS = [
    pytest.param("cancel", "held", "journey ended: cancelled by API", id="cancel"),
    pytest.param("pause", "held", "journey is paused", id="pause"),
]


@pytest.mark.parametrize(("command", "outcome", "reason"), COMMANDS)
async def test_a_claim_that_waits_for_a_command_is_refused(
    shop: TestShop, command: str, outcome: str, reason: str
) -> None:
    await shop.identify()
    await shop.fill()
    journey = await shop.journey()
    pool = shop.parts.pool

    async def waiting(number: int) -> bool:
        return bool(await pool.fetchval(WAITING_FOR_A_LOCK) == number)

    async with served(shop) as api, httpx.AsyncClient(base_url=api.url, auth=Keys("", api.api_key)) as backend:
        async with pool.acquire() as db, db.transaction():
            await holding.hold(db, journey.id)
            told = asyncio.create_task(backend.post(f"/v1/journeys/{journey.id}/{command}"))
            await until(lambda: waiting(1))
            claim = asyncio.create_task(send(shop))
            await until(lambda: waiting(2))
            assert not told.done()
        answer, result = await asyncio.gather(told, claim)
    assert answer.status_code == 200
    assert (result.outcome, result.reason) == (outcome, reason)
    assert {state for _, _, state, _ in await shop.ledger()} <= {"refused"}


@pytest.mark.parametrize("command", ["cancel", "pause"])
async def test_while_claims_go_on_none_commits_after_the_answer(shop: TestShop, command: str) -> None:
    """Nobody holds a lock for them here: whichever comes first, what the answer finds is the last word."""
    await shop.identify()
    await shop.fill()
    journey = await shop.journey()
    ledger = "select count(*) from sends where state <> 'refused'"
    async with served(shop) as api, httpx.AsyncClient(base_url=api.url, auth=Keys("", api.api_key)) as backend:
        claims = [asyncio.create_task(send(shop)) for _ in range(4)]
        answer = await backend.post(f"/v1/journeys/{journey.id}/{command}")
        claimed = await shop.parts.pool.fetchval(ledger)
        claims += [asyncio.create_task(send(shop)) for _ in range(4)]
        await asyncio.gather(*claims)
    assert answer.status_code == 200
    assert await shop.parts.pool.fetchval(ledger) == claimed
