"""``GET /metrics``: what this process counted, and how things stand in Postgres, in Prometheus' format."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

from api.auth import Parts
from api.problems import open_answers
from journeys.repairs import Repair
from storage import outbox, reconcile, repairs

router = APIRouter(tags=["health"])

REGISTRY = CollectorRegistry()

EVENTS = Counter("relance_events", "Events by what became of them.", ["became"], registry=REGISTRY)

_WAITING = Gauge("relance_outbox_waiting", "Rows that Temporal has not heard of yet.", registry=REGISTRY)
_OLDEST = Gauge("relance_outbox_oldest_seconds", "For how long the oldest of them waits.", registry=REGISTRY)
_PARKED = Gauge("relance_outbox_parked", "Rows that were set aside: they cannot be delivered.", registry=REGISTRY)
_OVERDUE = Gauge("relance_journeys_overdue", "Running journeys whose moment passed long ago.", registry=REGISTRY)


class _Repairs(Collector):
    """What the reconciliation repaired: counted in Postgres, by whichever process did it."""

    def __init__(self) -> None:
        self.by_kind: dict[Repair, int] = {}

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily("relance_repairs", "Repairs by what was wrong.", labels=["what"])
        for kind, count in self.by_kind.items():
            family.add_metric([kind], count)
        yield family


_REPAIRS = _Repairs()
REGISTRY.register(_REPAIRS)


@router.get("/metrics", response_class=PlainTextResponse, responses=open_answers(503))
async def metrics(parts: Parts) -> Response:
    """Give what Prometheus scrapes. What is asked of Postgres is the same in every process."""
    waiting = await outbox.waiting(parts.pool)
    _WAITING.set(waiting.rows)
    _OLDEST.set(waiting.oldest.total_seconds())
    _PARKED.set(waiting.parked)
    _OVERDUE.set(await reconcile.count_overdue(parts.pool))
    _REPAIRS.by_kind = await repairs.count(parts.pool)
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_PLAIN_0_0_4)
