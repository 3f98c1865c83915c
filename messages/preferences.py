"""Signed links to a person's preference page: whoever holds one may choose for that person, and unsubscribe."""

from __future__ import annotations

from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer

from messages.links import BadLinkError

_AROUND = " .,;:!?)]}>'\"\u2026"
"""What stands behind a link in a text, and mail programs and telephones take for a part of it."""


@dataclass(frozen=True)
class PersonRef:
    """Whom a link names, as they were known when it was signed: they may have been merged or erased since."""

    shop: str
    customer_id: str


class PreferenceLinks:
    """Signs and reads the tokens of preference pages. They do not expire: whoever wants to stop can, years later.

    Args:
        secret: the signing key; another key reads none of the tokens of this one.

    """

    def __init__(self, secret: bytes) -> None:
        self._signer = URLSafeSerializer(secret, salt="preferences")

    def token(self, shop: str, customer_id: str) -> str:
        """Sign a person's token."""
        token = self._signer.dumps([shop, customer_id])
        return token if isinstance(token, str) else token.decode()

    def read(self, token: str) -> PersonRef:
        """Read a token; what a text put behind it does not matter.

        Raises:
            BadLinkError: it was not signed here, or was changed.

        """
        try:
            shop, customer_id = self._signer.loads(token.rstrip(_AROUND))
        except (BadData, ValueError, TypeError):
            raise BadLinkError("the link is incomplete or was changed") from None
        return PersonRef(str(shop), str(customer_id))
