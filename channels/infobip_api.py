"""What all of Infobip's APIs have in common: how they are called, and what their statuses mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import httpx
from pydantic import BaseModel, Field, HttpUrl, SecretStr, ValidationError

from channels.base import HTTP_TIMEOUT, Accepted, Outcome, Rejected, Unknown
from channels.http import get, outcome_of_status, post
from channels.settings import AccountSettings, BaseUrl, Secret

_DUPLICATE = 23
"""``REJECTED_DUPLICATE_MESSAGE_ID``: this very message was accepted before."""
_TAKEN = frozenset({"ACCEPTED", "PENDING", "DELIVERED"})
_REFUSED = frozenset({"REJECTED", "UNDELIVERABLE", "EXPIRED"})
_FINAL = {
    10: "the address is on a do-not-disturb list",
    11: "the sender is not registered at Infobip",
    12: "the Infobip account has no credit",
    13: "the sender is blocklisted",
    14: "the address is blocklisted",
    52: "the address is not valid",
    83: "machine detection is not enabled for the Infobip account",
}
"""Statuses that never change, by https://www.infobip.com/docs/essentials/response-status-and-error-codes."""
_NEVER = frozenset({10, 14, 52})
"""Those of the address itself: nothing will ever reach it."""
OF_THE_ACCOUNT = frozenset(_FINAL) - _NEVER
"""Those that say nothing of the address."""
_SHORTEST, _LONGEST = 10, 48 * 3600


class _Status(BaseModel):
    id: int
    group: str = Field(alias="groupName")


class _Message(BaseModel):
    status: _Status


class _Answer(BaseModel):
    messages: list[_Message] = Field(min_length=1)


class _Logged(_Message):
    id: str = Field(alias="messageId")


class _Log(BaseModel):
    results: list[_Logged]


class InfobipApi:
    """Calls one of Infobip's APIs.

    Args:
        http: the client whose connections are used; whoever made it closes it.
        base_url: the account's own address, such as ``https://abc123.api.infobip.com``.
        api_key: with the scope of the API.
        timeout: for the whole call.

    """

    def __init__(
        self, http: httpx.AsyncClient, *, base_url: str, api_key: SecretStr, timeout: timedelta = HTTP_TIMEOUT
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._timeout = timeout

    async def send(self, path: str, body: dict[str, Any], send_id: str) -> Outcome:
        """Hand a body with one message over; its ``messageId`` is our id of the send."""
        response = await post(
            self._http,
            self._base_url + path,
            timeout=self._timeout,
            headers={"Authorization": f"App {self._api_key.get_secret_value()}", "Accept": "application/json"},
            json=body,
        )
        if not isinstance(response, httpx.Response):
            return response
        return _read(response, send_id)

    async def look_up(self, path: str, send_id: str) -> Accepted | Rejected | None:
        """Read what Infobip's logs or reports say of one message; None where they do not know it, or cannot be read.

        Logs go back 48 hours (https://www.infobip.com/docs/api/channels/sms/logs-and-status-reports).
        """
        response = await get(
            self._http,
            self._base_url + path,
            timeout=self._timeout,
            params={"messageId": send_id},
            headers={"Authorization": f"App {self._api_key.get_secret_value()}", "Accept": "application/json"},
        )
        if response is None:
            return None
        try:
            logged = _Log.model_validate_json(response.content).results
        except ValidationError:
            return None
        outcomes = [_outcome(entry.status, send_id) for entry in logged if entry.id == send_id]
        return next((outcome for outcome in outcomes if isinstance(outcome, Accepted | Rejected)), None)


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
        return Rejected(f"{_FINAL[status.id]} (Infobip status {status.id})", suppress=status.id in _NEVER)
    if status.group in _REFUSED:
        return Rejected(f"Infobip refused the message (status {status.id})")
    if status.group in _TAKEN:
        return Accepted(send_id)
    return Unknown(f"Infobip answered with a status that is not known here ({status.id})")


def number(address: str) -> str:
    """Write a number as Infobip does: E.164 without the plus sign."""
    return address.removeprefix("+")


def validity(expires_in: timedelta) -> dict[str, Any]:
    """Say how long a message is worth delivering: from ten seconds to 48 hours."""
    seconds = min(max(int(expires_in.total_seconds()), _SHORTEST), _LONGEST)
    return {"amount": seconds, "timeUnit": "SECONDS"}


class InfobipLogin(AccountSettings):
    """What every account at Infobip has.

    Attributes:
        report_url: where Infobip reports what became of a message; its path may hold a token, so it is not shown.
            Without one, reports go where the account at Infobip says.

    """

    provider: Literal["infobip"] = "infobip"
    base_url: BaseUrl
    api_key: Secret
    report_url: Annotated[HttpUrl | None, Field(repr=False)] = None

    @property
    def reports(self) -> str | None:
        """Where reports go, as Infobip is told."""
        return str(self.report_url) if self.report_url else None

    def api(self, http: httpx.AsyncClient) -> InfobipApi:
        """Build what calls Infobip for the account."""
        return InfobipApi(http, base_url=str(self.base_url), api_key=self.api_key)
