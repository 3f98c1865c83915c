"""How long after its 2xx an order stands in Temporal as a signal."""

from __future__ import annotations

import asyncio
import contextlib
import time

import httpx
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from benchmarks.side import Side
from relance.assembly import Parts, assemble
from relance.embedded import TemporalAddress
from relance.secret import Secret
from workers import temporal

PACE = 0.02
"""Seconds between two orders: a busy shop, and no queue."""


async def measure(side: Side, secret: Secret, address: TemporalAddress, orders: int) -> str:
    """Order carts one after the other, with a relay at work, and tell what it took."""
    client = await temporal.connect(address=address.grpc, namespace="default")
    await temporal.bootstrap(client)
    relaying = await temporal.connect(address=address.grpc, namespace="default", retry=temporal.ONCE)
    async with assemble(side.database, secret, "http://127.0.0.1") as parts:
        # What the rounds before left for Temporal is not what is timed.
        await parts.pool.execute("delete from outbox")
        stop = asyncio.Event()
        relay = asyncio.create_task(parts.relay(relaying).run(stop))
        try:
            acknowledged = await _order(side, parts, orders)
            waits = sorted([await _signalled(client, journey) - at for journey, at in acknowledged.items()])
        finally:
            stop.set()
            with contextlib.suppress(asyncio.CancelledError):
                await relay
    middle, late = waits[len(waits) // 2], waits[min(len(waits) - 1, int(len(waits) * 0.99))]
    times = f"median {middle * 1000:.0f} ms, p99 {late * 1000:.0f} ms"
    return f"From the 2xx of an order to its signal in Temporal: {times} ({orders} orders)."


async def _order(side: Side, parts: Parts, orders: int) -> dict[str, float]:
    acknowledged: dict[str, float] = {}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{side.port}", auth=(side.write_key, "")) as http:
        for number in range(orders):
            item = {"cart_id": f"d-{number}", "product_id": "p-1", "price": 10, "currency": "EUR"}
            await _track(http, number, "Product Added", item)
        await _delivered(parts)
        for number in range(orders):
            await _track(http, number, "Order Completed", {"cart_id": f"d-{number}", "order_id": f"d-{number}"})
            acknowledged[f"cart-recovery:bench:d-{number}:1"] = time.time()
            await asyncio.sleep(PACE)
        await _delivered(parts)
    return acknowledged


async def _delivered(parts: Parts) -> None:
    while await parts.pool.fetchval("select exists (select from outbox)"):  # noqa: ASYNC110 Postgres sets no events
        await asyncio.sleep(0.05)


async def _track(http: httpx.AsyncClient, person: int, event: str, properties: dict[str, object]) -> None:
    body = {"userId": f"d-{person}", "event": event, "properties": properties}
    (await http.post("/v1/track", json=body)).raise_for_status()


async def _signalled(client: Client, journey: str) -> float:
    async for event in client.get_workflow_handle(journey).fetch_history_events():
        if event.event_type is EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            return event.event_time.ToMicroseconds() / 1e6
    raise RuntimeError(f"{journey} was not signalled")
