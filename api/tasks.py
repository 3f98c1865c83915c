"""Tasks: what people are to do for journeys. List them, say who does one, say that it is done."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.status import HTTP_404_NOT_FOUND, HTTP_409_CONFLICT

from api import cursors
from api.auth import ApiShop, Parts
from api.problems import MAX_BODY, Problem, Text, answers
from api.state import Services
from storage import tasks
from storage.task_story import Story
from storage.tasks import MOST_TEXT, Task, TaskStateError

router = APIRouter(
    prefix="/v1/tasks",
    tags=["tasks"],
    responses=answers(400, 404, 409, 413),
    # The longest text, each of its characters escaped.
    max_body_size=2 * MAX_BODY,
)

State = Literal["open", "claimed", "done", "expired", "withdrawn"]
_STRIPPED = StringConstraints(strip_whitespace=True)
Who = Annotated[Text, _STRIPPED]
"""The name of a person."""
Words = Annotated[str, Field(min_length=1, max_length=MOST_TEXT, pattern=r"^[^\x00]*$"), _STRIPPED]
"""What a person wrote, without what is blank around it."""


class Claim(BaseModel):
    """Who does it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"by": "Zoé"}]})

    by: Who


class Completion(BaseModel):
    """Who did it, and what they wrote: a message of the plan may carry it to the customer (``task.text``)."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"by": "Zoé", "text": "We keep it for you until Friday."}]}
    )

    by: Who
    text: Words


class TaskOut(BaseModel):
    """A task. It is ``withdrawn`` where its journey ended before anybody did it."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(validation_alias="task_id")
    title: str
    plan: str
    journey: str
    step: str
    customer: str = Field(validation_alias="customer_id")
    state: State
    opened_at: datetime
    due_at: datetime
    claimed_by: str | None
    done_by: str | None
    done_at: datetime | None
    text: str | None


class TaskStory(TaskOut):
    """A task with what there is to know for it, as things stand now.

    ``draft`` are words to begin with, where the plan has some and the task can still be done. ``fits`` says how many
    plain characters (of GSM-7) one SMS carries of what is written, how many two and three; it is empty where none does.
    ``story`` is null where nothing is known of the customer any more.
    """

    story: Story | None
    draft: str | None
    fits: list[int]


class TaskPage(BaseModel):
    """A page of tasks, those first that are due first; ``next_cursor`` fetches the next one, null ends the list."""

    items: list[TaskOut]
    next_cursor: str | None


@router.get("")
async def listing(
    shop: ApiShop,
    parts: Parts,
    state: State | None = None,
    plan: Text | None = None,
    customer: Text | None = None,
    cursor: Text | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> TaskPage:
    """List the shop's tasks, or those of a state, a plan or a customer; those first that are due first."""
    after = cursors.read(cursor) if cursor else None
    rows = await tasks.page(parts.pool, shop, state, after, limit + 1, plan=plan, customer=customer)
    more = len(rows) > limit
    rows = rows[:limit]
    next_cursor = cursors.write(rows[-1].due_at, rows[-1].task_id) if more else None
    return TaskPage(items=[TaskOut.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.get("/{task}")
async def show(task: Text, shop: ApiShop, parts: Parts) -> TaskStory:
    """Show one task, with the customer's story and words to begin with."""
    found = await _find(parts, shop, task)
    briefing = await parts.briefings.read(found)
    return TaskStory.model_validate({**vars(found), **dict(briefing)})


@router.post("/{task}/claim")
async def claim(task: Text, said: Claim, shop: ApiShop, parts: Parts) -> TaskOut:
    """Say who does a task. Whoever claims it last does it."""
    found = await _find(parts, shop, task)
    try:
        await tasks.claim(parts.pool, found, said.by, parts.clock.now())
    except TaskStateError as error:
        raise _over(error) from None
    return TaskOut.model_validate(await _find(parts, shop, task))


@router.post("/{task}/complete")
async def complete(task: Text, said: Completion, shop: ApiShop, parts: Parts) -> TaskOut:
    """Say that a task is done; its journey goes on. The same said twice is said once."""
    found = await _find(parts, shop, task)
    try:
        await tasks.complete(parts.pool, found, said.by, said.text, parts.clock.now())
    except TaskStateError as error:
        raise _over(error) from None
    return TaskOut.model_validate(await _find(parts, shop, task))


async def _find(parts: Services, shop: str, task: str) -> Task:
    found = await tasks.get(parts.pool, shop, task)
    if found is None:
        raise Problem(HTTP_404_NOT_FOUND, "No such task", f"This shop has no task '{task}'.")
    return found


def _over(error: TaskStateError) -> Problem:
    detail = f"{str(error).capitalize()}: only one that is open or claimed can be claimed or completed."
    return Problem(HTTP_409_CONFLICT, "The task is over", detail)
