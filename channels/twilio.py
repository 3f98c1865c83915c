"""SMS by Twilio: ``POST /2010-04-01/Accounts/{Sid}/Messages.json``.

Twilio does not recognise a repeated call, so a call without an answer stays unknown until its status callback comes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from channels.base import HTTP_TIMEOUT, Accepted, Outcome, Outgoing, Rejected, Released, Unknown
from channels.http import outcome_of_status, post
from journeys.facts import Channel

BASE_URL = "https://api.twilio.com"
_MESSAGING_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_QUEUE_FULL = 21611
_FINAL = {
    21211: "the number is not valid",
    21608: "a trial account sends to verified numbers only",
    21610: "the person has opted out at Twilio",
    21612: "the number cannot be reached from this sender",
    21614: "the number cannot take an SMS",
}
"""Errors of one recipient, by https://www.twilio.com/docs/api/errors."""


class _Created(BaseModel):
    sid: str


class _Error(BaseModel):
    code: int


class TwilioSms:
    """Twilio's client.

    Args:
        http: the client whose connections are used; whoever made it closes it.
        account_sid: ``AC…``.
        auth_token: the account's token.
        sender: a number, a sender id, or a messaging service (``MG…``).
        status_callback: where Twilio reports what became of a message; the parameter ``send_id`` is added.
        base_url: Twilio's address.
        timeout: for the whole call.

    """

    name = "twilio"
    channel = Channel.SMS
    idempotent = False

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        account_sid: str,
        auth_token: SecretStr,
        sender: str,
        status_callback: str | None = None,
        base_url: str = BASE_URL,
        timeout: timedelta = HTTP_TIMEOUT,
    ) -> None:
        self._http = http
        self._url = f"{base_url.rstrip('/')}/2010-04-01/Accounts/{account_sid}/Messages.json"
        self._account_sid = account_sid
        self._auth_token = auth_token
        self._sender = sender
        self._status_callback = httpx.URL(status_callback) if status_callback else None
        self._timeout = timeout

    async def send(self, message: Outgoing) -> Outcome:
        """Hand one message over."""
        response = await post(
            self._http,
            self._url,
            timeout=self._timeout,
            auth=httpx.BasicAuth(self._account_sid, self._auth_token.get_secret_value()),
            data=self._form(message),
        )
        if not isinstance(response, httpx.Response):
            return response
        return _read(response)

    def _form(self, message: Outgoing) -> dict[str, str]:
        origin = "MessagingServiceSid" if _MESSAGING_SERVICE.fullmatch(self._sender) else "From"
        form = {"To": message.to, origin: self._sender, "Body": message.text}
        if self._status_callback:
            form["StatusCallback"] = str(self._status_callback.copy_merge_params({"send_id": message.send_id}))
        return form


def _read(response: httpx.Response) -> Outcome:
    if response.status_code == httpx.codes.CREATED:
        return Accepted(_sid(response))
    code = _code(response)
    if code in _FINAL:
        return Rejected(f"{_FINAL[code]} (Twilio error {code})")
    if code == _QUEUE_FULL:
        return Released(f"the sender's queue at Twilio is full (Twilio error {code})")
    if outcome := outcome_of_status(response, datetime.now(UTC)):
        return outcome
    if response.is_client_error:
        return Rejected(f"Twilio refused the message (HTTP {response.status_code}, error {code})")
    return Unknown(f"Twilio answered with a status that is not known here (HTTP {response.status_code})")


def _sid(response: httpx.Response) -> str | None:
    """Read the message's id; the status alone says that it was taken."""
    try:
        return _Created.model_validate_json(response.content).sid
    except ValidationError:
        return None


def _code(response: httpx.Response) -> int:
    """Read Twilio's own error code; 0 where there is none."""
    if not response.is_client_error:
        return 0
    try:
        return _Error.model_validate_json(response.content).code
    except ValidationError:
        return 0
