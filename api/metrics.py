"""``GET /metrics``: what this process counted, and how things stand in Postgres, in Prometheus' format."""

from __future__ import annotations

from fastapi import Response
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from api.auth import Parts
from storage import outbox

REGISTRY = CollectorRegistry()

EVENTS = Counter("relance_events", "Events by what became of them.", ["became"], registry=REGISTRY)

_WAITING = Gauge("relance_outbox_waiting", "Rows that Temporal has not heard of yet.", registry=REGISTRY)
_OLDEST = Gauge("relance_outbox_oldest_seconds", "For how long the oldest of them waits.", registry=REGISTRY)
_PARKED = Gauge("relance_outbox_parked", "Rows that were set aside: they cannot be delivered.", registry=REGISTRY)


async def metrics(parts: Parts) -> Response:
    """Give what Prometheus scrapes. What is asked of Postgres is the same in every process."""
    waiting = await outbox.waiting(parts.pool)
    _WAITING.set(waiting.rows)
    _OLDEST.set(waiting.oldest.total_seconds())
    _PARKED.set(waiting.parked)
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_PLAIN_0_0_4)
