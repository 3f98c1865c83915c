"""The installation's secret and the keys that are derived from it, one for each use."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

from relance.errors import UsageError
from storage.endpoints import Kind

_SHORTEST = 32
_ENDPOINTS = {Kind.OFFER_API: "offer APIs", Kind.TASK_HOOK: "task hooks"}


class Secret:
    """Derives keys. Whoever has the secret can read channel accounts and sign links: keep it as you keep a password."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def key(self, use: str) -> bytes:
        """Derive the key for one use: 32 bytes."""
        return hmac.new(self._secret, use.encode(), hashlib.sha256).digest()

    @property
    def accounts(self) -> Fernet:
        """Encrypts and decrypts channel accounts."""
        return self._box("channel accounts")

    @property
    def hooks(self) -> Fernet:
        """Encrypts and decrypts the secrets by which shops sign their webhooks."""
        return self._box("hook secrets")

    def endpoint(self, kind: Kind) -> Fernet:
        """Give what encrypts and decrypts where shops are called for something, and the secrets of these calls."""
        return self._box(_ENDPOINTS[kind])

    def _box(self, use: str) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self.key(use)))


def kept_in(folder: Path) -> Secret:
    """Read the secret of a data folder, or make one there that only its owner can read.

    Raises:
        UsageError: the file cannot be read or written, or holds no secret.

    """
    file = folder / "secret"
    try:
        if not file.exists():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as new:
                new.write(secrets.token_urlsafe(48))
        kept = file.read_text().strip()
    except OSError as error:
        raise UsageError(f"cannot use {file}: {error.strerror}") from None
    if len(kept) < _SHORTEST:
        raise UsageError(f"{file} holds no secret; restore it, or delete it if this folder was never used")
    return Secret(kept)
