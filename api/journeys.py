"""Journeys: start, list, tell the story of, cancel, pause, resume."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from starlette.status import (
    HTTP_201_CREATED,
    HTTP_404_NOT_FOUND,
    HTTP_409_CONFLICT,
)

from activities import preview
from activities.preview import ChannelAnswer
from api import cursors
from api.auth import ApiShop, Parts
from api.idempotency import once
from api.problems import MAX_BODY, Problem, Text, answers, sometimes_passing
from api.state import Services
from storage import commands, journeys, story
from storage.beginning import NotStarted
from storage.plans import UnknownPlanError
from storage.story import Story

if TYPE_CHECKING:
    from storage.database import Connection

router = APIRouter(
    prefix="/v1/journeys", tags=["journeys"], responses=answers(400, 404, 409, 413), max_body_size=MAX_BODY
)


class Start(BaseModel):
    """What to start: a plan, for a cart, an order or a customer that the shop has told of, as the plan's key says."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"plan": "cart-recovery", "key": "c-1"}]})

    plan: Text
    key: Text


class Reason(BaseModel):
    """Why somebody does it, in their own words. They are kept in Postgres only."""

    model_config = ConfigDict(extra="forbid")

    reason: Text = "cancelled by API"


class JourneyOut(BaseModel):
    """A journey. ``outcome`` is there once it has ended; ``next_at`` while it runs, for a paused one has no moment."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    plan: str
    plan_version: int
    shop: str
    customer: str = Field(validation_alias="customer_id")
    key: str
    status: Literal["running", "paused", "ended"]
    stage: str | None
    outcome: Literal["converted", "finished", "exited", "cancelled", "failed"] | None
    reason: str | None
    started_at: datetime
    ended_at: datetime | None
    next_at: datetime | None

    @field_validator("next_at")
    @classmethod
    def _only_while_it_runs(cls, next_at: datetime | None, info: ValidationInfo) -> datetime | None:
        return next_at if info.data.get("status") == "running" else None


class Page(BaseModel):
    """A page of journeys, newest first; ``next_cursor`` fetches the next one, null ends the list."""

    items: list[JourneyOut]
    next_cursor: str | None


class JourneyStory(JourneyOut):
    """A journey with all that happened in it, in order; while it runs, with what the sending rules say now."""

    story: list[Story]
    sending_rules: list[ChannelAnswer] = []


@router.post("", status_code=HTTP_201_CREATED, responses=sometimes_passing(409))
async def start(
    wanted: Start,
    shop: ApiShop,
    parts: Parts,
    response: Response,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> JourneyOut:
    """Start a journey. With an Idempotency-Key, a repeated call gets the first one's answer.

    While the first one still runs it gets a 409 with a Retry-After.
    """

    async def begin(db: Connection) -> JourneyOut:
        try:
            version = await parts.plans.newest_of(db, shop, wanted.plan)
        except UnknownPlanError:
            detail = f"plan: this shop has published no plan '{wanted.plan}'"
            raise Problem(HTTP_404_NOT_FOUND, "No such plan", detail) from None
        begun = await commands.start(db, parts.following, version, wanted.key, parts.clock.now())
        if isinstance(begun, NotStarted):
            raise Problem(HTTP_409_CONFLICT, "The journey may not start", f"key: {begun.reason}")
        return JourneyOut.model_validate(begun)

    if idempotency_key is None:
        async with parts.pool.acquire() as db, db.transaction():
            return await begin(db)
    answer = await once(parts.pool, shop, "POST /v1/journeys", idempotency_key, wanted, begin, JourneyOut)
    if answer.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return answer.body


@router.get("")
async def listing(
    shop: ApiShop,
    parts: Parts,
    plan: Text | None = None,
    customer: Text | None = None,
    key: Text | None = None,
    status: Literal["running", "paused", "ended"] | None = None,
    cursor: Text | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page:
    """List the shop's journeys, newest first."""
    rows = await journeys.page(
        parts.pool,
        shop,
        plan=plan,
        customer=customer,
        key=key,
        status=status,
        before=cursors.read(cursor) if cursor else None,
        limit=limit + 1,
    )
    more = len(rows) > limit
    rows = rows[:limit]
    next_cursor = cursors.write(rows[-1].started_at, rows[-1].id) if more else None
    return Page(items=[JourneyOut.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.get("/{journey}")
async def show(journey: Text, shop: ApiShop, parts: Parts) -> JourneyStory:
    """Tell the whole story: what came in, what was decided and why, what was sent, what comes next."""
    row = await _find(parts, shop, journey)
    told = {**JourneyOut.model_validate(row).model_dump(), "story": await story.tell(parts.pool, row)}
    if row.status != "ended":
        version = await parts.plans.version(parts.pool, shop, row.plan, row.plan_version)
        told["sending_rules"] = await preview.of_journey(parts.pool, row.id, version.plan, parts.clock.now())
    return JourneyStory.model_validate(told, by_name=True)


@router.post("/{journey}/cancel")
async def cancel(journey: Text, shop: ApiShop, parts: Parts, why: Reason | None = None) -> JourneyOut:
    """Cancel a journey: nothing goes out any more."""
    await _find(parts, shop, journey)
    if not await commands.cancel(parts.pool, journey, (why or Reason()).reason, parts.clock.now()):
        raise Problem(HTTP_409_CONFLICT, "The journey has ended", "Only a running or paused journey can be cancelled.")
    return JourneyOut.model_validate(await _find(parts, shop, journey))


@router.post("/{journey}/pause")
async def pause(journey: Text, shop: ApiShop, parts: Parts) -> JourneyOut:
    """Pause a journey: nothing happens until it is resumed. Pausing a paused one changes nothing."""
    found = await _find(parts, shop, journey)
    if not await commands.pause(parts.pool, journey, parts.clock.now()) and found.status == "ended":
        raise Problem(HTTP_409_CONFLICT, "The journey has ended", "Only a running journey can be paused.")
    return JourneyOut.model_validate(await _find(parts, shop, journey))


@router.post("/{journey}/resume")
async def resume(journey: Text, shop: ApiShop, parts: Parts) -> JourneyOut:
    """Resume a paused journey with the time that was left. Resuming a running one changes nothing."""
    found = await _find(parts, shop, journey)
    if not await commands.resume(parts.pool, journey, parts.clock.now()) and found.status == "ended":
        raise Problem(HTTP_409_CONFLICT, "The journey has ended", "Only a paused journey can be resumed.")
    return JourneyOut.model_validate(await _find(parts, shop, journey))


async def _find(parts: Services, shop: str, journey: str) -> journeys.Journey:
    row = await journeys.find(parts.pool, journey)
    if row is None or row.shop != shop:
        raise Problem(HTTP_404_NOT_FOUND, "No such journey", f"This shop has no journey '{journey}'.")
    return row
