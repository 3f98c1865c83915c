"""Web push (RFC 8030): VAPID (RFC 8292) says who sends, aes128gcm (RFC 8291) keeps the push service from reading it."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from bisect import bisect_left
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

import http_ece
import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import AfterValidator, Field, SecretStr

from channels.base import HTTP_TIMEOUT, Accepted, Outcome, Outgoing, Provider, Rejected
from channels.http import outcome_of_status, post
from channels.rich import shortened
from channels.settings import AccountSettings, HostName, Secret
from journeys.devices import decoded, encoded
from journeys.facts import Channel

LONGEST_PAYLOAD = 3993
"""Bytes that a record of 4,096 leaves (RFC 8291, 4)."""
LONGEST_TITLE, LONGEST_LINK = 200, 1500
WORTH = timedelta(hours=24)
"""How long a push service keeps a message that says nothing of it."""
SERVICES = ("fcm.googleapis.com", "updates.push.services.mozilla.com", ".notify.windows.com", ".push.apple.com")
"""The push services of the browsers; what begins with a point is the end of a name."""
_TOKEN_LIVES = timedelta(hours=12)
_KEY_BYTES = 32


class WebPush:
    """A client of all push services.

    Args:
        http: the client whose connections are used; whoever made it closes it.
        private_key: the shop's VAPID key.
        subject: ``mailto:…`` or ``https:…``, by which a push service reaches the shop.
        origins: further origins that may be called, such as ``https://push.example.com``. A subscription comes from
            a browser, which may say anything: nothing else is ever called.
        timeout: for the whole call.

    """

    name = "vapid"
    channel = Channel.WEB_PUSH
    idempotent = False

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        private_key: ec.EllipticCurvePrivateKey,
        subject: str,
        origins: Collection[str] = (),
        timeout: timedelta = HTTP_TIMEOUT,
    ) -> None:
        self._http = http
        self._key = private_key
        self._subject = subject
        self._origins = frozenset(origins)
        self._timeout = timeout

    async def send(self, message: Outgoing) -> Outcome:
        """Hand one message over. A text that is too long is shortened."""
        try:
            told = json.loads(message.to)
            endpoint = str(told["endpoint"])
            key, auth = decoded(told["keys"]["p256dh"]), decoded(told["keys"]["auth"])
            origin = _origin(endpoint)
        except (ValueError, LookupError, TypeError):
            return Rejected("the address is no browser's subscription", suppress=True)
        if not self._may_call(endpoint, origin):
            return Rejected("the subscription is at no push service that may be called", suppress=True)
        if message.link and len(message.link.encode()) > LONGEST_LINK:
            return Rejected(f"the link is longer than {LONGEST_LINK} bytes")
        try:
            body = encrypt(payload(message), key, auth)
        except ValueError:
            return Rejected("the subscription's key is no point of P-256", suppress=True)
        headers = self._headers(message, origin)
        response = await post(self._http, endpoint, timeout=self._timeout, headers=headers, content=body)
        return _read(response) if isinstance(response, httpx.Response) else response

    def _may_call(self, endpoint: str, origin: str) -> bool:
        if origin in self._origins:
            return True
        host = origin.removeprefix("https://")
        known = any(host.endswith(name) if name.startswith(".") else host == name for name in SERVICES)
        return known and subscription_is_https(endpoint)

    def _headers(self, message: Outgoing, origin: str) -> dict[str, str]:
        until = datetime.now(UTC) + _TOKEN_LIVES
        token = jwt.encode({"aud": origin, "exp": until, "sub": self._subject}, self._key, algorithm="ES256")
        lives = WORTH if message.expires_in is None else max(message.expires_in, timedelta(0))
        return {
            "Authorization": f"vapid t={token}, k={public_key(self._key)}",
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(lives.total_seconds())),
            "Topic": topic(message.send_id),
            "Urgency": "normal",
        }


def subscription_is_https(endpoint: str) -> bool:
    """Tell whether an endpoint is called by https, at its usual port."""
    parts = urlsplit(endpoint)
    return parts.scheme == "https" and parts.port in {None, 443} and parts.username is None


def _origin(endpoint: str) -> str:
    """Give scheme, host and port, the port only where it is not the usual one (RFC 6454)."""
    parts = urlsplit(endpoint)
    host = (parts.hostname or "").rstrip(".")
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in {None, usual} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _read(response: httpx.Response) -> Outcome:
    status = response.status_code
    if status in {httpx.codes.OK, httpx.codes.CREATED, httpx.codes.ACCEPTED}:
        return Accepted(None)
    if status in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
        return Rejected(f"the subscription has ended (HTTP {status})", suppress=True)
    shared = outcome_of_status(response, datetime.now(UTC))
    return shared or Rejected(f"the push service refused the message (HTTP {status})")


def encrypt(
    plain: bytes,
    key: bytes,
    auth: bytes,
    *,
    sender: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """Encrypt one record for a subscription (RFC 8291).

    Args:
        plain: at most ``LONGEST_PAYLOAD`` bytes.
        key: the subscription's ``p256dh``.
        auth: its ``auth``.
        sender: the key of this message alone; a new one unless it is given, as is the salt.
        salt: 16 bytes.

    Raises:
        ValueError: the key is no point of the curve.

    """
    sender = sender or ec.generate_private_key(ec.SECP256R1())
    body: bytes = http_ece.encrypt(
        plain, salt=salt, private_key=sender, dh=key, auth_secret=auth, rs=4096, version="aes128gcm"
    )
    return body


def payload(message: Outgoing) -> bytes:
    """Write what the service worker reads, as JSON that fits: the text is shortened at a word where it must be."""
    text = message.text
    if len(whole := _written(message, text)) <= LONGEST_PAYLOAD:
        return whole

    def is_too_long(length: int) -> bool:
        return len(_written(message, shortened(text, length))) > LONGEST_PAYLOAD

    length = bisect_left(range(len(text)), x=True, key=is_too_long) - 1
    return _written(message, shortened(text, max(length, 0)))


def _written(message: Outgoing, text: str) -> bytes:
    image = message.cards[0].image if message.cards else None
    said = {
        "title": shortened(message.subject or "", LONGEST_TITLE),
        "body": text,
        "link": message.link,
        "image": image if image and len(image.encode()) <= LONGEST_TITLE * 4 else None,
        "receipt": message.receipt,
        "send_id": message.send_id,
    }
    told = {name: value for name, value in said.items() if value is not None}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def topic(send_id: str) -> str:
    """Name a message, so that a repetition takes the place of what still waits: 32 characters of base64url."""
    return encoded(hashlib.sha256(send_id.encode()).digest()[:24])


def public_key(private_key: ec.EllipticCurvePrivateKey) -> str:
    """Give the public half of a VAPID key, as ``applicationServerKey`` takes it."""
    return encoded(private_key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def new_private_key() -> str:
    """Make a VAPID key, as an account keeps it."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return encoded(number.to_bytes(_KEY_BYTES))


def _loaded(text: str) -> ec.EllipticCurvePrivateKey:
    raw = decoded(text)
    if len(raw) != _KEY_BYTES:
        raise ValueError("must be a VAPID key: 32 bytes in base64url; relance push-key makes one")
    try:
        return ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1())
    except ValueError:
        raise ValueError("is no key of P-256; relance push-key makes one") from None


def _key(secret: SecretStr) -> SecretStr:
    _loaded(secret.get_secret_value())
    return secret


def _public(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if "." in host and not host.lower().endswith((".localhost", ".local", ".internal")):
            return host.lower()
    raise ValueError("must be a public name, such as push.example.com")


class WebPushAccount(AccountSettings):
    """Pushes to browsers, by their push services.

    Attributes:
        private_key: the shop's VAPID key. A browser's subscription is good for this key alone: keep it.
        subject: ``mailto:…`` or ``https:…``, by which a push service reaches the shop.
        extra_hosts: further push services that may be called, by https.

    """

    provider: Literal["vapid"] = "vapid"
    private_key: Annotated[Secret, AfterValidator(_key)]
    subject: Annotated[str, Field(max_length=256, pattern=r"^(mailto:[^\s@]+@[^\s@]+|https://[^\s]+)$")]
    extra_hosts: tuple[Annotated[HostName, AfterValidator(_public)], ...] = ()

    @property
    def public_key(self) -> str:
        """What pages subscribe with."""
        return public_key(_loaded(self.private_key.get_secret_value()))

    def connect(self, http: httpx.AsyncClient) -> Provider:
        """Build the client of the account."""
        return WebPush(
            http,
            private_key=_loaded(self.private_key.get_secret_value()),
            subject=self.subject,
            origins=[f"https://{host}" for host in self.extra_hosts],
        )
