"""Plans as worksheets: import one into drafts, export a plan as one, and get one to fill in."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.status import (
    HTTP_409_CONFLICT,
    HTTP_415_UNSUPPORTED_MEDIA_TYPE,
    HTTP_422_UNPROCESSABLE_CONTENT,
)

from api import plan_drafts as editing
from api.auth import ApiShop, Parts
from api.plan_bodies import FindingOut
from api.problems import Problem, answers
from api.taking import read_body
from journeys import plan_show
from journeys.plan import PlanName
from messages import sheet_plans, sheet_template, sheets
from messages.catalog import Catalog, PlanFile
from messages.sheets import SheetError
from storage import plan_drafts, plans
from storage.plan_drafts import Draft

router = APIRouter(tags=["plans"], responses=answers())

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILE = {"schema": {"type": "string", "format": "binary"}}
_SHEET: dict[str, Any] = {"requestBody": {"required": True, "content": {CSV: _FILE, XLSX: _FILE}}}
_EXPORTED: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: _FILE, XLSX: _FILE}}}
_TEMPLATE: dict[int | str, dict[str, Any]] = {200: {"content": {XLSX: _FILE}}}

Language = Literal["fr", "it", "pt", "en"]


class ImportedPlan(BaseModel):
    """A plan that a sheet says, in words, and what is said of it before it is published.

    ``saved_at`` is when its draft was saved; it is null of a dry run.
    """

    plan: str
    saved_at: datetime | None
    content_hash: str
    text: list[str]
    findings: list[FindingOut]


class Imported(BaseModel):
    """The plans of a sheet; all of them are drafts now, or none is, of a dry run."""

    dry_run: bool
    plans: list[ImportedPlan]


class SheetOut(BaseModel):
    """A plan as a sheet: its rows, the names of the columns first, and what the plan says and no sheet can.

    ``only`` is the one language that everybody is written to in, or that was asked for where the texts do not tell; it
    is null where there is a row for each.
    """

    model_config = ConfigDict(from_attributes=True)

    rows: list[list[str]]
    only: str | None
    notes: list[str]


@router.post("/v1/plans/import", responses=answers(400, 408, 409, 413, 415), openapi_extra=_SHEET)
async def import_sheet(
    request: Request,
    shop: ApiShop,
    parts: Parts,
    only: Language | None = None,
    *,
    dry_run: bool = False,
    replace: bool = False,
) -> Imported:
    """Make drafts of a worksheet, CSV or XLSX. Nothing follows them until they are published.

    ``only`` is its one language, where it has no column of languages. Every mistake is told with its cell, and nothing
    is saved while there is one. A draft that is there already and says otherwise is kept, unless ``replace`` is true.
    """
    _check_media_type(request)
    content = await read_body(request, sheets.LARGEST)
    made = await asyncio.to_thread(_made_of, content, only)
    now = parts.clock.now()
    async with parts.pool.acquire() as db, db.transaction():
        await plans.hold(db, shop)
        drafts = [_draft(each, now) for each in made]
        there = {draft.plan.name: await plan_drafts.find(db, shop, draft.plan.name) for draft in drafts}
        others = [
            draft.plan.name
            for draft in drafts
            if (old := there[draft.plan.name]) and old.content_hash != draft.content_hash
        ]
        if others and not replace:
            raise _in_the_way(others)
        if not dry_run:
            for draft in drafts:
                await plan_drafts.save(db, shop, draft.plan, draft.messages, now)
    told = [
        ImportedPlan(
            plan=draft.plan.name,
            saved_at=None if dry_run else now,
            content_hash=draft.content_hash,
            text=plan_show.text(draft.plan),
            findings=[FindingOut.model_validate(found) for found in await editing.judge(parts, shop, draft)],
        )
        for draft in drafts
    ]
    return Imported(dry_run=dry_run, plans=told)


@router.get("/v1/plans/{name}/export", response_model=SheetOut, responses=_EXPORTED | answers(400, 404))
async def export(
    name: PlanName,
    shop: ApiShop,
    parts: Parts,
    kind: Annotated[Literal["csv", "xlsx", "json"], Query(alias="format")] = "csv",
    language: Language = "en",
    version: editing.Version | None = None,
) -> Response | SheetOut:
    """Write a version of a plan as a worksheet, the newest where none is named; ``language`` is that of its columns.

    As JSON it tells what the plan says and no sheet can, too: that is lost where the sheet is imported in its place.
    """
    found = await editing.published(parts, shop, name, version)
    file = PlanFile(found.plan, Catalog.model_validate_json(found.messages))
    written = await asyncio.to_thread(sheet_plans.to_sheet, file, language)
    if len(written.rows) == 1:
        detail = f"The plan '{name}' has no message that a sheet could say."
        raise Problem(HTTP_422_UNPROCESSABLE_CONTENT, "There is nothing to export", detail)
    if kind == "json":
        return SheetOut.model_validate(written)
    if kind == "csv":
        return _file(sheets.as_csv(written.rows, language), CSV, f"{name}.csv")
    return _file(await asyncio.to_thread(sheets.as_xlsx, written.rows), XLSX, f"{name}.xlsx")


@router.get("/v1/worksheet", response_class=Response, responses=_TEMPLATE)
async def worksheet(_: ApiShop, language: Language = "en") -> Response:
    """Give a worksheet to fill in, as XLSX, with choices, and examples on a second sheet."""
    content = await asyncio.to_thread(sheet_template.workbook, language, empty=True)
    return _file(content, XLSX, "worksheet.xlsx")


def _check_media_type(request: Request) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in (CSV, XLSX):
        detail = f"Content-Type: send the sheet itself, as {CSV} or {XLSX}."
        raise Problem(HTTP_415_UNSUPPORTED_MEDIA_TYPE, "The body is not a sheet", detail)


def _made_of(content: bytes, only: str | None) -> list[PlanFile]:
    """Make plans of a sheet.

    Raises:
        Problem: 422; every mistake has its cell, row and column.

    """
    try:
        made = sheet_plans.of_sheet(sheets.read(content), only)
    except SheetError as error:
        raise _no_worksheet(f"The sheet {error}.", []) from None
    if made.problems:
        errors = [
            {"field": each.cell, "row": str(each.row), "column": each.name or None, "problem": each.sentence}
            for each in made.problems
        ]
        raise _no_worksheet("; ".join(str(each) for each in made.problems), errors)
    return made.plans


def _no_worksheet(detail: str, errors: list[dict[str, str | None]]) -> Problem:
    return Problem(HTTP_422_UNPROCESSABLE_CONTENT, "This is not a worksheet", detail, errors=errors)


def _draft(file: PlanFile, now: datetime) -> Draft:
    messages = file.messages.model_dump_json()
    return Draft(file.plan, messages, plans.content_of(file.plan, messages)[1], now)


def _in_the_way(names: list[str]) -> Problem:
    detail = f"Drafts that say otherwise are there already: {', '.join(names)}. Send ?replace=true to save over them."
    return Problem(HTTP_409_CONFLICT, "Drafts are in the way", detail)


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
