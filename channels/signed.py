"""Calls to a shop's own address, signed by Standard Webhooks (standardwebhooks.com) with the shop's secret."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr
from standardwebhooks.webhooks import Webhook

from channels.settings import REVEAL, BaseUrl, Secret

CALL = timedelta(seconds=4)
"""For one call."""
MAX_ANSWER = 4096
"""Bytes of an answer that are read."""
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


class Endpoint(BaseModel):
    """Where a shop is called, and the secret that it knows as well."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: BaseUrl
    secret: Annotated[Secret, AfterValidator(_signing)]

    def write(self) -> bytes:
        """Write them as JSON. The secret is plain: encrypt it at once."""
        return self.model_dump_json(context=REVEAL).encode()


@dataclass(frozen=True)
class Failed:
    """The call came to nothing.

    Attributes:
        reason: names no person and quotes no answer.
        status: of HTTP; None where there was no answer.

    """

    reason: str
    status: int | None = None


class Caller:
    """Calls a shop.

    Args:
        http: the client whose connections are used.
        endpoint: the shop's.

    """

    def __init__(self, http: httpx.AsyncClient, endpoint: Endpoint) -> None:
        self._http = http
        self._url = str(endpoint.url)
        self._webhook = Webhook(endpoint.secret.get_secret_value())

    async def call(self, key: str, body: dict[str, Any]) -> bytes | Failed:
        """POST a body once; give the answer.

        Args:
            key: the same for every repetition of one call.
            body: what is said, as JSON.

        """
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


def moment(at: datetime) -> str:
    """Write a moment as it stands in a body, in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
