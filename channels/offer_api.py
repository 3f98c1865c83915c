"""A shop's own API that gives codes for offers. docs/offer-codes.md is its contract.

A send makes two calls at most, beside two of providers of 10 s each, within its own 30 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from channels.signed import Caller, Endpoint, Failed, moment
from journeys.offers import Code

_NO_SUCH_CODE = {httpx.codes.NOT_FOUND, httpx.codes.GONE}


@dataclass(frozen=True)
class Wanted:
    """What a code is asked for.

    Attributes:
        code_id: our id of the code, in every call about it.
        amount: in the currency's main unit; None where the kind has none.
        product_id: the item that the amount is off.
        deadline: until when the code is to be good.

    """

    code_id: str
    journey: str
    step: str
    customer: str
    cart: str | None
    kind: str
    amount: Decimal | None
    currency: str | None
    product_id: str | None
    deadline: datetime


@dataclass(frozen=True)
class Given:
    """The code."""

    code: str


@dataclass(frozen=True)
class Withheld:
    """The shop gives no code for this one."""


class _Answer(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    code: Code | None


class OfferApi:
    """Calls a shop's API.

    Args:
        http: the client whose connections are used.
        endpoint: the shop's.

    """

    def __init__(self, http: httpx.AsyncClient, endpoint: Endpoint) -> None:
        self._caller = Caller(http, endpoint)

    async def give(self, wanted: Wanted) -> Given | Withheld | Failed:
        """Ask for a code. The same may be asked again, and is the same call to the last byte."""
        answer = await self._caller.call(wanted.code_id, {"type": "offer.wanted", **_fields(wanted)})
        if isinstance(answer, Failed):
            return answer
        try:
            code = _Answer.model_validate_json(answer).code
        except ValidationError:
            return Failed("its answer holds no code of 1 to 64 letters, digits, - and _")
        return Withheld() if code is None else Given(code)

    async def move(self, code_id: str, code: str, deadline: datetime) -> Failed | None:
        """Have a code live longer; None where the API agreed."""
        body = {"type": "offer.moved", "id": code_id, "code": code, "deadline": moment(deadline)}
        answer = await self._caller.call(f"{code_id}-{int(deadline.timestamp())}", body)
        return answer if isinstance(answer, Failed) else None

    async def revoke(self, code_id: str, code: str | None) -> Failed | None:
        """Have a code taken back; None where the API has done so, or knows of none."""
        answer = await self._caller.call(f"{code_id}-revoked", {"type": "offer.revoked", "id": code_id, "code": code})
        return answer if isinstance(answer, Failed) and answer.status not in _NO_SUCH_CODE else None


def _fields(wanted: Wanted) -> dict[str, Any]:
    return {
        "id": wanted.code_id,
        "journey": wanted.journey,
        "step": wanted.step,
        "customer": wanted.customer,
        "cart": wanted.cart,
        "kind": wanted.kind,
        "amount": None if wanted.amount is None else f"{wanted.amount:f}",
        "currency": wanted.currency,
        "product_id": wanted.product_id,
        "deadline": moment(wanted.deadline),
    }
