"""The answers that wait for a person: read them, and note that they are taken care of."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict
from starlette.status import HTTP_404_NOT_FOUND

from api.auth import ApiShop, Parts
from api.problems import MAX_BODY, Problem, answers
from journeys.facts import Medium
from storage import replies

MOST = 200
_LARGEST_ID = 2**63 - 1

router = APIRouter(prefix="/v1/replies", tags=["replies"], responses=answers(400, 404, 413), max_body_size=MAX_BODY)


class ReplyOut(BaseModel):
    """What somebody answered; ``journey`` wrote to the address last, in the 30 days before."""

    model_config = ConfigDict(from_attributes=True)

    reply_id: int
    medium: Medium
    address: str
    customer_id: str | None
    journey: str | None
    text: str
    at: datetime


class Replies(BaseModel):
    """The oldest answers that wait. There are no further pages: what is done makes room for what comes after."""

    items: list[ReplyOut]
    next_cursor: None = None


class Done(BaseModel):
    """The answer that is taken care of."""

    reply_id: int


@router.get("")
async def listing(shop: ApiShop, parts: Parts) -> Replies:
    """List the answers that nobody has taken care of, oldest first, at most 200.

    STOP, START and HELP are not among them: they were understood.
    """
    found = await replies.to_read(parts.pool, shop, MOST)
    return Replies(items=[ReplyOut.model_validate(reply) for reply in found])


@router.post("/{reply_id}/done")
async def done(reply_id: Annotated[int, Path(ge=1, le=_LARGEST_ID)], shop: ApiShop, parts: Parts) -> Done:
    """Note that an answer is taken care of. Saying it twice changes nothing."""
    if not await replies.done(parts.pool, shop, reply_id, parts.clock.now()):
        raise Problem(HTTP_404_NOT_FOUND, "No such answer", "This shop was given no answer with this id.")
    return Done(reply_id=reply_id)
