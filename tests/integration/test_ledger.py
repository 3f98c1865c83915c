"""Law 2: the database itself keeps the ledger's rules."""

from __future__ import annotations

import asyncpg
import pytest

from journeys.ledger import OPEN_FOR_RETRY, TRANSITIONS, State
from tests.support import TestShop

INSERT = (
    "insert into sends (send_id, journey, step, try, shop, customer_id, key, channel, state, decided_at)"
    " values ('s', $1, 'first', $2, $3, 'ann', 'c-1', 'sms', $4, now())"
)


async def insert(shop: TestShop, state: State, number: int = 1) -> None:
    journey = await shop.journey()
    await shop.parts.pool.execute(INSERT, journey.id, number, shop.shop, state)


async def reach(shop: TestShop, state: State) -> None:
    """Bring a row into a state by a way that is allowed."""
    first = state if state in TRANSITIONS[None] else State.CLAIMED
    await insert(shop, first)
    if first is not state:
        await shop.parts.pool.execute("update sends set state = $1", state)


@pytest.mark.parametrize("state", State)
async def test_a_row_begins_only_as_the_list_says(shop: TestShop, state: State) -> None:
    await shop.fill()
    if state in TRANSITIONS[None]:
        await insert(shop, state)
        return
    with pytest.raises(asyncpg.RaiseError, match=f"cannot go from none to {state}"):
        await insert(shop, state)


@pytest.mark.parametrize(
    ("before", "after"), [(before, after) for before in State for after in State if before is not after]
)
async def test_a_row_goes_only_where_the_list_says(shop: TestShop, before: State, after: State) -> None:
    await shop.fill()
    await reach(shop, before)
    if after in TRANSITIONS.get(before, frozenset()):
        await shop.parts.pool.execute("update sends set state = $1", after)
        return
    with pytest.raises(asyncpg.RaiseError, match=f"cannot go from {before} to {after}"):
        await shop.parts.pool.execute("update sends set state = $1", after)


@pytest.mark.parametrize("state", sorted(set(State) - OPEN_FOR_RETRY))
async def test_beside_a_send_that_counts_there_is_no_other(shop: TestShop, state: State) -> None:
    await shop.fill()
    await reach(shop, state)
    with pytest.raises(asyncpg.UniqueViolationError):
        await insert(shop, State.CLAIMED, 2)


@pytest.mark.parametrize("state", sorted(OPEN_FOR_RETRY))
async def test_after_a_try_that_reached_nobody_there_may_be_another(shop: TestShop, state: State) -> None:
    await shop.fill()
    await reach(shop, state)
    await insert(shop, State.CLAIMED, 2)
