"""Where a push reaches a person: an app's token, or a browser's subscription, as an event's context tells it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

LONGEST_ADDRESS = 1024
"""Characters of a token or an endpoint; longer than any service's own."""
_KEY_BYTES, _AUTH_BYTES = 65, 16
_UNCOMPRESSED = 4
"""How a point of P-256 begins (RFC 8291, 3.1)."""


class Kind(StrEnum):
    """What a push goes to."""

    BROWSER = "browser"
    APP = "app"


class Told(BaseModel):
    """A device that an event told of.

    Attributes:
        address: an app's token, or a browser's subscription as JSON, always written the same way.

    """

    model_config = ConfigDict(frozen=True)

    kind: Kind
    address: str


def told(context: object) -> Told | None:
    """Read the device of a context: ``{"type": "ios", "token": …}`` or ``{"type": "browser", "subscription": …}``.

    Client libraries fill a context in by themselves: what is wrong there is left out, and no reason to refuse.
    """
    device = context.get("device") if isinstance(context, Mapping) else None
    if not isinstance(device, Mapping):
        return None
    kind = device.get("type")
    if kind == "browser":
        address = subscription(device.get("subscription"))
        return Told(kind=Kind.BROWSER, address=address) if address else None
    token = device.get("token")
    is_app = isinstance(kind, str) and kind.lower() in {"ios", "android"}
    if not is_app or not isinstance(token, str) or not _is_plain(token):
        return None
    return Told(kind=Kind.APP, address=token)


def subscription(value: object) -> str | None:
    """Give a browser's ``PushSubscription`` in the one form that is kept, or None where it is none."""
    if not isinstance(value, Mapping) or not isinstance(keys := value.get("keys"), Mapping):
        return None
    endpoint = value.get("endpoint")
    p256dh, auth = decoded(keys.get("p256dh")), decoded(keys.get("auth"))
    if not isinstance(endpoint, str) or not _is_plain(endpoint) or not _is_https(endpoint):
        return None
    if len(p256dh) != _KEY_BYTES or p256dh[0] != _UNCOMPRESSED or len(auth) != _AUTH_BYTES:
        return None
    said: dict[str, Any] = {"endpoint": endpoint, "keys": {"p256dh": encoded(p256dh), "auth": encoded(auth)}}
    return json.dumps(said, separators=(",", ":"))


def endpoint_of(address: str) -> str | None:
    """Give a subscription's endpoint; None for an app's token."""
    if not address.startswith("{"):
        return None
    try:
        endpoint = json.loads(address).get("endpoint")
    except ValueError:
        return None
    return endpoint if isinstance(endpoint, str) else None


def decoded(text: object) -> bytes:
    """Read base64url with or without its padding; nothing where it is none."""
    if not isinstance(text, str):
        return b""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def encoded(raw: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= LONGEST_ADDRESS and text.isascii() and text.isprintable() and " " not in text


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and not parts.username and not parts.fragment
    except ValueError:
        return False
