"""Whom of a shop mails tell of tasks, and the ledger of these mails."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from asyncpg import UniqueViolationError

from journeys.ledger import State
from journeys.question import Mode
from storage.task_news import What
from storage.tasks import Task

if TYPE_CHECKING:
    from storage.database import Connection, Pool

LOST_AFTER = timedelta(minutes=10)
"""So old a claim is one of a worker that was lost: its call takes a minute at most."""


@dataclass(frozen=True)
class Mailing:
    """Who of a shop is written to; ``escalate_to`` of what nobody has done yet, None for the same."""

    shop: str
    address: str
    escalate_to: str | None


async def save(db: Pool | Connection, mailing: Mailing) -> None:
    """Keep who is written to, in place of who was before."""
    await db.execute(
        "insert into task_mails (shop, address, escalate_to) values ($1, $2, $3) on conflict (shop)"
        " do update set address = excluded.address, escalate_to = excluded.escalate_to",
        mailing.shop,
        mailing.address,
        mailing.escalate_to,
    )


async def get(db: Pool | Connection, shop: str) -> Mailing | None:
    """Read who of a shop is written to; None where nobody is."""
    row = await db.fetchrow("select shop, address, escalate_to from task_mails where shop = $1", shop)
    return Mailing(**row) if row else None


async def remove(db: Pool | Connection, shop: str) -> bool:
    """Forget who of a shop is written to; tell whether anybody was."""
    return await db.execute("delete from task_mails where shop = $1", shop) == "DELETE 1"


async def of_shops_that_send(db: Pool | Connection) -> list[Mailing]:
    """Read who is written to, of all shops that are neither in sandbox mode nor stopped."""
    rows = await db.fetch(
        "select shop, address, escalate_to from task_mails join shops using (shop) where mode <> all($1) order by shop",
        [Mode.SANDBOX, Mode.STOPPED],
    )
    return [Mailing(**row) for row in rows]


async def waits(db: Pool | Connection, shop: str, address: str) -> bool:
    """Tell whether an address is not to be written to yet, for a mail to it provably did not go out just now."""
    found: bool = await db.fetchval(
        "select exists (select from task_digests where shop = $1 and address = $2 and again_at > now())", shop, address
    )
    return found


def digest_id(address: str, news: Sequence[tuple[What, Task]]) -> str:
    """Name a mail by whom it tells what: the same news to the same address are the same mail."""
    told = sorted(f"{task.task_id}-{what}" for what, task in news)
    return hashlib.sha256("\0".join([address, *told]).encode()).hexdigest()[:32]


async def claim(pool: Pool, shop: str, address: str, news: Sequence[tuple[What, Task]], at: datetime) -> str | None:
    """Write down that a mail is about to go out, and that it tells of these; give its id.

    None where another one tells of some of them by now.
    """
    named = digest_id(address, news)
    try:
        async with pool.acquire() as db, db.transaction():
            claimed = await db.execute(
                "insert into task_digests (digest_id, shop, address, state) values ($1, $2, $3, 'claimed')"
                " on conflict (digest_id) do update set state = 'claimed', made_at = now(), again_at = null"
                " where task_digests.state in ('released', 'rejected')",
                named,
                shop,
                address,
            )
            if claimed != "INSERT 0 1":
                return None
            await db.executemany(
                "insert into task_told (task_id, whom, what, at, digest_id) values ($1, $2, $3, $4, $5)",
                [(task.task_id, address, what, at, named) for what, task in news],
            )
    except UniqueViolationError:
        return None
    return named


async def settle(
    pool: Pool, digest: str, state: State, provider: str, provider_id: str | None, reason: str | None, wait: timedelta
) -> None:
    """Write down what became of a mail. What one told that provably did not go out is news again, after ``wait``."""
    async with pool.acquire() as db, db.transaction():
        await db.execute(
            "update task_digests set state = $2, provider = $3, provider_id = $4, reason = $5,"
            " again_at = case when $2 in ('released', 'rejected') then now() + $6 end where digest_id = $1",
            digest,
            state,
            provider,
            provider_id,
            reason,
            wait,
        )
        if state in {State.RELEASED, State.REJECTED}:
            await db.execute("delete from task_told where digest_id = $1", digest)


async def give_up(db: Pool | Connection) -> int:
    """Take mails for sent whose worker was lost: nobody can say. Tell how many these are."""
    done = await db.execute(
        "update task_digests set state = 'unknown', reason = 'its worker was lost'"
        " where state = 'claimed' and made_at < now() - $1::interval",
        LOST_AFTER,
    )
    return int(done.split()[-1])
