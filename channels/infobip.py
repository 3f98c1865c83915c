"""SMS by Infobip: ``POST /sms/3/messages`` of its SMS API v3."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import BaseModel, Field, SecretStr, ValidationError

from channels.base import HTTP_TIMEOUT, Accepted, Outcome, Outgoing, Rejected, Unknown
from channels.http import outcome_of_status, post
from journeys.facts import Channel

_DUPLICATE = 23
"""``REJECTED_DUPLICATE_MESSAGE_ID``: this very message was accepted before."""
_TAKEN = frozenset({"ACCEPTED", "PENDING", "DELIVERED"})
_REFUSED = frozenset({"REJECTED", "UNDELIVERABLE", "EXPIRED"})
_FINAL = {
    10: "the number is on a do-not-disturb list",
    12: "the Infobip account has no credit",
    13: "the sender is blocklisted",
    14: "the number is blocklisted",
    52: "the number is not valid",
}
"""Statuses that never change, by https://www.infobip.com/docs/essentials/response-status-and-error-codes."""


class _Status(BaseModel):
    id: int
    group: str = Field(alias="groupName")


class _Message(BaseModel):
    status: _Status


class _Answer(BaseModel):
    messages: list[_Message] = Field(min_length=1)


class InfobipSms:
    """Infobip's client. ``messageId`` is our id of the send, by which Infobip recognises a repetition.

    Args:
        http: the client whose connections are used; whoever made it closes it.
        base_url: the account's own address, such as ``https://abc123.api.infobip.com``.
        api_key: with the scope ``sms:message:send``.
        sender: the sender id: a name of at most 11 characters, or a number.
        timeout: for the whole call.

    """

    name = "infobip"
    channel = Channel.SMS
    idempotent = True

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        api_key: SecretStr,
        sender: str,
        timeout: timedelta = HTTP_TIMEOUT,
    ) -> None:
        self._http = http
        self._url = base_url.rstrip("/") + "/sms/3/messages"
        self._api_key = api_key
        self._sender = sender
        self._timeout = timeout

    async def send(self, message: Outgoing) -> Outcome:
        """Hand one message over."""
        response = await post(
            self._http,
            self._url,
            timeout=self._timeout,
            headers={"Authorization": f"App {self._api_key.get_secret_value()}", "Accept": "application/json"},
            json=self._body(message),
        )
        if not isinstance(response, httpx.Response):
            return response
        return _read(response, message.send_id)

    def _body(self, message: Outgoing) -> dict[str, Any]:
        # Infobip writes E.164 without the plus sign.
        destination = {"to": message.to.removeprefix("+"), "messageId": message.send_id}
        return {
            "messages": [
                {"sender": self._sender, "destinations": [destination], "content": {"text": message.text}},
            ],
            # Infobip shortens links unless it is told not to; ours are short and tracked already.
            "options": {"tracking": {"shortenUrl": False}},
        }


def _read(response: httpx.Response, send_id: str) -> Outcome:
    if outcome := outcome_of_status(response, datetime.now(UTC)):
        return outcome
    if not response.is_success:
        return Rejected(f"Infobip refused the request (HTTP {response.status_code})")
    try:
        status = _Answer.model_validate_json(response.content).messages[0].status
    except ValidationError:
        return Unknown("Infobip's answer cannot be read")
    return _outcome(status, send_id)


def _outcome(status: _Status, send_id: str) -> Outcome:
    if status.id == _DUPLICATE:
        return Accepted(send_id)
    if status.id in _FINAL:
        return Rejected(f"{_FINAL[status.id]} (Infobip status {status.id})")
    if status.group in _REFUSED:
        return Rejected(f"Infobip refused the message (status {status.id})")
    if status.group in _TAKEN:
        return Accepted(send_id)
    return Unknown(f"Infobip answered with a status that is not known here ({status.id})")
