"""App push by Firebase Cloud Messaging: ``POST /v1/projects/{id}/messages:send`` of its HTTP v1 API."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError

from channels.base import HTTP_TIMEOUT, Accepted, Outcome, Outgoing, Provider, Rejected, Released, Unknown
from channels.http import outcome_of_status, post
from channels.settings import AccountSettings, AsciiAddress, Secret
from journeys.facts import Channel

API = "https://fcm.googleapis.com"
TOKEN_ADDRESS = "https://oauth2.googleapis.com/token"  # noqa: S105 an address
_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_EARLY = timedelta(minutes=5)
_LONGEST_TTL = timedelta(weeks=4)
_GONE = "UNREGISTERED"
_WRONG = frozenset({"INVALID_ARGUMENT", "SENDER_ID_MISMATCH"})


class _Token(BaseModel):
    access_token: str = Field(min_length=1, repr=False)
    expires_in: int = Field(gt=0, le=86_400)


class _Detail(BaseModel):
    error_code: str | None = Field(default=None, alias="errorCode")


class _Error(BaseModel):
    details: list[_Detail] = Field(default_factory=list)


class _Refusal(BaseModel):
    error: _Error


class _Sent(BaseModel):
    name: str = Field(min_length=1)


class Tokens:
    """Access tokens of a service account: one is kept until shortly before its end, and one is asked for at a time."""

    def __init__(self, http: httpx.AsyncClient, *, email: str, private_key: RSAPrivateKey, address: str) -> None:
        self._http = http
        self._email = email
        self._key = private_key
        self._address = address
        self._kept: tuple[str, datetime] | None = None
        self._asking = asyncio.Lock()

    async def get(self, *, instead_of: str | None = None) -> str | Released:
        """Give a token, another one than that which was refused. ``Released`` where there is none."""
        async with self._asking:
            now = datetime.now(UTC)
            if self._kept and self._kept[0] != instead_of and now < self._kept[1]:
                return self._kept[0]
            said = {
                "iss": self._email,
                "scope": _SCOPE,
                "aud": self._address,
                "iat": now,
                "exp": now + timedelta(hours=1),
            }
            form: dict[str, str | list[str]] = {
                "grant_type": _GRANT,
                "assertion": jwt.encode(said, self._key, algorithm="RS256"),
            }
            answer = await post(self._http, self._address, timeout=HTTP_TIMEOUT / 2, data=form)
            if not isinstance(answer, httpx.Response) or not answer.is_success:
                return Released("Google gave no access token: check the service account")
            try:
                token = _Token.model_validate_json(answer.content)
            except ValidationError:
                return Released("Google's access token cannot be read")
            self._kept = token.access_token, now + timedelta(seconds=token.expires_in) - _EARLY
            return token.access_token


class Fcm:
    """FCM's client. It does not recognise a repetition; the device shows one in place of the other."""

    name = "fcm"
    channel = Channel.APP_PUSH
    idempotent = False

    def __init__(
        self,
        http: httpx.AsyncClient,
        tokens: Tokens,
        *,
        project: str,
        api: str = API,
        timeout: timedelta = HTTP_TIMEOUT,
    ) -> None:
        self._http = http
        self._tokens = tokens
        self._url = f"{api}/v1/projects/{project}/messages:send"
        self._timeout = timeout

    async def send(self, message: Outgoing) -> Outcome:
        """Hand one message over; once more with a new token where the first is refused."""
        token = await self._tokens.get()
        if isinstance(token, Released):
            return token
        answer = await self._post(message, token)
        if isinstance(answer, httpx.Response) and answer.status_code == httpx.codes.UNAUTHORIZED:
            token = await self._tokens.get(instead_of=token)
            if isinstance(token, Released):
                return token
            answer = await self._post(message, token)
        return _read(answer) if isinstance(answer, httpx.Response) else answer

    async def _post(self, message: Outgoing, token: str) -> httpx.Response | Released | Unknown:
        headers = {"Authorization": f"Bearer {token}"}
        return await post(self._http, self._url, timeout=self._timeout / 2, headers=headers, json=body(message))


def body(message: Outgoing) -> dict[str, Any]:
    """Write a message as FCM takes it."""
    image = message.cards[0].image if message.cards else None
    shown = {"title": message.subject, "body": message.text, "image": image}
    told = {"send_id": message.send_id, "link": message.link, "receipt": message.receipt}
    data = {name: value for name, value in told.items() if value}
    android: dict[str, Any] = {"collapseKey": message.send_id, "notification": {"tag": message.send_id}}
    apns = {"apns-collapse-id": message.send_id}
    if message.expires_in is not None:
        lives = min(max(message.expires_in, timedelta(0)), _LONGEST_TTL)
        android["ttl"] = f"{int(lives.total_seconds())}s"
        apns["apns-expiration"] = str(math.ceil((datetime.now(UTC) + lives).timestamp()))
    notification = {name: value for name, value in shown.items() if value}
    return {
        "message": {
            "token": message.to,
            "notification": notification,
            "data": data,
            "android": android,
            "apns": {"headers": apns},
        }
    }


def _read(response: httpx.Response) -> Outcome:
    if response.is_success:
        try:
            return Accepted(_Sent.model_validate_json(response.content).name)
        except ValidationError:
            return Unknown("FCM's answer cannot be read")
    code = _code(response)
    if code == _GONE:
        return Rejected("the app is no longer on the device (FCM: UNREGISTERED)", suppress=True)
    if code in _WRONG:
        return Rejected(f"FCM refused the message ({code})")
    shared = outcome_of_status(response, datetime.now(UTC))
    return shared or Rejected(f"FCM refused the message (HTTP {response.status_code})")


def _code(response: httpx.Response) -> str | None:
    try:
        details = _Refusal.model_validate_json(response.content).error.details
    except ValidationError:
        return None
    return next((detail.error_code for detail in details if detail.error_code), None)


def _loaded(text: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        # pydantic tells of a ValueError alone.
        raise ValueError("must be the private_key of the service account's file, an RSA key in PEM")  # noqa: TRY004 see above
    return key


def _key(secret: SecretStr) -> SecretStr:
    _loaded(secret.get_secret_value())
    return secret


class FcmAccount(AccountSettings):
    """Pushes to apps by FCM: the fields of these names of a service account's file."""

    provider: Literal["fcm"] = "fcm"
    project_id: Annotated[str, Field(pattern=r"^[a-z0-9:.-]{4,64}$")]
    client_email: AsciiAddress
    private_key: Annotated[Secret, AfterValidator(_key)]

    def connect(self, http: httpx.AsyncClient) -> Provider:
        """Build the client of the account."""
        key = _loaded(self.private_key.get_secret_value())
        tokens = Tokens(http, email=self.client_email, private_key=key, address=TOKEN_ADDRESS)
        return Fcm(http, tokens, project=self.project_id)
