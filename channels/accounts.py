"""The settings of a shop's account at a provider, and the client that they make.

They are kept encrypted. ``read`` and ``write`` stand on the plain side of that.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import httpx
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    PlainSerializer,
    SecretStr,
    SerializationInfo,
    TypeAdapter,
    model_validator,
)

from channels import twilio
from channels.base import Provider
from channels.infobip import InfobipSms
from channels.smtp import ADDRESS, SmtpEmail, Tls
from channels.twilio import TwilioSms

_REVEAL = {"reveal": True}


def _serialize(secret: SecretStr, info: SerializationInfo) -> str:
    return secret.get_secret_value() if info.context == _REVEAL else str(secret)


def _ascii(address: str) -> str:
    if not address.isascii():
        raise ValueError("must be ASCII: not every mail server takes another sender")
    return address


def _bare(url: HttpUrl) -> HttpUrl:
    if url.username or url.password:
        raise ValueError("must not contain a login: it has its own fields")
    if url.query or url.fragment:
        raise ValueError("must not contain a query or a fragment")
    return url


Secret = Annotated[SecretStr, Field(min_length=1), PlainSerializer(_serialize, when_used="json")]
BaseUrl = Annotated[HttpUrl, AfterValidator(_bare)]
HostName = Annotated[str, Field(max_length=253, pattern=r"^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$")]
AsciiAddress = Annotated[str, Field(max_length=254, pattern=f"^{ADDRESS}$"), AfterValidator(_ascii)]


class _Account(BaseModel):
    # An error would otherwise quote what was given, secrets included.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class InfobipAccount(_Account):
    """SMS by Infobip. ``sender`` is a sender id: a name of at most 11 characters, or a number."""

    provider: Literal["infobip"] = "infobip"
    base_url: BaseUrl
    api_key: Secret
    sender: Annotated[str, Field(min_length=1, max_length=15)]


class TwilioAccount(_Account):
    """SMS by Twilio.

    Attributes:
        sender: a number, a sender id, or a messaging service (``MG…``).
        status_callback: where Twilio reports what became of a message; its path may hold a token, so it is not shown.

    """

    provider: Literal["twilio"] = "twilio"
    base_url: BaseUrl = HttpUrl(twilio.BASE_URL)
    account_sid: Annotated[str, Field(pattern="^AC[0-9a-fA-F]{32}$")]
    auth_token: Secret
    sender: Annotated[str, Field(min_length=1, max_length=34)]
    status_callback: Annotated[HttpUrl | None, Field(repr=False)] = None


class SmtpAccount(_Account):
    """E-mail by SMTP. ``sender`` is the From address, ``sender_name`` the name beside it."""

    provider: Literal["smtp"] = "smtp"
    host: HostName
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Tls = Tls.STARTTLS
    username: Annotated[str, Field(min_length=1)] | None = None
    password: Secret | None = None
    sender: AsciiAddress
    sender_name: str = ""

    @model_validator(mode="after")
    def _login_is_whole_and_encrypted(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("give username and password, or neither")
        if self.password and self.tls is Tls.NONE:
            raise ValueError("a password needs tls: starttls or tls")
        return self


Account = Annotated[InfobipAccount | TwilioAccount | SmtpAccount, Field(discriminator="provider")]
"""Any account; ``provider`` says which."""
_ACCOUNT: TypeAdapter[Account] = TypeAdapter(Account, config=ConfigDict(hide_input_in_errors=True))


def read(settings: bytes | str) -> Account:
    """Read an account's settings, as JSON.

    Raises:
        pydantic.ValidationError: naming the fields. Its text quotes no value, but ``errors()`` does unless it is
            called with ``include_input=False``.

    """
    return _ACCOUNT.validate_json(settings)


def write(account: Account) -> bytes:
    """Write an account's settings as JSON that ``read`` takes. Its secrets are plain: encrypt it at once."""
    return _ACCOUNT.dump_json(account, context=_REVEAL)


def connect(account: Account, http: httpx.AsyncClient) -> Provider:
    """Build the client of an account.

    Args:
        account: its settings.
        http: whose connections the HTTP clients use; whoever made it closes it.

    """
    match account:
        case InfobipAccount():
            return InfobipSms(http, base_url=str(account.base_url), api_key=account.api_key, sender=account.sender)
        case TwilioAccount():
            return TwilioSms(
                http,
                base_url=str(account.base_url),
                account_sid=account.account_sid,
                auth_token=account.auth_token,
                sender=account.sender,
                status_callback=str(account.status_callback) if account.status_callback else None,
            )
        case SmtpAccount():
            return SmtpEmail(
                host=account.host,
                port=account.port,
                sender=account.sender,
                sender_name=account.sender_name,
                tls=account.tls,
                username=account.username,
                password=account.password,
            )
