"""The settings of a shop's account at a provider: what all accounts have in common.

They are kept encrypted; ``accounts.read`` and ``accounts.write`` stand on the plain side of that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated

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
)

from channels.base import Provider

REVEAL = {"reveal": True}
"""The context in which secrets are written out."""


def _serialize(secret: SecretStr, info: SerializationInfo) -> str:
    return secret.get_secret_value() if info.context == REVEAL else str(secret)


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


MAILBOX = r"[^\s\x00-\x1f\x7f@<>()\[\],:;\"\\]+@[^\s\x00-\x1f\x7f@<>()\[\],:;\"\\]+"
"""One plain mailbox: nothing in it could be read as a second address, another header or another command."""

Secret = Annotated[SecretStr, Field(min_length=1), PlainSerializer(_serialize, when_used="json")]
BaseUrl = Annotated[HttpUrl, AfterValidator(_bare)]
HostName = Annotated[str, Field(max_length=253, pattern=r"^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$")]
AsciiAddress = Annotated[str, Field(max_length=254, pattern=f"^{MAILBOX}$"), AfterValidator(_ascii)]


class AccountSettings(BaseModel, ABC):
    """An account. Each channel's file has its own, which says how a client is made of it."""

    # An error would otherwise quote what was given, secrets included.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @abstractmethod
    def connect(self, http: httpx.AsyncClient) -> Provider:
        """Build the client of the account; whoever made ``http`` closes it."""
