"""Whether the process lives, and whether events can be taken."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.status import HTTP_503_SERVICE_UNAVAILABLE

from api.auth import Parts
from storage import outbox, provider_health, repairs, unknowns

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Tell that the process lives."""
    return {"status": "ok"}


class Outbox(BaseModel):
    """What Temporal has not heard of yet, for how long the oldest of it waits, and what was set aside."""

    waiting: int
    oldest_seconds: float
    parked: int


class Repaired(BaseModel):
    """How much the reconciliation repaired in the last 24 hours."""

    last_day: int


class Ready(BaseModel):
    """Events can be taken. Temporal may be down: journeys go on when it is back.

    Attributes:
        unknown_sends: of the last day: nobody can say yet whether they went out, and they are not sent again.
        providers_down: the providers, with their channel, that fail for everybody; what they would send waits.

    """

    status: Literal["ready"]
    database: Literal["up"]
    temporal: Literal["up", "down"]
    outbox: Outbox
    repaired: Repaired
    providers_down: list[str]
    unknown_sends: int


class NotReady(BaseModel):
    """No event can be taken; ``database`` names the error."""

    status: Literal["not ready"]
    database: str


@router.get("/readyz", response_model=Ready, responses={503: {"model": NotReady}})
async def readyz(parts: Parts) -> Ready | Response:
    """Tell whether events can be taken, and how things stand behind that.

    Temporal may be down: events are taken all the same, and journeys go on when it is back.
    """
    try:
        waiting = await outbox.waiting(parts.pool)
        repaired = await repairs.of_the_last_day(parts.pool)
        unknown = await unknowns.of_the_last_day(parts.pool)
        resting = await provider_health.all_down(parts.pool, parts.clock.now())
    except Exception as error:  # noqa: BLE001 whatever it is, events cannot be taken
        down = NotReady(status="not ready", database=type(error).__name__)
        return JSONResponse(down.model_dump(), HTTP_503_SERVICE_UNAVAILABLE)
    return Ready(
        status="ready",
        database="up",
        temporal="up" if await parts.temporal_is_up() else "down",
        outbox=Outbox(
            waiting=waiting.rows,
            oldest_seconds=waiting.oldest.total_seconds(),
            parked=waiting.parked,
        ),
        repaired=Repaired(last_day=repaired),
        providers_down=resting,
        unknown_sends=unknown,
    )
