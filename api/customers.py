"""Customers: what is known of a person, and what they agreed to."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.status import HTTP_404_NOT_FOUND, HTTP_422_UNPROCESSABLE_CONTENT

from api.auth import ApiShop, Parts
from api.journeys import JourneyOut
from api.problems import MAX_BODY, Problem, answers
from api.schemas import ref
from api.taking import decoded, read_body, take_messages
from journeys.events import MAX_ID
from journeys.facts import Medium, Purpose, Segment
from journeys.rfm import Rfm
from storage import people_story
from storage.people_story import PersonStory


class _IdConvertor(StringConvertor):
    """An id at the end of a path, also one with slashes, as some platforms make them."""

    regex = "(?!.+/consent$).+"


register_url_convertor("customer", _IdConvertor())
router = APIRouter(prefix="/v1/customers", tags=["customers"], responses=answers())

Id = Annotated[str, Path(min_length=1, max_length=MAX_ID, pattern=r"^[^\x00]*[^\s\x00-\x1f][^\x00]*$")]


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class OtherIdOut(_Out):
    """An id that turned out to be the same person's."""

    id: str
    why: str
    at: datetime


class ConsentOut(_Out):
    """What counts on a channel and a purpose; ``wording`` is its proof, the text and the page that the person saw."""

    channel: Medium
    purpose: Purpose
    granted: bool
    wording: str | None
    at: datetime


class SuppressedOut(_Out):
    """One of the person's addresses to which nothing is sent, or no marketing."""

    channel: Medium
    address: str
    reason: str
    at: datetime
    marketing_only: bool


class SentOut(_Out):
    """A row of the ledger; ``reason`` says why where nothing was sent."""

    journey: str
    step: str
    plan: str | None
    channel: str
    purpose: str
    state: str
    reason: str | None
    decided_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    failed_at: datetime | None


class CustomerOut(_Out):
    """All that is known of a person.

    ``traits`` have what their device says of its language and zone, where the shop says nothing. ``journeys`` are those
    that have not ended, ``sends`` the newest 20 rows of the ledger, whatever became of them.
    """

    id: str = Field(validation_alias="customer_id")
    shop: str
    known: bool
    ids: list[OtherIdOut]
    traits: dict[str, Any]
    last_activity: datetime | None
    segments: list[Segment]
    rfm: Rfm | None
    consents: list[ConsentOut]
    suppressed: list[SuppressedOut]
    journeys: list[JourneyOut]
    sends: list[SentOut]


_CONSENT = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": ref("ConsentByChannel"),
                "example": {
                    "sms": False,
                    "email": [
                        {"granted": True, "purpose": "marketing", "text": "Yes, write me about offers"},
                        {"granted": True, "purpose": "service", "at": "2026-03-01T10:15:00Z"},
                    ],
                },
            }
        },
    }
}


@router.put("/{customer:path}/consent", responses=answers(400, 408, 413, 415), openapi_extra=_CONSENT)
async def set_consent(customer: Id, request: Request, shop: ApiShop, parts: Parts) -> CustomerOut:
    """Take what a person agreed to or refused, per channel as in ``traits.consent`` of an identify.

    When this answers it counts: nothing goes out that was refused. What is not named stays as it was. A person whom
    nothing was told of yet is known by it from then on.
    """
    given = decoded(await read_body(request, MAX_BODY))
    if unknown := sorted(given.keys() - set(Medium)):
        raise _refused(unknown[0], f"is none of the channels {', '.join(Medium)}")
    if not given:
        raise _refused("body", f"name at least one of the channels {', '.join(Medium)}")
    person = await people_story.read(parts.pool, shop, customer)
    message = {**(person.told_as if person else {"userId": customer}), "traits": {"consent": given}}
    [result] = await take_messages(parts, shop, [message], kind="identify", from_backend=True)
    if result.status == "rejected":
        raise _refused((result.field or "").removeprefix("traits.consent."), result.problem or "")
    return await show(customer, shop, parts)


@router.get("/{customer:customer}", responses=answers(404))
async def show(customer: Id, shop: ApiShop, parts: Parts) -> CustomerOut:
    """Tell all that is known of a person, by any of their ids: also one that they were known by before."""
    told = await people_story.tell(parts.pool, shop, customer)
    if told is None:
        raise Problem(HTTP_404_NOT_FOUND, "No such customer", f"This shop knows nobody by the id '{customer}'.")
    return _out(told)


def _out(told: PersonStory) -> CustomerOut:
    parts = {"ids": told.ids, "journeys": told.journeys, "sends": told.sends}
    kept = {"segments": told.kept.segments, "rfm": told.kept.rfm}
    return CustomerOut.model_validate({**vars(told.person), **parts, **kept})


def _refused(field: str, problem: str) -> Problem:
    errors = [{"field": field, "problem": problem}]
    return Problem(HTTP_422_UNPROCESSABLE_CONTENT, "The consent cannot be taken", f"{field}: {problem}", errors=errors)
