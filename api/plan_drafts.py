"""Plans: list and show them, edit a draft, publish it, compare versions, archive."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.status import (
    HTTP_404_NOT_FOUND,
    HTTP_409_CONFLICT,
    HTTP_412_PRECONDITION_FAILED,
    HTTP_422_UNPROCESSABLE_CONTENT,
    HTTP_428_PRECONDITION_REQUIRED,
)

from api import plan_bodies
from api.auth import ApiShop, Parts
from api.plan_bodies import DRAFT_BODY, MAX_PLAN_BODY, DraftOut, PlanOut, PlanPage, PublishedOut, WholePlan
from api.problems import MAX_BODY, Problem, Text, answers
from api.state import Services
from api.taking import decoded, read_body
from journeys import named_plans, plan_check, plan_diff
from journeys.plan import Plan, PlanName
from journeys.plan_check import Finding
from messages import judging
from messages.catalog import Catalog
from storage import moving, plan_drafts, plan_list, plans
from storage.moving import Moving
from storage.plan_drafts import Draft
from storage.plan_list import PlanStands
from storage.plans import CircularStartError, PlanVersion, UnknownPlanError

if TYPE_CHECKING:
    from storage.database import Connection, Pool

router = APIRouter(prefix="/v1/plans", tags=["plans"], responses=answers(400, 404, 413))

Version = Annotated[int, Query(ge=1, le=2**31 - 1)]
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
Seen = Annotated[str | None, Header(max_length=200, pattern=r"^[\x20-\x7e]*$")]


class BackTo(BaseModel):
    """To which version."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"to": 1}]})

    to: Number


class Move(BaseModel):
    """Which journeys go on in which version: about ``keys``, or all of other versions where none are named.

    ``at`` is the step at which all of them go on; else each goes on at its own, or the next that is still there.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"to": 2, "keys": ["c-1"]}]})

    to: Number
    keys: Annotated[list[Text], Field(min_length=1, max_length=100)] | None = None
    at: Text | None = None
    dry_run: bool = False


class LandingOut(BaseModel):
    """Where a journey goes on; ``step`` is null where it stays, and ``problem`` says why."""

    model_config = ConfigDict(from_attributes=True)

    journey: str
    key: str
    version: int
    left: str | None
    step: str | None
    problem: str | None


class Moved(BaseModel):
    """What became of each journey that was chosen; of a dry run, what would. ``missing``: keys that none runs about."""

    plan: str
    to: int
    dry_run: bool
    journeys: list[LandingOut]
    missing: list[str]


class ChangeOut(BaseModel):
    """One thing that is not as it was; ``sentence`` says it in words."""

    part: Literal["header", "step", "message"]
    name: str
    what: Literal["added", "removed", "moved", "changed"]
    field: str | None
    before: Any
    after: Any
    sentence: str


class Diff(BaseModel):
    """What changed from one version to another."""

    model_config = ConfigDict(populate_by_name=True)

    plan: str
    older: int = Field(alias="from")
    newer: int = Field(alias="to")
    changes: list[ChangeOut]


@router.get("")
async def listing(
    shop: ApiShop,
    parts: Parts,
    cursor: Text | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> PlanPage:
    """List the shop's plans by name, those that are archived and those with a draft only included."""
    found = await plan_list.page(parts.pool, shop, after=cursor, limit=limit + 1)
    items = [PlanOut.model_validate(one) for one in found[:limit]]
    return PlanPage(items=items, next_cursor=items[-1].name if len(found) > limit else None)


@router.get("/{name}")
async def show(
    name: PlanName, shop: ApiShop, parts: Parts, response: Response, version: Version | None = None
) -> WholePlan:
    """Show a plan: its newest version or the one that is asked for, its draft, its state, all its versions.

    The ETag stands for what an editor works on, the draft or else the newest version: send it with PUT as If-Match.
    """
    stands = await _stands(parts.pool, shop, name)
    shown = await published(parts, shop, name, version or stands.version) if version or stands.version else None
    async with parts.pool.acquire() as db:
        draft = await plan_drafts.find(db, shop, name)
        response.headers["ETag"] = f'"{await plan_drafts.current(db, shop, name)}"'
    judged = plan_bodies.draft_out(draft, await judge(parts, shop, draft)) if draft else None
    return plan_bodies.whole(stands, shown, judged, await plan_list.versions(parts.pool, shop, name))


@router.put("/{name}", responses=answers(408, 412, 415, 428), openapi_extra=DRAFT_BODY)
async def save(
    name: PlanName, request: Request, shop: ApiShop, parts: Parts, response: Response, if_match: Seen = None
) -> DraftOut:
    """Save a draft of a plan. Nothing follows it until it is published.

    Where there is a draft or a version already, If-Match must be the ETag of what was edited: two editors then do not
    overwrite each other. What would keep it from being published is told, and saved.
    """
    given = decoded(await read_body(request, MAX_PLAN_BODY))
    plan, messages = await asyncio.to_thread(plan_bodies.read, name, given)
    async with parts.pool.acquire() as db, db.transaction():
        await _expect(db, shop, name, if_match)
        draft = await plan_drafts.save(db, shop, plan, messages.model_dump_json(), parts.clock.now())
    response.headers["ETag"] = f'"{draft.content_hash}"'
    return plan_bodies.draft_out(draft, await judge(parts, shop, draft))


@router.post("/{name}/publish", responses=answers(409, 412))
async def publish(name: PlanName, shop: ApiShop, parts: Parts, if_match: Seen = None) -> PublishedOut:
    """Publish a plan's draft as its next version, which never changes. Running journeys keep theirs.

    With If-Match, only if the draft is still the one with this ETag.
    """
    draft = await _draft(parts.pool, shop, name)
    # Judging takes a while, and connections of its own: nothing is held meanwhile, and what was judged is published.
    found = await judge(parts, shop, draft)
    async with parts.pool.acquire() as db, db.transaction():
        await plans.hold(db, shop)
        stands = await _draft(db, shop, name)
        if stands.content_hash != draft.content_hash or if_match not in {None, f'"{draft.content_hash}"'}:
            raise _edited_meanwhile()
        plan_bodies.allow("The draft cannot be published", found)
        try:
            version = await plans.publish_in(db, shop, draft.plan, draft.messages)
        except CircularStartError as error:
            raise plan_bodies.refused("The draft cannot be published", [("plan", str(error))]) from None
        await plan_drafts.discard(db, shop, name)
    findings = [plan_bodies.FindingOut.model_validate(finding) for finding in found]
    return PublishedOut(plan=name, version=version, content_hash=draft.content_hash, findings=findings)


@router.get("/{name}/diff")
async def diff(
    name: PlanName,
    shop: ApiShop,
    parts: Parts,
    older: Annotated[int | None, Query(alias="from", ge=1, le=2**31 - 1)] = None,
    newer: Annotated[int | None, Query(alias="to", ge=1, le=2**31 - 1)] = None,
) -> Diff:
    """Tell what changed between two versions: the newest and the one before it, where none are named."""
    after = await published(parts, shop, name, newer)
    before = await published(parts, shop, name, older or max(after.version - 1, 1))
    words = [json.loads(version.messages)["languages"] for version in (before, after)]
    changes = [
        ChangeOut(**vars(change), sentence=plan_diff.sentence(change))
        for change in plan_diff.changes(before.plan, after.plan, *words)
    ]
    return Diff(plan=name, older=before.version, newer=after.version, changes=changes)


@router.post("/{name}/rollback", responses=answers(422), max_body_size=MAX_BODY)
async def rollback(name: PlanName, back: BackTo, shop: ApiShop, parts: Parts) -> PublishedOut:
    """Publish an older version's content again, as a new version; the newest one's content gets none."""
    old, title = await published(parts, shop, name, back.to), f"Version {back.to} cannot be published again"
    # Its moment may have passed while people still enter by it: they go on.
    found = await _judge(parts, shop, old.plan, old.messages)
    plan_bodies.allow(title, found)
    try:
        version = await plans.publish(parts.pool, shop, old.plan, old.messages)
    except CircularStartError as error:
        raise plan_bodies.refused(title, [("plan", str(error))]) from None
    return PublishedOut(plan=name, version=version, content_hash=old.content_hash)


@router.post("/{name}/migrate", responses=answers(422), max_body_size=MAX_PLAN_BODY)
async def migrate(name: PlanName, wanted: Move, shop: ApiShop, parts: Parts) -> Moved:
    """Move running journeys to another version of their plan, and tell for each where it goes on."""
    version = await published(parts, shop, name, wanted.to)
    try:
        mover = Moving(parts.plans, version, wanted.at)
    except ValueError as error:
        raise Problem(HTTP_422_UNPROCESSABLE_CONTENT, "There is no such step", f"at: {error}") from None
    found = await moving.chosen(parts.pool, shop, name, wanted.to, wanted.keys)
    now = parts.clock.now()
    landings = [
        await mover.try_out(parts.pool, one) if wanted.dry_run else await mover.move(parts.pool, one, now)
        for one in found
    ]
    journeys = [LandingOut.model_validate(landing) for landing in landings]
    missing = sorted({*(wanted.keys or ())} - {one.key for one in landings})
    return Moved(plan=name, to=wanted.to, dry_run=wanted.dry_run, journeys=journeys, missing=missing)


async def judge(parts: Services, shop: str, draft: Draft) -> list[Finding]:
    """Look at a draft as it stands now."""
    found = await _judge(parts, shop, draft.plan, draft.messages)
    return [*plan_check.passed(draft.plan, parts.clock.now()), *found]


async def _judge(parts: Services, shop: str, plan: Plan, messages: str) -> list[Finding]:
    """Look at a plan, in a thread: rendering many messages takes a while."""
    others = [version.plan for version in await parts.plans.newest(parts.pool, shop)]
    found = await asyncio.to_thread(judging.judge, Catalog.model_validate_json(messages), plan, others)
    return [*found, *named_plans.missing(plan, [other.name for other in others])]


async def _draft(db: Pool | Connection, shop: str, name: str) -> Draft:
    draft = await plan_drafts.find(db, shop, name)
    if draft is None:
        await _stands(db, shop, name)
        detail = f"Save a draft first, with PUT /v1/plans/{name}."
        raise Problem(HTTP_409_CONFLICT, "There is no draft to publish", detail)
    return draft


async def _stands(db: Pool | Connection, shop: str, name: str) -> PlanStands:
    stands = await plan_list.find(db, shop, name)
    if stands is None:
        raise Problem(HTTP_404_NOT_FOUND, "No such plan", f"This shop has no plan '{name}'.")
    return stands


async def published(parts: Services, shop: str, name: str, version: int | None) -> PlanVersion:
    """Read a version of a plan, the newest where none is named.

    Raises:
        Problem: 404 where the shop has published no such version.

    """
    try:
        if version is None:
            return await parts.plans.newest_of(parts.pool, shop, name)
        return await parts.plans.version(parts.pool, shop, name, version)
    except UnknownPlanError:
        which = f"'{name}'" if version is None else f"'{name}' version {version}"
        detail = f"This shop has published no plan {which}; GET /v1/plans/{name} lists the versions."
        raise Problem(HTTP_404_NOT_FOUND, "No such plan", detail) from None


async def _expect(db: Connection, shop: str, name: str, if_match: str | None) -> None:
    """See to it that the caller has seen what is there.

    Raises:
        Problem: 428 where they do not say what they saw, 412 where it is not what is there.

    """
    await plans.hold(db, shop)
    there = await plan_drafts.current(db, shop, name)
    if there is not None and if_match is None:
        detail = f"If-Match: this plan is there already; send the ETag that GET /v1/plans/{name} gave you."
        raise Problem(HTTP_428_PRECONDITION_REQUIRED, "Say what you have edited", detail)
    if if_match is not None and (there is None or if_match.removeprefix("W/") != f'"{there}"'):
        raise _edited_meanwhile()


def _edited_meanwhile() -> Problem:
    detail = "If-Match: what is there is not what you have edited; get it again, and edit that."
    return Problem(HTTP_412_PRECONDITION_FAILED, "The plan was edited meanwhile", detail)
