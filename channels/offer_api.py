"""A shop's own API that gives codes for offers. docs/offer-codes.md is its contract.

Every call is a POST to one address, signed by Standard Webhooks (standardwebhooks.com) with the shop's secret.
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, ValidationError
from standardwebhooks.webhooks import Webhook

from channels.settings import REVEAL, BaseUrl, Secret
from journeys.offers import Code

CALL = timedelta(seconds=4)
"""For one call. A send makes two at most, beside two of providers of 10 s each, within its own 30 s."""
MAX_ANSWER = 4096
"""Bytes; a code has 64 characters at most."""
_NO_SUCH_CODE = {httpx.codes.NOT_FOUND, httpx.codes.GONE}
_SHORTEST_KEY = 24
"""Bytes, as Standard Webhooks has it."""


def _signing(secret: SecretStr) -> SecretStr:
    prefix, _, key = secret.get_secret_value().partition("_")
    try:
        is_one = prefix == "whsec" and len(base64.b64decode(key, validate=True)) >= _SHORTEST_KEY
    except ValueError:
        is_one = False
    if not is_one:
        raise ValueError("must be 'whsec_' and base64 of 24 bytes or more")
    return secret


class OfferApiSettings(BaseModel):
    """Where a shop's API is, and the secret that it knows as well."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: BaseUrl
    secret: Annotated[Secret, AfterValidator(_signing)]

    def write(self) -> bytes:
        """Write them as JSON. The secret is plain: encrypt it at once."""
        return self.model_dump_json(context=REVEAL).encode()


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


@dataclass(frozen=True)
class Failed:
    """The call came to nothing.

    Attributes:
        reason: names no person and quotes no answer.
        status: of HTTP; None where there was no answer.

    """

    reason: str
    status: int | None = None


class _Answer(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    code: Code | None


class OfferApi:
    """Calls a shop's API.

    Args:
        http: the client whose connections are used.
        settings: the shop's.

    """

    def __init__(self, http: httpx.AsyncClient, settings: OfferApiSettings) -> None:
        self._http = http
        self._url = str(settings.url)
        self._webhook = Webhook(settings.secret.get_secret_value())

    async def give(self, wanted: Wanted) -> Given | Withheld | Failed:
        """Ask for a code. The same may be asked again, and is the same call to the last byte."""
        answer = await self._call(wanted.code_id, {"type": "offer.wanted", **_fields(wanted)})
        if isinstance(answer, Failed):
            return answer
        try:
            code = _Answer.model_validate_json(answer).code
        except ValidationError:
            return Failed("its answer holds no code of 1 to 64 letters, digits, - and _")
        return Withheld() if code is None else Given(code)

    async def move(self, code_id: str, code: str, deadline: datetime) -> Failed | None:
        """Have a code live longer; None where the API agreed."""
        body = {"type": "offer.moved", "id": code_id, "code": code, "deadline": _moment(deadline)}
        answer = await self._call(f"{code_id}-{int(deadline.timestamp())}", body)
        return answer if isinstance(answer, Failed) else None

    async def revoke(self, code_id: str, code: str | None) -> Failed | None:
        """Have a code taken back; None where the API has done so, or knows of none."""
        answer = await self._call(f"{code_id}-revoked", {"type": "offer.revoked", "id": code_id, "code": code})
        return answer if isinstance(answer, Failed) and answer.status not in _NO_SUCH_CODE else None

    async def _call(self, key: str, body: dict[str, Any]) -> bytes | Failed:
        now, text = datetime.now(UTC), json.dumps(body)
        headers = {
            "Content-Type": "application/json",
            # What is packed would be read at its unpacked length.
            "Accept-Encoding": "identity",
            "Idempotency-Key": key,
            "webhook-id": key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(key, now, text),
        }
        seconds = CALL.total_seconds()
        request = self._http.build_request("POST", self._url, content=text, headers=headers, timeout=seconds)
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(request)
        except (TimeoutError, httpx.TimeoutException):
            return Failed("it did not answer in time")
        except httpx.HTTPError:
            return Failed("it could not be reached, or broke off")

    async def _exchange(self, request: httpx.Request) -> bytes | Failed:
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            if not response.is_success:
                return Failed(f"it answered HTTP {response.status_code}", response.status_code)
            return await _read(response)
        finally:
            await response.aclose()


async def _read(response: httpx.Response) -> bytes | Failed:
    body = b""
    async for part in response.aiter_raw():
        body += part
        if len(body) > MAX_ANSWER:
            return Failed(f"its answer is longer than {MAX_ANSWER} bytes")
    return body


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
        "deadline": _moment(wanted.deadline),
    }


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
