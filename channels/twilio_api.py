"""What Twilio's messages and calls have in common: how they are made, and what its errors mean.

Twilio does not recognise a repeated call, so a call without an answer stays unknown until its status callback comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Literal

import httpx
from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, HttpUrl, SecretStr, ValidationError
from pydantic_core import PydanticCustomError

from channels.base import HTTP_TIMEOUT, Accepted, Asked, Outcome, Rejected, Released, Unknown
from channels.http import get, outcome_of_status, post
from channels.settings import AccountSettings, BaseUrl, Secret

BASE_URL = "https://api.twilio.com"
_QUEUE_FULL = 21611
_FINAL = {
    21211: "the number is not valid",
    21214: "the number cannot be called",
    21215: "the Twilio account may not call this country",
    21216: "the Twilio account may not call this number",
    21217: "the number is not valid",
    21219: "a trial account calls verified numbers only",
    21608: "a trial account sends to verified numbers only",
    21610: "the person has opted out at Twilio",
    21612: "the number cannot be reached from this sender",
    21614: "the number cannot take an SMS",
}
"""Errors of one recipient, by https://www.twilio.com/docs/api/errors."""
_NEVER = frozenset({21211, 21217, 21610, 21614})
"""Those that will never change: the number is no number, has no SMS, or belongs to somebody who wants none."""

_NEWEST = 100
"""How many of a number's newest messages or calls are listed; the newest come first."""


class _Created(BaseModel):
    sid: str


class _Error(BaseModel):
    code: int


def _moment(value: object) -> datetime:
    try:
        return parsedate_to_datetime(str(value))
    except ValueError as error:
        raise PydanticCustomError("date", "no RFC 2822 date") from error


class _Listed(BaseModel):
    sid: str
    direction: str
    created: Annotated[datetime, BeforeValidator(_moment)] = Field(alias="date_created")
    error: int | None = Field(None, alias="error_code")


class _List(BaseModel):
    entries: list[_Listed] = Field(validation_alias=AliasChoices("messages", "calls"))


class TwilioApi:
    """Calls Twilio's API of 2010-04-01.

    Args:
        http: the client whose connections are used; whoever made it closes it.
        account_sid: ``AC…``.
        auth_token: the account's token.
        base_url: Twilio's address.
        timeout: for the whole call.

    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        account_sid: str,
        auth_token: SecretStr,
        base_url: str = BASE_URL,
        timeout: timedelta = HTTP_TIMEOUT,
    ) -> None:
        self._http = http
        self._url = f"{base_url.rstrip('/')}/2010-04-01/Accounts/{account_sid}"
        self._account_sid = account_sid
        self._auth_token = auth_token
        self._timeout = timeout

    async def create(self, what: Literal["Messages", "Calls"], form: Mapping[str, str | list[str]]) -> Outcome:
        """Make a message or a call."""
        response = await post(
            self._http,
            f"{self._url}/{what}.json",
            timeout=self._timeout,
            auth=httpx.BasicAuth(self._account_sid, self._auth_token.get_secret_value()),
            data=form,
        )
        if not isinstance(response, httpx.Response):
            return response
        return _read(response)

    async def look_up(self, what: Literal["Messages", "Calls"], asked: Asked) -> Accepted | Rejected | None:
        """Find a message or a call that was made for a number in a span of time, as its id was never heard.

        Only one that no other send of ours is known by can be it; where there are several, nobody can tell.
        """
        response = await get(
            self._http,
            f"{self._url}/{what}.json",
            timeout=self._timeout,
            auth=httpx.BasicAuth(self._account_sid, self._auth_token.get_secret_value()),
            params={"To": asked.to, "PageSize": str(_NEWEST)},
        )
        if response is None:
            return None
        try:
            entries = _List.model_validate_json(response.content).entries
        except ValidationError:
            return None
        found = [entry for entry in entries if _may_be(entry, asked)]
        if len(found) != 1:
            return None
        code = found[0].error or 0
        if code in _FINAL:
            return Rejected(f"{_FINAL[code]} (Twilio error {code})", suppress=code in _NEVER)
        return Accepted(found[0].sid)


def _may_be(entry: _Listed, asked: Asked) -> bool:
    is_ours = entry.direction == "outbound-api" and entry.sid not in asked.others
    return is_ours and asked.since <= entry.created <= asked.until


def _read(response: httpx.Response) -> Outcome:
    if response.status_code == httpx.codes.CREATED:
        return Accepted(_sid(response))
    code = _code(response)
    if code in _FINAL:
        return Rejected(f"{_FINAL[code]} (Twilio error {code})", suppress=code in _NEVER)
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


def with_send_id(url: str, send_id: str) -> str:
    """Add our id of the send to an address that Twilio will call."""
    return str(httpx.URL(url).copy_merge_params({"send_id": send_id}))


class TwilioLogin(AccountSettings):
    """What every account at Twilio has.

    Attributes:
        status_callback: where Twilio reports what became of a message; its path may hold a token, so it is not shown.

    """

    provider: Literal["twilio"] = "twilio"
    base_url: BaseUrl = HttpUrl(BASE_URL)
    account_sid: Annotated[str, Field(pattern="^AC[0-9a-fA-F]{32}$")]
    auth_token: Secret
    status_callback: Annotated[HttpUrl | None, Field(repr=False)] = None

    @property
    def reports(self) -> str | None:
        """Where reports go, as Twilio is told."""
        return str(self.status_callback) if self.status_callback else None

    def api(self, http: httpx.AsyncClient) -> TwilioApi:
        """Build what calls Twilio for the account."""
        return TwilioApi(http, base_url=str(self.base_url), account_sid=self.account_sid, auth_token=self.auth_token)
