"""Plans: see what one would do and how its schedule went, pause it, let it go on, archive it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.status import HTTP_404_NOT_FOUND, HTTP_422_UNPROCESSABLE_CONTENT

from activities import preview
from activities.preview import PreviewLine
from activities.trial import Trial, TrialRefusedError
from api import cursors
from api.auth import ApiShop, Parts
from api.plan_drafts import published
from api.problems import MAX_BODY, Problem, Text, answers
from api.state import Services
from journeys.plan import PlanName
from storage import archived_plans, entry_runs, paused_plans, plan_list, shops
from storage.plans import newest_numbers

router = APIRouter(prefix="/v1/plans", tags=["plans"], responses=answers(400, 404, 413), max_body_size=MAX_BODY)


class OfCart(BaseModel):
    """For which cart."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"cart_id": "c-1"}]})

    cart_id: Text


class OfKey(BaseModel):
    """For which cart, order or customer, as the plan's key says."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"key": "o-1"}]})

    key: Text


class To(BaseModel):
    """Where to, and which step's message; the plan's first one where none is named."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"to": "+33639980001", "step": "first"}]})

    to: Text
    step: Text | None = None


class Preview(BaseModel):
    """What a plan would do for a cart from now on, if nothing else happened. Nothing was sent."""

    plan: str
    version: int
    steps: list[PreviewLine]


class PlanState(BaseModel):
    """Whether a plan is paused, so that nothing of it goes out, or archived, so that nothing starts it."""

    plan: str
    version: int
    paused: bool
    archived: bool


class PlanStates(BaseModel):
    """How all plans stand that the shop has published, by name."""

    items: list[PlanState]


class RunOut(BaseModel):
    """One moment of the plan's schedule. ``passed_over`` were looked at and not let in.

    It is ``paused`` while the plan is, ``missed`` where nobody was let in, ``stopped`` before all had their turn, and
    ``reason`` says why.
    """

    model_config = ConfigDict(from_attributes=True)

    due_at: datetime
    version: int
    state: Literal["running", "paused", "done", "missed", "stopped"]
    reason: str | None
    entered: int
    passed_over: int
    ended_at: datetime | None


class RunPage(BaseModel):
    """A page of runs, newest first; ``next_cursor`` fetches the next one, null ends the list."""

    items: list[RunOut]
    next_cursor: str | None


@router.get("/{name}/runs")
async def runs(
    name: PlanName,
    shop: ApiShop,
    parts: Parts,
    cursor: Text | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RunPage:
    """List the moments of the plan's schedule that have come, newest first, and how many people have entered."""
    await published(parts, shop, name, None)
    before = cursors.read(cursor)[0] if cursor else None
    rows = await entry_runs.page(parts.pool, shop, name, before, limit + 1)
    items = [RunOut.model_validate(row) for row in rows[:limit]]
    return RunPage(items=items, next_cursor=cursors.write(items[-1].due_at, name) if len(rows) > limit else None)


@router.post("/{name}/preview")
async def show(name: PlanName, wanted: OfCart | OfKey, shop: ApiShop, parts: Parts) -> Preview:
    """Tell what the plan would do from now on: each step, its moment, and the answer of every rule.

    Nothing that it waits for comes, no question is answered, and what people are to do they do at once.
    """
    version = await published(parts, shop, name, None)
    about, key = version.plan.key, wanted.cart_id if isinstance(wanted, OfCart) else wanted.key
    lines = await preview.of_key(parts.pool, shop, version.plan, key, parts.clock.now())
    if lines is None:
        raise Problem(HTTP_404_NOT_FOUND, f"No such {about}", f"key: this shop has no {about} '{key}'")
    return Preview(plan=name, version=version.version, steps=lines)


@router.post("/{name}/test", responses=answers(422))
async def test(name: PlanName, wanted: To, shop: ApiShop, parts: Parts) -> Trial:
    """Send one message of the plan to an address on the shop's allowlist, with made-up words about a cart."""
    version = await published(parts, shop, name, None)
    try:
        return await parts.trials.send(await shops.get(parts.pool, shop), version, wanted.to, wanted.step)
    except TrialRefusedError as error:
        raise Problem(HTTP_422_UNPROCESSABLE_CONTENT, "The message is not sent", str(error)) from None


@router.post("/pause")
async def pause_all(shop: ApiShop, parts: Parts) -> PlanStates:
    """Hold back all that the shop's plans would send, until they go on. Their journeys keep waiting."""
    return await _each(parts, shop, lambda name: paused_plans.pause(parts.pool, shop, name, parts.clock.now()))


@router.post("/resume")
async def resume_all(shop: ApiShop, parts: Parts) -> PlanStates:
    """Let all paused plans go on. What was held back goes out where it is not too late for its step."""
    return await _each(parts, shop, lambda name: paused_plans.resume(parts.pool, shop, name))


@router.post("/archive")
async def archive_all(shop: ApiShop, parts: Parts) -> PlanStates:
    """Let no plan start journeys any more. Those that run go on."""
    return await _each(parts, shop, lambda name: archived_plans.archive(parts.pool, shop, name, parts.clock.now()))


@router.post("/unarchive")
async def unarchive_all(shop: ApiShop, parts: Parts) -> PlanStates:
    """Let all archived plans start journeys again."""
    return await _each(parts, shop, lambda name: archived_plans.unarchive(parts.pool, shop, name))


@router.post("/{name}/pause")
async def pause(name: PlanName, shop: ApiShop, parts: Parts) -> PlanState:
    """Hold back all that the plan would send, until it goes on. Its journeys keep waiting."""
    version = await _number(parts, shop, name)
    await paused_plans.pause(parts.pool, shop, name, parts.clock.now())
    return await _state(parts, shop, name, version)


@router.post("/{name}/resume")
async def resume(name: PlanName, shop: ApiShop, parts: Parts) -> PlanState:
    """Let a paused plan go on. What was held back goes out where it is not too late for its step."""
    version = await _number(parts, shop, name)
    await paused_plans.resume(parts.pool, shop, name)
    return await _state(parts, shop, name, version)


@router.post("/{name}/archive")
async def archive(name: PlanName, shop: ApiShop, parts: Parts) -> PlanState:
    """Let a plan start no journeys any more. Those that run go on."""
    version = await _number(parts, shop, name)
    await archived_plans.archive(parts.pool, shop, name, parts.clock.now())
    return await _state(parts, shop, name, version)


@router.post("/{name}/unarchive")
async def unarchive(name: PlanName, shop: ApiShop, parts: Parts) -> PlanState:
    """Let an archived plan start journeys again."""
    version = await _number(parts, shop, name)
    await archived_plans.unarchive(parts.pool, shop, name)
    return await _state(parts, shop, name, version)


async def _each(parts: Services, shop: str, act: Callable[[str], Awaitable[object]]) -> PlanStates:
    """Do the same with every plan, one by one: what is held back already stays so where a later one fails."""
    numbers = await newest_numbers(parts.pool, shop)
    for name in numbers:
        await act(name)
    return PlanStates(items=[await _state(parts, shop, name, version) for name, version in numbers.items()])


async def _state(parts: Services, shop: str, name: str, version: int) -> PlanState:
    stands = await plan_list.find(parts.pool, shop, name)
    return PlanState(
        plan=name,
        version=version,
        paused=stands is not None and stands.paused_at is not None,
        archived=stands is not None and stands.archived_at is not None,
    )


async def _number(parts: Services, shop: str, name: str) -> int:
    """Give the number of a plan's newest version. What stops a plan asks no more of it: it may be unreadable."""
    numbers = await newest_numbers(parts.pool, shop)
    if name not in numbers:
        raise Problem(HTTP_404_NOT_FOUND, "No such plan", f"This shop has published no plan '{name}'.")
    return numbers[name]
