"""Plans as JSON: what an editor sends and is shown."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.status import HTTP_422_UNPROCESSABLE_CONTENT

from api.problems import Problem
from journeys import plan_show, problems
from journeys.out_of_bounds import too_deep
from journeys.plan import Plan
from journeys.plan_check import Finding
from messages.catalog import Catalog
from storage.plan_drafts import Draft
from storage.plan_list import PlanStands, VersionStands
from storage.plans import PlanVersion

MAX_PLAN_BODY = 2 * 1024 * 1024
"""In bytes, of a plan with its messages."""
NO_PLAN = "This is not a plan"
_EXAMPLE = {
    "plan": {
        "name": "forgotten-tents",
        "sticking_point": "A tent lies in the cart, and the order does not come",
        "entry": {"events": ["Product Added"], "within": "12h"},
        "key": "cart",
        "goal": "Order Completed",
        "purpose": "marketing",
        "attribution": "5d",
        "longest_life": "3d",
        "steps": [
            {"id": "leaves", "wait_until_idle": "2h"},
            {"id": "first", "send": {"message": "first", "channels": {"first": ["sms"]}}},
        ],
    },
    "messages": {"en": {"first": {"sms": {"text": "Your tent is waiting: {{ cart.link }} Answer STOP to end"}}}},
}
DRAFT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "description": "A plan and its messages by language, with the fields of their files.",
                    "required": ["plan", "messages"],
                    "properties": {"plan": {"type": "object"}, "messages": {"type": "object"}},
                    "additionalProperties": False,
                },
                "example": _EXAMPLE,
            }
        },
    }
}


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")

    plan: Plan
    messages: dict[str, Any]


def read(name: str, body: dict[str, Any]) -> tuple[Plan, Catalog]:
    """Read a plan and its messages.

    Raises:
        Problem: 422 that names every field that is wrong.

    """
    errors: list[tuple[str, str]] = []
    plan = catalog = None
    try:
        plan = _Given.model_validate({"messages": {}, **body}).plan
    except ValidationError as error:
        errors += _named(problems.of_value(_Given, error, body))
    try:
        catalog = Catalog.model_validate({"languages": body.get("messages")})
    except ValidationError as error:
        value = {"languages": body.get("messages")}
        errors += [
            (field.replace("languages", "messages", 1), problem)
            for field, problem in _named(problems.of_value(Catalog, error, value))
        ]
    if plan is not None and plan.name != name:
        errors.append(("plan.name", f"must be '{name}', as in the address"))
    # What is kept must be read again, and JSON is not read at any depth.
    errors += [("plan", sentence) for sentence in (too_deep(plan) if plan else ())]
    if plan is None or catalog is None or errors:
        raise refused(NO_PLAN, errors)
    return plan, catalog


def _named(found: list[problems.Problem]) -> list[tuple[str, str]]:
    return [(one.field or "body", one.sentence) for one in found]


def refused(title: str, errors: list[tuple[str, str]]) -> Problem:
    """Refuse a plan; every error names its field."""
    named = list(dict.fromkeys(errors))
    detail = f"{title}: " + "; ".join(f"{field}: {problem}" for field, problem in named)
    listed = [{"field": field, "problem": problem} for field, problem in named]
    return Problem(HTTP_422_UNPROCESSABLE_CONTENT, title, detail, errors=listed)


def allow(title: str, found: list[Finding]) -> None:
    """See to it that nothing that was found forbids to publish a plan.

    Raises:
        Problem: 422 that names all that does.

    """
    if errors := [("plan", finding.sentence) for finding in found if finding.level == "error"]:
        raise refused(title, errors)


class VersionOut(BaseModel):
    """One version of a plan; ``running`` counts its journeys that have not ended."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    published_at: datetime
    content_hash: str
    running: int


class PlanOut(BaseModel):
    """How a plan stands. ``version`` is the newest; it is null while there is a draft only."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    version: int | None
    published_at: datetime | None
    content_hash: str | None
    paused_at: datetime | None
    archived_at: datetime | None
    running: int
    draft_saved_at: datetime | None


class PlanPage(BaseModel):
    """A page of plans by name; ``next_cursor`` fetches the next one, null ends the list."""

    items: list[PlanOut]
    next_cursor: str | None


class FindingOut(BaseModel):
    """An error, which keeps a plan from being published, or an advice."""

    model_config = ConfigDict(from_attributes=True)

    level: Literal["error", "advice"]
    sentence: str


class ContentOut(BaseModel):
    """A plan and its messages, with the plan in words and as a Mermaid flowchart."""

    plan: dict[str, Any]
    messages: dict[str, Any]
    text: list[str]
    mermaid: str


class DraftOut(ContentOut):
    """A draft, and what is said of it before it is published."""

    saved_at: datetime
    content_hash: str
    findings: list[FindingOut]


class WholePlan(PlanOut):
    """A plan with its content: the version that was asked for, the draft, and all versions, newest first."""

    shown_version: int | None
    content: ContentOut | None
    draft: DraftOut | None
    versions: list[VersionOut]


class PublishedOut(BaseModel):
    """What was published; ``findings`` are the advice on it."""

    plan: str
    version: int
    content_hash: str
    findings: list[FindingOut] = []


def content(plan: Plan, messages: str) -> dict[str, Any]:
    """Show a plan and its messages."""
    return {
        "plan": plan.model_dump(mode="json", by_alias=True),
        "messages": json.loads(messages)["languages"],
        "text": plan_show.text(plan),
        "mermaid": plan_show.mermaid(plan),
    }


def draft_out(draft: Draft, findings: list[Finding]) -> DraftOut:
    """Show a draft."""
    shown = [FindingOut.model_validate(finding) for finding in findings]
    return DraftOut(
        **content(draft.plan, draft.messages),
        saved_at=draft.saved_at,
        content_hash=draft.content_hash,
        findings=shown,
    )


def whole(
    stands: PlanStands, shown: PlanVersion | None, draft: DraftOut | None, versions: list[VersionStands]
) -> WholePlan:
    """Show all of a plan."""
    return WholePlan(
        **vars(stands),
        shown_version=shown.version if shown else None,
        content=ContentOut(**content(shown.plan, shown.messages)) if shown else None,
        draft=draft,
        versions=[VersionOut.model_validate(version) for version in versions],
    )
