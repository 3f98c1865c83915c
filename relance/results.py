"""What a rehearsal leaves behind: two files, one line for each journey and for each send."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from storage.database import Pool

_JOURNEYS = """
select j.id, j.plan, j.plan_version, j.shop, j.customer_id as customer, j.key, j.started_at, j.ended_at, j.outcome,
       j.reason,
       (select count(*) from sends s where s.journey = j.id
         and s.state not in ('refused', 'rejected', 'released')) as sends
  from journeys j order by j.started_at, j.id
"""
_SENDS = """
select s.journey, j.plan, j.plan_version, s.shop, s.customer_id as customer, s.key, s.step, s.channel, s.state,
       s.reason, s.decided_at, s.sent_at, c.traits -> 'timezone' ->> 'value' as zone
  from sends s join journeys j on j.id = s.journey
  join customers c on c.shop = s.shop and c.customer_id = s.customer_id
 order by s.decided_at, s.journey, s.step, s.try
"""
_DEFERRALS = """
select split_part(why, ' until ', 1) as reason, count(distinct (journey, split_part(what, ': deferred', 1))) as number
  from journey_log where what like '%: deferred until %' group by 1
"""
_AT_A_TIME = 20


@dataclass(frozen=True)
class Summary:
    """A rehearsal in numbers. What was deferred counts once for each step, channel and reason."""

    journeys: int
    outcomes: Counter[str]
    reasons: Counter[str]
    sends: Counter[str]
    deferrals: Counter[str]
    refusals: Counter[str]


async def write(pool: Pool, client: Client, out: Path) -> Summary:
    """Write ``journeys.ndjson`` and ``sends.ndjson`` into a folder."""
    journeys = [dict(row) for row in await pool.fetch(_JOURNEYS)]
    await _count_events(client, journeys)
    sends = [_with_local_time(dict(row)) for row in await pool.fetch(_SENDS)]
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "journeys.ndjson", journeys)
    _write(out / "sends.ndjson", sends)
    return Summary(
        journeys=len(journeys),
        outcomes=Counter(j["outcome"] or "running" for j in journeys),
        reasons=Counter((j["reason"] or "").partition(":")[0] for j in journeys),
        sends=Counter(f"{s['step']} by {s['channel']}" for s in sends if s["state"] == "accepted"),
        deferrals=Counter({row["reason"]: row["number"] for row in await pool.fetch(_DEFERRALS)}),
        refusals=Counter(s["reason"] for s in sends if s["state"] == "refused"),
    )


async def _count_events(client: Client, journeys: list[dict[str, Any]]) -> None:
    """Ask Temporal for the length of each history, once its workflow has closed."""
    gate = asyncio.Semaphore(_AT_A_TIME)

    async def count(journey: dict[str, Any]) -> None:
        async with gate:
            journey["history_events"] = await _history_length(client, journey["id"])

    await asyncio.gather(*(count(journey) for journey in journeys))


async def _history_length(client: Client, journey: str) -> int | None:
    """Count a history's events; None where the journey ended before it needed a workflow."""
    handle = client.get_workflow_handle(journey)
    try:
        description = await handle.describe()
        while description.status is WorkflowExecutionStatus.RUNNING:
            await asyncio.sleep(0.05)
            description = await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return description.history_length


def _with_local_time(send: dict[str, Any]) -> dict[str, Any]:
    zone = send.pop("zone")
    try:
        local = send["decided_at"].astimezone(ZoneInfo(zone)) if zone else None
    except (ZoneInfoNotFoundError, ValueError):
        local = None
    return {**send, "local_time": local}


def _write(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    with file.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, default=_plain, ensure_ascii=False) + "\n")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
